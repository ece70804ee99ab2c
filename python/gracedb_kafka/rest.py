"""GraceDB's REST interface, and the submission of events over Kafka."""

import os
from collections.abc import Mapping

from gracedb_kafka import _core
from gracedb_kafka.kafka._options import listen_to_log, path_or_none

__all__ = ["CredentialError", "GraceDb", "HTTPConnectionError", "HTTPError", "Response"]

DEFAULT_SERVICE_URL = "https://gracedb.ligo.org/api/"
_RETRIED = {502, 503, 504, 408, 409}
_PAGE = 100


class HTTPError(OSError):
    """GraceDB answered with a status of 400 or above.

    Also caught as ``requests.exceptions.HTTPError`` and ``ligo.gracedb.exceptions.HTTPError`` in a program that has
    loaded those.

    Attributes:
        response (Response): the answer
    """

    def __init__(self, message="", response=None, request=None):
        # Not super(): joined with its namesakes it has other bases, whose arguments are not these.
        OSError.__init__(self, message or f"GraceDB answered {getattr(response, 'status_code', 'with an error')}")
        self.response = response
        self.request = request


class HTTPConnectionError(OSError):
    """GraceDB could not be reached, or did not answer in time.

    Also caught as ``requests.exceptions.ConnectionError`` in a program that has loaded that.
    """

    response = None
    request = None


class CredentialError(RuntimeError):
    """``fail_if_noauth`` was asked for, and neither a token nor a certificate could be used."""


class Headers(Mapping):
    """Header fields by name, whose case makes no difference."""

    def __init__(self, fields):
        self._fields = {name.lower(): value for name, value in fields.items()}

    def __getitem__(self, name):
        return self._fields[name.lower()]

    def __iter__(self):
        return iter(self._fields)

    def __len__(self):
        return len(self._fields)

    def __repr__(self):
        return repr(self._fields)


class Response:
    """GraceDB's answer, as users of ``requests`` expect it.

    Attributes:
        status_code (int), status (int): e.g. 201
        reason (str): e.g. ``"Created"``
        headers (Mapping): by name, whose case makes no difference
        content (bytes): the body
    """

    __slots__ = ("content", "headers", "reason", "status_code")

    def __init__(self, status_code, reason, headers, content):
        self.status_code = status_code
        self.reason = reason
        self.headers = Headers(headers)
        self.content = content

    @property
    def status(self):
        return self.status_code

    @property
    def ok(self):
        """True if the status is below 400 (bool)."""
        return self.status_code < 400

    @property
    def text(self):
        """The body as UTF-8 (str)."""
        return self.content.decode(errors="replace")

    def json(self):
        """The body parsed.

        Raises:
            ValueError: it is not JSON
        """
        try:
            return _core.from_json(self.content)
        except ValueError:
            raise ValueError(f"GraceDB's answer ({self.status_code} {self.reason}) is not JSON") from None

    def read(self):
        """The body (bytes)."""
        return self.content

    def raise_for_status(self):
        """Raises HTTPError if the status is 400 or above."""
        if not self.ok:
            raise HTTPError(f"GraceDB answered {self.status_code} {self.reason}", response=self)

    def __bool__(self):
        return self.ok

    def __repr__(self):
        return f"<Response [{self.status_code}]>"


class GraceDb:
    """A client of GraceDB's REST interface. Safe to share between threads; connections are kept alive.

    A bearer token is found in the usual places and renewed before it expires. It is never sent over plain http, except to
    a loopback address, and never across a redirect to another host. Without one, an X.509 certificate is used:
    ``cred``, ``$X509_USER_CERT`` and ``$X509_USER_KEY``, ``$X509_USER_PROXY``, ``/tmp/x509up_u<uid>``.

    Requests that can be repeated without harm are repeated where GraceDB is overloaded or cannot be reached. Ctrl-C ends
    whatever waits. After ``fork()`` the child has connections of its own.

    Every method that asks GraceDB may raise HTTPError (a status of 400 or above), HTTPConnectionError (no answer), and
    ValueError for a wrong argument. A method of ``ligo.gracedb.rest.GraceDb`` that is not here is taken from there,
    where that package is installed.

    Parameters:
        service_url (str): e.g. ``"https://gracedb-test.ligo.org/api/"``
        cred (str or tuple, optional): PEM file of a proxy, or those of certificate and key, instead of looking for one
        force_noauth (bool): send no credential at all
        fail_if_noauth (bool): raise CredentialError where none is found
        api_version (str, optional): ``"v1"``, ``"v2"`` (by default), or ``"default"`` for the server's own choice
        reload_certificate (bool), reload_cred (bool): accepted for the sake of other clients; credentials are always
            renewed
        reload_buffer (float): seconds before a token's ``exp`` from which on a newer one is looked for
        use_auth (str): ``"all"`` or ``"scitoken"``; there is no other way here
        retries (int): how often a request is repeated; 0: never
        retry_codes (collection of int, optional): the statuses that are worth it; 409 may be left out of 408, 409, 502,
            503 and 504
        allowed_methods: accepted for the sake of other clients; what may be repeated is known here
        backoff_factor (float): seconds; the first wait is shorter, later ones double
        ca_cert_path (str, optional): PEM file; by default ``$REQUESTS_CA_BUNDLE``, else the system's certificates
        timeout (float): seconds of one try of one request
        token_audience (str, optional): by default ``"https://<host>"`` of service_url
        token_scope (str)

    Raises:
        ValueError: not an http(s) URL, or a contradiction in the options
        CredentialError: fail_if_noauth and no credential

    Example::

        client = GraceDb("https://gracedb-test.ligo.org/api/")
        with client.create_kafka_producer(bootstrap_servers="kafka-dev.ligo.org:9092") as producer:
            response = client.create_event("CBC", "gstlal", "coinc.xml", search="AllSky", kafka=producer)
        print(response.json()["graceid"])
    """

    def __init__(
        self,
        service_url=DEFAULT_SERVICE_URL,
        cred=None,
        force_noauth=False,
        fail_if_noauth=False,
        api_version=None,
        reload_certificate=False,
        reload_cred=False,
        reload_buffer=300,
        use_auth="all",
        retries=5,
        retry_codes=None,
        allowed_methods=None,
        backoff_factor=0.1,
        *,
        ca_cert_path=None,
        timeout=60,
        token_audience=None,
        token_scope="gracedb.read",
    ):
        if use_auth not in ("all", "scitoken"):
            raise ValueError(f"use_auth {use_auth!r} is neither 'all' nor 'scitoken'")
        certificate, key = _certificate(cred)
        self._arguments = {
            "service_url": service_url,
            "cred": cred,
            "force_noauth": force_noauth,
            "fail_if_noauth": fail_if_noauth,
            "api_version": api_version,
            "reload_buffer": reload_buffer,
            "use_auth": use_auth,
            "retries": retries,
            "backoff_factor": backoff_factor,
        }
        listen_to_log()
        self._core = _core.GraceDb(
            {
                "service_url": service_url,
                "certificate": certificate,
                "key": key,
                "force_noauth": bool(force_noauth),
                "fail_if_noauth": bool(fail_if_noauth),
                "api_version": api_version,
                "reload_buffer": float(reload_buffer),
                "retries": int(retries),
                "retry_conflict": _retries_conflict(retry_codes),
                "backoff_factor": float(backoff_factor),
                "ca_cert_path": path_or_none(ca_cert_path or os.environ.get("REQUESTS_CA_BUNDLE") or None),
                "timeout": float(timeout),
                "token_audience": token_audience,
                "token_scope": token_scope,
            }
        )
        self._root = None
        self._elsewhere = None

    def create_event(
        self,
        group,
        pipeline,
        filename,
        search=None,
        labels=None,
        offline=False,
        filecontents=None,
        kafka=None,
        http_fallback=False,
        gracedb_upload=True,
        skip_supervisor=False,
        replay_id=None,
    ):
        """Submits an event. With ``kafka``: reserves a graceid, publishes the file under it, and returns when the broker
        has confirmed the message; the supervisor completes the event from there.

        Where Kafka fails, the message is withdrawn first; then ``http_fallback`` uploads the file over HTTP under the
        reserved graceid, else the failure is raised and names the graceid. A reservation refused with 401 or 403 is
        always raised. A file that would not fit into a Kafka message is refused before anything is sent.

        Parameters:
            group (str): e.g. ``"CBC"``
            pipeline (str): e.g. ``"gstlal"``
            filename (str or path): the event file, or its name where filecontents is given
            search (str, optional): e.g. ``"AllSky"``
            labels (str or list, optional)
            offline (bool)
            filecontents (str or bytes, optional): instead of reading the file
            kafka (GraceDbKafkaProducer, optional): None: one plain HTTP POST
            http_fallback (bool): go on over HTTP where the reservation or Kafka fails
            gracedb_upload (bool): False: publish on Kafka without reserving a graceid
            skip_supervisor (bool): True: the supervisor leaves the message alone
            replay_id (str, optional): up to 30 of ``A-Z a-z 0-9 _ -``

        Returns:
            Response: of the reservation, of the completion, or of the plain POST; ``json()["graceid"]`` is the graceid.
            None where gracedb_upload is False: GraceDB has not been asked

        Raises:
            ValueError: unknown group, pipeline, search or label; file empty or too large
            OSError: the file cannot be read
            KafkaMessageDeliveryError, KafkaTopicError, KafkaAuthenticationError: not delivered, and no http_fallback
            HTTPError, HTTPConnectionError
        """
        listen_to_log()
        name, contents = _event_file(filename, filecontents)
        arguments = {
            "group": group,
            "pipeline": pipeline,
            "filename": name,
            "search": search,
            "labels": _strings(labels),
            "offline": bool(offline),
            "http_fallback": bool(http_fallback),
            "gracedb_upload": bool(gracedb_upload),
            "skip_supervisor": bool(skip_supervisor),
            "replay_id": replay_id,
        }
        answer = self._core.create_event(arguments, contents, _core_of(kafka))
        return None if answer is None else Response(*answer)

    def upload_reserved_event(
        self, graceid, filename, filecontents=None, labels=None, kafka_server=None, kafka_topic=None
    ):
        """Completes a reserved event with its file, over HTTP.

        Parameters:
            graceid (str): the reserved id
            filename (str or path): the event file, or its name where filecontents is given
            filecontents (str or bytes, optional): instead of reading the file
            labels (str or list, optional)
            kafka_server (str, optional): the broker that delivered the message
            kafka_topic (str, optional): the topic it arrived on

        Returns:
            Response
        """
        name, contents = _event_file(filename, filecontents)
        answer = self._core.upload_reserved_event(graceid, name, contents, _strings(labels), kafka_server, kafka_topic)
        return Response(*answer)

    def create_kafka_producer(self, bootstrap_servers, topic="test", **options):
        """A producer for this client's instance: ``service_url`` is filled in.

        Parameters:
            bootstrap_servers (str): ``"host:port[,host:port…]"``
            topic (str, optional): pipeline for ``produce()`` without one; ``create_event()`` does not use it
            **options: as GraceDbKafkaProducer takes them

        Returns:
            GraceDbKafkaProducer
        """
        from gracedb_kafka.kafka.producer import GraceDbKafkaProducer

        if "instance_name" not in options:
            options.setdefault("service_url", self.service_url)
        return GraceDbKafkaProducer(bootstrap_servers, topic=topic, **options)

    def ping(self):
        """Asks GraceDB for its API root. Returns a Response."""
        return Response(*self._core.ping())

    def get_user_info(self):
        """Who GraceDB takes this client for. Returns a Response."""
        return Response(*self._core.user_info())

    def event(self, graceid):
        """An event. Returns a Response whose ``json()`` is the event as a dict."""
        return Response(*self._core.event(graceid))

    def events(self, query=None, orderby=None, max_results=None):
        """A generator of the events of a query, fetched page after page.

        Parameters:
            query (str, optional): e.g. ``"group: Test pipeline: gstlal"``
            orderby (str or list, optional): e.g. ``"-created"``
            max_results (int, optional)

        Yields:
            dict: an event
        """
        order = ",".join(_strings(orderby))
        given = 0
        while max_results is None or given < max_results:
            count = _PAGE if max_results is None else min(_PAGE, max_results - given)
            page = Response(*self._core.events_page(query or "", order, given, count)).json()
            yield from page["events"][:count]
            given += len(page["events"])
            if not page["events"] or given >= page.get("numRows", given):
                return

    def num_events(self, query=None):
        """How many events a query has (int)."""
        return Response(*self._core.events_page(query or "", "", 0, 1)).json()["numRows"]

    def files(self, object_id, filename=""):
        """The list of an event's files, or the contents of one. Returns a Response."""
        return Response(*self._core.files(object_id, filename or ""))

    def logs(self, object_id, log_number=None):
        """The log of an event, or one entry of it. Returns a Response."""
        return Response(*self._core.logs(object_id, log_number))

    def write_log(self, object_id, message, filename=None, filecontents=None, tag_name=(), displayName=(), label=None):
        """Adds to the log of an event.

        Parameters:
            object_id (str): graceid
            message (str)
            filename (str or path, optional): a file to attach, or its name where filecontents is given
            filecontents (str or bytes, optional): instead of reading the file
            tag_name (str or list, optional)
            displayName: not supported here
            label (str, optional): a label to apply as well

        Returns:
            Response
        """
        if displayName:
            raise ValueError("displayName is not supported")
        name, contents = ("", None) if filename is None else _event_file(filename, filecontents)
        answer = self._core.write_log(object_id, message, name, contents, _strings(tag_name), label or "")
        return Response(*answer)

    def labels(self, object_id, label=""):
        """The labels of an event, or one of them. Returns a Response."""
        return Response(*self._core.labels(object_id, label or ""))

    def write_label(self, object_id, label):
        """Applies a label to an event. Returns a Response."""
        return Response(*self._core.write_label(object_id, label))

    def remove_label(self, object_id, label):
        """Takes a label off an event. Returns a Response."""
        return Response(*self._core.remove_label(object_id, label))

    createEvent = create_event
    numEvents = num_events
    writeLog = write_log
    writeLabel = write_label
    removeLabel = remove_label

    @property
    def service_url(self):
        """Ends in a slash (str)."""
        return self._core.service_url

    @property
    def service_info(self):
        """The API root, fetched once (dict)."""
        if self._root is None:
            self._root = _core.from_json(self._core.api_root().encode())
        return self._root

    @property
    def links(self):
        """Addresses by name (dict)."""
        return self.service_info["links"]

    @property
    def templates(self):
        """Patterns of addresses by name (dict)."""
        return self.service_info["templates"]

    @property
    def groups(self):
        """The groups that GraceDB knows (list of str)."""
        return self.service_info.get("groups", [])

    @property
    def pipelines(self):
        """The pipelines that GraceDB knows (list of str)."""
        return self.service_info.get("pipelines", [])

    @property
    def searches(self):
        """The searches that GraceDB knows (list of str)."""
        return self.service_info.get("searches", [])

    @property
    def allowed_labels(self):
        """The labels that GraceDB knows (list of str)."""
        return self.service_info.get("labels", [])

    @property
    def server_version(self):
        """GraceDB's own (str)."""
        return self.service_info.get("server-version", "")

    def show_credentials(self, print_output=True):
        """How this client authenticates: ``{"credential": "bearer token of …"}``, never the token itself."""
        shown = {"credential": self._core.credential()}
        if print_output:
            print(shown["credential"])
        return shown

    def close(self):
        """Nothing to be done: connections end with the client."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        from gracedb_kafka import _reference

        other = getattr(_reference.module("ligo.gracedb.rest"), "GraceDb", None)
        if not hasattr(other, name):
            hint = "" if other else "; ligo-gracedb, which may have it, is not installed"
            raise AttributeError(f"GraceDb has no '{name}'{hint}")
        if self._elsewhere is None:
            self._elsewhere = other(**{key: value for key, value in self._arguments.items() if value is not None})
        return getattr(self._elsewhere, name)

    def __repr__(self):
        return f"<GraceDb at {self.service_url}>"


def _certificate(cred):
    if cred is None:
        return None, None
    if isinstance(cred, (str, os.PathLike)):
        return os.fspath(cred), None
    certificate, key = cred
    return os.fspath(certificate), os.fspath(key)


def _retries_conflict(codes):
    if codes is None:
        return True
    if not _RETRIED - {409} <= set(codes) <= _RETRIED | {429}:
        raise ValueError(f"retry_codes must be {sorted(_RETRIED)}, with or without 409")
    return 409 in codes


def _event_file(filename, filecontents):
    """Name and contents (bytes) of a file."""
    name = os.fspath(filename)
    if filecontents is None:
        with open(name, "rb") as file:
            return name, file.read()
    return name, filecontents.encode() if isinstance(filecontents, str) else bytes(filecontents)


def _strings(value):
    if not value:
        return []
    return [value] if isinstance(value, str) else list(value)


def _core_of(producer):
    if producer is None:
        return None
    core = getattr(producer, "_core", None)
    if not isinstance(core, _core.Producer):
        raise TypeError(
            f"kafka must be a GraceDbKafkaProducer of gracedb_kafka, not {type(producer).__module__}."
            f"{type(producer).__name__}"
        )
    return core


def __getattr__(name):
    from gracedb_kafka import _reference

    return _reference.attribute("ligo.gracedb.rest", name, __name__)

"""The client of GraceDB's REST API; submits events over Kafka or HTTP."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gracedb_kafka import _core
from gracedb_kafka.exceptions import CredentialError, HTTPConnectionError, HTTPError
from gracedb_kafka.kafka._client import listen_to_log, path_or_none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from types import TracebackType
    from typing import Any, Self, TypeAlias

    from gracedb_kafka.kafka.producer import GraceDbKafkaProducer

    _Path: TypeAlias = str | os.PathLike[str]
    _Strings: TypeAlias = str | Iterable[str]

__all__ = ["CredentialError", "GraceDb", "HTTPConnectionError", "HTTPError", "Response"]

DEFAULT_SERVICE_URL = "https://gracedb.ligo.org/api/"
_RETRIED_CODES = {502, 503, 504, 408, 409}
_PAGE_SIZE = 100


class Headers(Mapping[str, str]):
    """Header fields by case-insensitive name."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {name.lower(): value for name, value in fields.items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(self._fields)


class Response:
    """A response of GraceDB, similar to ``requests.Response``. It is true if the status is below 400.

    Attributes:
        status_code (int), status (int): e.g. 201
        reason (str): e.g. ``"Created"``
        headers (Mapping): by case-insensitive name
        content (bytes): the body
    """

    __slots__ = ("content", "headers", "reason", "status_code")

    def __init__(self, status_code: int, reason: str, headers: Mapping[str, str], content: bytes) -> None:
        self.status_code = status_code
        self.reason = reason
        self.headers = Headers(headers)
        self.content = content

    @property
    def status(self) -> int:
        return self.status_code

    @property
    def ok(self) -> bool:
        """True if the status is below 400."""
        return self.status_code < 400

    @property
    def text(self) -> str:
        """The body, decoded as UTF-8."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """The body, parsed as JSON.

        Raises:
            ValueError: the body is not JSON
        """
        try:
            return _core.from_json(self.content)
        except ValueError:
            raise ValueError(f"GraceDB's response ({self.status_code} {self.reason}) is not JSON") from None

    def read(self) -> bytes:
        """The body."""
        return self.content

    def raise_for_status(self) -> None:
        """Raises HTTPError if the status is 400 or above."""
        if not self.ok:
            raise HTTPError(f"GraceDB responded {self.status_code} {self.reason}", response=self)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


class GraceDb:
    """A client of GraceDB's REST API. Safe to share between threads; connections are kept alive.

    The client discovers a bearer token and renews it before it expires. It sends the token over plain HTTP
    only to a loopback address, and does not follow redirects with it to another host. Without a token it uses
    an X.509 certificate: ``cred``, ``$X509_USER_CERT`` and ``$X509_USER_KEY``, ``$X509_USER_PROXY``,
    ``/tmp/x509up_u<uid>``.

    Idempotent requests are retried if GraceDB is overloaded or unreachable. Ctrl-C ends any call that waits.
    After ``fork()`` the child opens its own connections.

    Every method that sends a request may raise HTTPError (a status of 400 or above), HTTPConnectionError (no
    response), and ValueError (a wrong argument). A method that this class lacks is taken from
    ``ligo.gracedb.rest.GraceDb`` if ``ligo-gracedb`` is installed.

    Parameters:
        service_url (str): e.g. ``"https://gracedb-test.ligo.org/api/"``
        cred (str or tuple, optional): PEM file of a proxy certificate, or files of certificate and key;
            default: discovery
        force_noauth (bool): send no credential
        fail_if_noauth (bool): raise CredentialError if there is no credential
        api_version (str, optional): ``"v1"``, ``"v2"`` (the default), or ``"default"`` for the server's
            default
        reload_certificate (bool), reload_cred (bool): accepted for compatibility; credentials are always
            renewed
        reload_buffer (float): seconds before a token's ``exp`` from which on to search for a newer one
        use_auth (str): ``"all"`` or ``"scitoken"``
        retries (int): retries of one request; 0: none
        retry_codes (collection of int, optional): the statuses that are retried: 408, 409, 502, 503 and 504,
            with or without 409
        allowed_methods: accepted for compatibility; the client knows which requests are idempotent
        backoff_factor (float): seconds before the second retry; later waits double
        ca_cert_path (str, optional): PEM file; default: ``$REQUESTS_CA_BUNDLE``, else the system's
            certificates
        timeout (float): seconds for one attempt of a request
        token_audience (str, optional): default: ``"https://<host>"`` of service_url
        token_scope (str): scope that the token should contain

    Raises:
        ValueError: not an http(s) URL, or contradictory options
        CredentialError: fail_if_noauth and no credential

    Example::

        client = GraceDb("https://gracedb-test.ligo.org/api/")
        with client.create_kafka_producer(bootstrap_servers="kafka-dev.ligo.org:9092") as producer:
            response = client.create_event("CBC", "gstlal", "coinc.xml", search="AllSky", kafka=producer)
        print(response.json()["graceid"])
    """

    def __init__(
        self,
        service_url: str = DEFAULT_SERVICE_URL,
        cred: _Path | tuple[_Path, _Path] | None = None,
        force_noauth: bool = False,
        fail_if_noauth: bool = False,
        api_version: str | None = None,
        reload_certificate: bool = False,
        reload_cred: bool = False,
        reload_buffer: float = 300,
        use_auth: str = "all",
        retries: int = 5,
        retry_codes: Collection[int] | None = None,
        allowed_methods: Any = None,
        backoff_factor: float = 0.1,
        *,
        ca_cert_path: _Path | None = None,
        timeout: float = 60,
        token_audience: str | None = None,
        token_scope: str = "gracedb.read",
    ) -> None:
        if use_auth not in ("all", "scitoken"):
            raise ValueError(f"use_auth must be 'all' or 'scitoken', not {use_auth!r}")
        certificate, key = _certificate(cred)
        self._reference_arguments = {
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
        self._root: dict[str, Any] | None = None
        self._reference_client: Any = None

    def create_event(
        self,
        group: str,
        pipeline: str,
        filename: _Path,
        search: str | None = None,
        labels: _Strings | None = None,
        offline: bool = False,
        filecontents: str | bytes | None = None,
        kafka: GraceDbKafkaProducer | None = None,
        http_fallback: bool = False,
        gracedb_upload: bool = True,
        skip_supervisor: bool = False,
        replay_id: str | None = None,
    ) -> Response:
        """Submits an event. With ``kafka``: reserves a graceid, publishes the file with it, and returns when
        the broker has acknowledged the message; the supervisor then completes the event.

        If Kafka fails, ``http_fallback`` uploads the file over HTTP under the reserved graceid; otherwise the
        error is raised and names the graceid. By then librdkafka has given the message up and never sends it, so
        that a fallback or a retry makes no duplicate. A reservation that fails with 401 or 403 always raises. A file that is too
        large for a Kafka message is rejected before any request.

        Parameters:
            group (str): e.g. ``"CBC"``
            pipeline (str): e.g. ``"gstlal"``
            filename (str or path): the event file, or its name if filecontents is given
            search (str, optional): e.g. ``"AllSky"``
            labels (str or list, optional)
            offline (bool)
            filecontents (str or bytes, optional): instead of reading the file
            kafka (GraceDbKafkaProducer, optional): default: one HTTP POST
            http_fallback (bool): use HTTP if the reservation or Kafka fails
            gracedb_upload (bool): if False, publish on Kafka without reserving a graceid
            skip_supervisor (bool): mark the message so that the supervisor skips it
            replay_id (str, optional): up to 30 of ``A-Z a-z 0-9 _ -``

        Returns:
            Response: to the reservation, the upload or the POST; ``json()["graceid"]`` is the graceid. None
                if gracedb_upload is False, as GraceDB receives no request

        Raises:
            ValueError: unknown group, pipeline, search or label; empty or too large file
            OSError: the file cannot be read
            KafkaMessageDeliveryError, KafkaTopicError, KafkaAuthenticationError: not delivered, and no
                http_fallback
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
        response = self._core.create_event(arguments, contents, _core_of(kafka))
        if response is None:  # only without gracedb_upload, so that the annotation leaves it out
            return None  # type: ignore[return-value]
        return Response(*response)

    def upload_reserved_event(
        self,
        graceid: str,
        filename: _Path,
        filecontents: str | bytes | None = None,
        labels: _Strings | None = None,
        kafka_server: str | None = None,
        kafka_topic: str | None = None,
    ) -> Response:
        """Uploads the file of a reserved event over HTTP.

        Parameters:
            graceid (str): the reserved id
            filename (str or path): the event file, or its name if filecontents is given
            filecontents (str or bytes, optional): instead of reading the file
            labels (str or list, optional)
            kafka_server (str, optional): the broker from which the message came
            kafka_topic (str, optional): the topic of the message

        Returns:
            Response
        """
        name, contents = _event_file(filename, filecontents)
        return Response(
            *self._core.upload_reserved_event(
                graceid, name, contents, _strings(labels), kafka_server, kafka_topic
            )
        )

    def create_kafka_producer(
        self, bootstrap_servers: str, topic: str | None = "test", **options: Any
    ) -> GraceDbKafkaProducer:
        """Creates a producer for this client's instance, i.e. with its ``service_url``.

        Parameters:
            bootstrap_servers (str): ``"host:port[,host:port…]"``
            topic (str, optional): default pipeline of ``produce()``; ``create_event()`` uses that of the
                event
            **options: other parameters of GraceDbKafkaProducer

        Returns:
            GraceDbKafkaProducer
        """
        from gracedb_kafka.kafka.producer import GraceDbKafkaProducer

        if "instance_name" not in options:
            options.setdefault("service_url", self.service_url)
        return GraceDbKafkaProducer(bootstrap_servers, topic=topic, **options)

    def ping(self) -> Response:
        """Requests the API root."""
        return Response(*self._core.ping())

    def get_user_info(self) -> Response:
        """The user as whom GraceDB authenticates this client."""
        return Response(*self._core.user_info())

    def event(self, graceid: str) -> Response:
        """An event; ``json()`` of the response is a dict."""
        return Response(*self._core.event(graceid))

    def events(
        self, query: str | None = None, orderby: _Strings | None = None, max_results: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """A generator of the events that match a query, requested page by page.

        Parameters:
            query (str, optional): e.g. ``"group: Test pipeline: gstlal"``
            orderby (str or list, optional): e.g. ``"-created"``
            max_results (int, optional)

        Yields:
            dict: an event
        """
        order = ",".join(_strings(orderby))
        returned = 0
        while max_results is None or returned < max_results:
            count = _PAGE_SIZE if max_results is None else min(_PAGE_SIZE, max_results - returned)
            page = Response(*self._core.events_page(query or "", order, returned, count)).json()
            yield from page["events"][:count]
            returned += len(page["events"])
            if not page["events"] or returned >= page.get("numRows", returned):
                return

    def num_events(self, query: str | None = None) -> int:
        """The number of events that match a query."""
        return int(Response(*self._core.events_page(query or "", "", 0, 1)).json()["numRows"])

    def files(self, object_id: str, filename: str = "") -> Response:
        """The list of an event's files, or the contents of one."""
        return Response(*self._core.files(object_id, filename or ""))

    def logs(self, object_id: str, log_number: int | None = None) -> Response:
        """The log of an event, or one entry of it."""
        return Response(*self._core.logs(object_id, log_number))

    def write_log(
        self,
        object_id: str,
        message: str,
        filename: _Path | None = None,
        filecontents: str | bytes | None = None,
        tag_name: _Strings = (),
        displayName: _Strings = (),
        label: str | None = None,
    ) -> Response:
        """Adds an entry to the log of an event.

        Parameters:
            object_id (str): graceid
            message (str)
            filename (str or path, optional): a file to attach, or its name if filecontents is given
            filecontents (str or bytes, optional): instead of reading the file
            tag_name (str or list, optional)
            displayName: not supported
            label (str, optional): a label to apply

        Returns:
            Response
        """
        if displayName:
            raise ValueError("displayName is not supported")
        name, contents = ("", None) if filename is None else _event_file(filename, filecontents)
        return Response(
            *self._core.write_log(object_id, message, name, contents, _strings(tag_name), label or "")
        )

    def labels(self, object_id: str, label: str = "") -> Response:
        """The labels of an event, or one of them."""
        return Response(*self._core.labels(object_id, label or ""))

    def write_label(self, object_id: str, label: str) -> Response:
        """Applies a label to an event."""
        return Response(*self._core.write_label(object_id, label))

    def remove_label(self, object_id: str, label: str) -> Response:
        """Removes a label from an event."""
        return Response(*self._core.remove_label(object_id, label))

    createEvent = create_event
    numEvents = num_events
    writeLog = write_log
    writeLabel = write_label
    removeLabel = remove_label

    @property
    def service_url(self) -> str:
        """The URL of the API; ends in a slash."""
        return self._core.service_url

    @property
    def service_info(self) -> dict[str, Any]:
        """The API root, requested once."""
        if self._root is None:
            self._root = dict(_core.from_json(self._core.api_root().encode()))
        return self._root

    @property
    def links(self) -> dict[str, Any]:
        """URLs by name."""
        links: dict[str, Any] = self.service_info["links"]
        return links

    @property
    def templates(self) -> dict[str, Any]:
        """URL templates by name."""
        templates: dict[str, Any] = self.service_info["templates"]
        return templates

    @property
    def groups(self) -> list[str]:
        """The groups that GraceDB accepts."""
        return list(self.service_info.get("groups", []))

    @property
    def pipelines(self) -> list[str]:
        """The pipelines that GraceDB accepts."""
        return list(self.service_info.get("pipelines", []))

    @property
    def searches(self) -> list[str]:
        """The searches that GraceDB accepts."""
        return list(self.service_info.get("searches", []))

    @property
    def allowed_labels(self) -> list[str]:
        """The labels that GraceDB accepts."""
        return list(self.service_info.get("labels", []))

    @property
    def server_version(self) -> str:
        """The version of the GraceDB server."""
        return str(self.service_info.get("server-version", ""))

    def show_credentials(self, print_output: bool = True) -> dict[str, str]:
        """The credential of this client: ``{"credential": "bearer token of …"}``, without the token
        itself."""
        credential = self._core.credential()
        if print_output:
            print(credential)
        return {"credential": credential}

    def close(self) -> None:
        """Does nothing: the destructor closes the connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from gracedb_kafka import _alias

        reference = getattr(_alias.reference_module("ligo.gracedb.rest"), "GraceDb", None)
        if reference is None:
            raise AttributeError(f"GraceDb has no '{name}'; install ligo-gracedb, which may have it")
        if not hasattr(reference, name):
            raise AttributeError(f"GraceDb has no '{name}'")
        if self._reference_client is None:
            arguments = {key: value for key, value in self._reference_arguments.items() if value is not None}
            self._reference_client = reference(**arguments)
        return getattr(self._reference_client, name)

    def __repr__(self) -> str:
        return f"<GraceDb at {self.service_url}>"


def _certificate(cred: _Path | tuple[_Path, _Path] | None) -> tuple[str | None, str | None]:
    if cred is None:
        return None, None
    if isinstance(cred, (str, os.PathLike)):
        return os.fspath(cred), None
    certificate, key = cred
    return os.fspath(certificate), os.fspath(key)


def _retries_conflict(codes: Collection[int] | None) -> bool:
    if codes is None:
        return True
    if not _RETRIED_CODES - {409} <= set(codes) <= _RETRIED_CODES | {429}:
        raise ValueError(f"retry_codes must be {sorted(_RETRIED_CODES)}, with or without 409")
    return 409 in codes


def _event_file(filename: _Path, filecontents: str | bytes | None) -> tuple[str, bytes]:
    """Name and contents of a file."""
    name = os.fspath(filename)
    if filecontents is None:
        with open(name, "rb") as file:
            return name, file.read()
    return name, filecontents.encode() if isinstance(filecontents, str) else bytes(filecontents)


def _strings(value: _Strings | None) -> list[str]:
    if not value:
        return []
    return [value] if isinstance(value, str) else list(value)


def _core_of(producer: GraceDbKafkaProducer | None) -> _core.Producer | None:
    if producer is None:
        return None
    core = getattr(producer, "_core", None)
    if not isinstance(core, _core.Producer):
        raise TypeError(
            f"kafka must be a GraceDbKafkaProducer of gracedb_kafka, not {type(producer).__module__}."
            f"{type(producer).__name__}"
        )
    return core


def __getattr__(name: str) -> Any:
    from gracedb_kafka import _alias

    return _alias.reference_attribute("ligo.gracedb.rest", name, __name__)

"""Publishing messages."""

from gracedb_kafka import _core, _open
from gracedb_kafka.kafka._options import listen_to_log, path_or_none, seconds, settle_deprecated

__all__ = ["GraceDbKafkaProducer"]

_AT_EXIT = 5.0
# Beyond so many messages on their way the queue may be full, and produce() may wait for room.
_PLENTY = 50_000


class GraceDbKafkaProducer:
    """Publishes messages to ``<instance>.<pipeline>`` topics with the caller's SciToken. Safe to share between threads.

    The connection is made, and the token renewed, in the background. When the broker refuses the token,
    ``produce()``, ``flush()`` and ``poll()`` raise KafkaAuthenticationError until one is accepted; each such call looks
    for a fresh token first, so putting one in place is all it takes.

    Ctrl-C ends whatever waits. A producer does not survive ``fork()``: make one in each process.

    Parameters:
        bootstrap_servers (str): ``"host:port[,host:port…]"``
        topic (str, optional): pipeline that messages go to unless they name another, e.g. ``"gstlal"``; the topic is
            namespaced with the instance name
        instance_name (str, optional): e.g. ``"gracedb-dev"``; give exactly one of instance_name and service_url
        service_url (str, optional): e.g. ``"https://gracedb-dev.ligo.org/api/"``
        use_ssl (bool): SASL_SSL; SASL_PLAINTEXT where false
        ca_cert_path (str, optional): PEM file; by default the system's certificates
        skip_hostname_verification (bool): for a development broker whose certificate has another name
        token_scope (str): what the token should allow
        token_audience (str, optional): whom it should be meant for; by default any host of bootstrap_servers
        reload_cred (bool): renew the token ahead of its expiry
        reload_buffer (float): seconds before the token's ``exp`` from which on a newer one is looked for
        flush_timeout (float): seconds that ``GraceDb.create_event()`` waits for the broker's confirmation
        guaranteed_delivery (bool): ``acks=all``, idempotence and retries for up to 30 s; without it messages may be lost
            or doubled
        auto_refresh_token (bool, optional): deprecated name of reload_cred
        validate_token (bool): look a token up at once, and fail without one
        check_for_topics (bool): reach the broker at once, and fail if it does not show the topic (or any of the
            instance)
        **kafka_config: any property of librdkafka, applied last, e.g. ``**{"linger.ms": 5}``; with
            ``**{"security.protocol": "plaintext"}`` no token is needed. ``oauth_cb`` supplies tokens instead of
            the discovery: called with a str, it returns a token and its end (Unix time)

    Raises:
        ValueError: contradictory or unknown options; the message lists every fault
        KafkaTokenError: no usable token (only with validate_token)
        KafkaAuthenticationError: the broker refuses the token (only with check_for_topics)
        KafkaConnectionError: no broker answered within 10 s (only with check_for_topics)
        KafkaTopicError: no such topic, or none of this instance (only with check_for_topics)

    Example::

        with GraceDbKafkaProducer(
            bootstrap_servers="kafka-dev.ligo.org:9092",
            topic="test",
            service_url="https://gracedb-dev.ligo.org/api/",
        ) as producer:
            producer.produce({"graceid": "G12345"})
    """

    def __init__(
        self,
        bootstrap_servers,
        topic=None,
        instance_name=None,
        service_url=None,
        use_ssl=True,
        ca_cert_path=None,
        skip_hostname_verification=False,
        token_scope="kafka.produce",
        token_audience=None,
        reload_cred=True,
        reload_buffer=300,
        flush_timeout=10,
        guaranteed_delivery=True,
        auto_refresh_token=None,
        *,
        validate_token=True,
        check_for_topics=True,
        **kafka_config,
    ):
        arguments = {
            "bootstrap_servers": bootstrap_servers,
            "topic": topic,
            "instance_name": instance_name,
            "service_url": service_url,
            "use_ssl": bool(use_ssl),
            "ca_cert_path": path_or_none(ca_cert_path),
            "skip_hostname_verification": bool(skip_hostname_verification),
            "token_scope": token_scope,
            "token_audience": token_audience,
            "reload_cred": settle_deprecated(bool(reload_cred), auto_refresh_token),
            "reload_buffer": float(reload_buffer),
            "flush_timeout": float(flush_timeout),
            "guaranteed_delivery": bool(guaranteed_delivery),
            "validate_token": bool(validate_token),
            "check_for_topics": bool(check_for_topics),
        }
        oauth_cb = kafka_config.pop("oauth_cb", None)
        listen_to_log()
        self._core = core = _core.Producer(arguments, kafka_config, oauth_cb)
        self._produce = core.produce
        self._deliveries = None
        self.bootstrap_servers = bootstrap_servers
        self.instance_name = core.instance_name
        self.flush_timeout = flush_timeout
        _open.remember(self)

    def produce(self, value, topic=None, key=None, headers=None, partition=None, on_delivery=None):
        """Queues one message and returns; the outcome is reported to ``on_delivery``.

        Parameters:
            value (dict, str or bytes): a dict is sent as JSON, a str as UTF-8, bytes as they are
            topic (str, optional): pipeline, e.g. ``"gstlal"``; by default that of the constructor
            key (str or bytes, optional): messages of one key keep their order
            headers (dict, optional): names with values of str or bytes; pairs in a list where names repeat
            partition (int, optional): by default chosen from the key
            on_delivery (callable, optional): called once as ``on_delivery(err, msg)``, in a later ``produce()``,
                ``poll()``, ``flush()`` or ``close()``. ``err`` is None or a KafkaMessageDeliveryError; ``msg`` has the
                methods ``topic()``, ``partition()``, ``offset()``, ``key()``, ``value()`` and ``error()``. What
                it raises does not disturb delivery, and is raised by that call when it is done

        Raises:
            ValueError: no topic given and no default set, or a dict that cannot be JSON (it holds itself)
            TypeError: a value of another type, or a dict that cannot be JSON
            KafkaAuthenticationError: the broker has refused the token, and there is no fresh one
            KafkaProducerError: the queue stayed full for 10 s, the message is too large, or the producer is closed;
                nothing was queued
        """
        self._produce(value, topic, key, headers, partition, on_delivery)

    async def produce_async(self, value, topic=None, key=None, headers=None, partition=None):
        """Sends one message, and waits for its delivery without holding up the event loop.

        Takes what ``produce()`` takes.

        Returns:
            DeliveredMessage: has the methods ``topic()``, ``partition()``, ``offset()``, ``key()``, ``value()``

        Raises:
            KafkaMessageDeliveryError: not delivered; ``may_have_arrived()`` tells whether it had left already
            as produce() otherwise

        Giving up the wait (by cancellation or ``asyncio.timeout``) does not take the message back.
        """
        if self._deliveries is None:
            from gracedb_kafka.kafka._async import Deliveries

            self._deliveries = Deliveries(self._core)
        return await self._deliveries.deliver((value, topic, key, headers, partition), patient=_PLENTY)

    def poll(self, timeout=0.0):
        """Runs due delivery callbacks; waits up to ``timeout`` seconds for the first. None waits without end.

        Returns:
            int: how many messages were reported on

        Raises:
            KafkaAuthenticationError: as produce()
            what a delivery callback raised
        """
        return self._core.poll(seconds(timeout))

    def flush(self, timeout=-1, strict=False):
        """Waits until every message is delivered or has failed.

        Parameters:
            timeout (float): seconds; -1 or None: without end, 0: only look
            strict (bool): raise where messages remain or have failed since the last flush

        Returns:
            int: how many messages are still on their way; look at it

        Raises:
            KafkaMessageDeliveryError: only with strict; with the last error and a hint
            KafkaAuthenticationError: as produce()
            what a delivery callback raised
        """
        listen_to_log()
        return self._core.flush(seconds(timeout), bool(strict))

    def close(self, timeout=30):
        """Flushes for at most ``timeout`` seconds and releases everything. Messages still on their way are reported as
        failed and logged. Later calls do nothing.

        Raises:
            what a delivery callback raised
        """
        _open.forget(self)
        self._core.close(seconds(timeout))

    @property
    def pending_messages(self):
        """How many messages are queued or on their way (int)."""
        return self._core.pending_messages()

    def ping(self, topic=None, timeout=10):
        """Sends a small message and waits for its confirmation: the whole way through token, TLS, SASL and topic.

        Parameters:
            topic (str, optional): pipeline; by default that of the constructor, else ``"test"``
            timeout (float): seconds

        Returns:
            dict: ``topic``, ``partition``, ``offset``, and ``message`` as it was sent, with ``sub`` and ``scope`` of the token

        Raises:
            KafkaMessageDeliveryError: not confirmed in time; the message was withdrawn
            KafkaTopicError: the topic is missing or not allowed
            KafkaAuthenticationError: the broker refuses the token
        """
        return self._core.ping(topic, seconds(timeout))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __repr__(self):
        return f"<GraceDbKafkaProducer of {self.instance_name} at {self.bootstrap_servers}>"

    def _close_at_exit(self):
        self._core.close(_AT_EXIT)

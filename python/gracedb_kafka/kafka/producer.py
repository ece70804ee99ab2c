"""The producer: publishes messages."""

from __future__ import annotations

from gracedb_kafka import _core
from gracedb_kafka.kafka._client import (
    close_at_exit,
    is_closing,
    listen_to_log,
    path_or_none,
    reload_cred_from,
    seconds,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable
    from os import PathLike
    from types import TracebackType
    from typing import Any, Self, TypeAlias

    from gracedb_kafka.kafka.exceptions import KafkaMessageDeliveryError

    _Value: TypeAlias = dict[str, Any] | str | bytes
    _Text: TypeAlias = str | bytes
    _Headers: TypeAlias = dict[str, _Text | None] | Iterable[tuple[str, _Text | None]]
    _OnDelivery: TypeAlias = Callable[[KafkaMessageDeliveryError | None, _core.DeliveredMessage], object]
    _Message: TypeAlias = tuple[_Value, str | None, _Text | None, _Headers | None, int | None]

__all__ = ["GraceDbKafkaProducer"]

_CLOSE_AT_EXIT_TIMEOUT = 5.0  # seconds
_ASYNC_POLL_TIMEOUT = 0.1  # seconds
_QUEUE_MAY_BE_FULL = 50_000  # pending messages, from which on produce() may wait for space in the queue


class GraceDbKafkaProducer:
    """Publishes messages to ``<instance>.<pipeline>`` topics with the user's SciToken. Safe to share between
    threads.

    The producer connects, and renews the token, in the background. When the broker rejects the token,
    ``produce()``, ``flush()`` and ``poll()`` raise KafkaAuthenticationError until the broker accepts one.
    Each of these calls first searches for a newer token, so it is enough to write a new token file.

    Ctrl-C ends any call that waits. The child of a ``fork()`` cannot use the producer: create one in each
    process.

    Parameters:
        bootstrap_servers (str): ``"host:port[,host:port…]"``
        topic (str, optional): default pipeline of messages, e.g. ``"gstlal"``; the topic is
            ``<instance>.<pipeline>``
        instance_name (str, optional): e.g. ``"gracedb-dev"``; give either instance_name or service_url
        service_url (str, optional): e.g. ``"https://gracedb-dev.ligo.org/api/"``
        use_ssl (bool): use SASL_SSL, else SASL_PLAINTEXT
        ca_cert_path (str, optional): PEM file; default: the system's certificates
        skip_hostname_verification (bool): for a development broker whose certificate has another host name
        token_scope (str): scope that the token should contain
        token_audience (str, optional): audience that the token should contain; default: any host of
            bootstrap_servers
        reload_cred (bool): renew the token before it expires
        reload_buffer (float): seconds before the token's ``exp`` from which on to search for a newer one
        flush_timeout (float): seconds for which ``GraceDb.create_event()`` waits for the broker's
            acknowledgement
        guaranteed_delivery (bool): ``acks=all``, idempotence, and retries for up to 30 s; if False, messages
            may be lost or duplicated
        auto_refresh_token (bool, optional): deprecated name of reload_cred
        validate_token (bool): raise KafkaTokenError if there is no usable token now
        check_for_topics (bool): connect to the broker now, and raise if it does not list the topic (or any
            topic of the instance)
        **kafka_config: librdkafka properties, applied last, e.g. ``**{"linger.ms": 5}``; with
            ``**{"security.protocol": "plaintext"}`` no token is needed. ``oauth_cb`` replaces the token
            discovery: a callable that takes a str and returns a token and its expiry (Unix time)

    Raises:
        ValueError: contradictory or unknown options; the message lists every error
        KafkaTokenError: no usable token (only with validate_token)
        KafkaAuthenticationError: the broker rejects the token (only with check_for_topics)
        KafkaConnectionError: no broker responded within 10 s (only with check_for_topics)
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
        bootstrap_servers: str,
        topic: str | None = None,
        instance_name: str | None = None,
        service_url: str | None = None,
        use_ssl: bool = True,
        ca_cert_path: str | PathLike[str] | None = None,
        skip_hostname_verification: bool = False,
        token_scope: str = "kafka.produce",
        token_audience: str | None = None,
        reload_cred: bool = True,
        reload_buffer: float = 300,
        flush_timeout: float = 10,
        guaranteed_delivery: bool = True,
        auto_refresh_token: bool | None = None,
        *,
        validate_token: bool = True,
        check_for_topics: bool = True,
        **kafka_config: Any,
    ) -> None:
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
            "reload_cred": reload_cred_from(reload_cred, auto_refresh_token),
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
        self._async_deliveries: _AsyncDeliveries | None = None
        self.bootstrap_servers = bootstrap_servers
        self.instance_name = core.instance_name
        self.flush_timeout = flush_timeout
        close_at_exit(self)

    def produce(
        self,
        value: _Value,
        topic: str | None = None,
        key: _Text | None = None,
        headers: _Headers | None = None,
        partition: int | None = None,
        on_delivery: _OnDelivery | None = None,
    ) -> None:
        """Queues one message and returns; ``on_delivery`` receives the result.

        Parameters:
            value (dict, str or bytes): a dict is sent as JSON, a str as UTF-8, bytes unchanged
            topic (str, optional): pipeline, e.g. ``"gstlal"``; default: that of the constructor
            key (str or bytes, optional): messages with the same key keep their order
            headers (dict, optional): names with values of str or bytes; for repeated names a list of pairs
            partition (int, optional): default: chosen from the key
            on_delivery (callable, optional): called once as ``on_delivery(err, msg)``, inside a later call of
                ``produce()``, ``poll()``, ``flush()``, ``ping()`` or ``close()``. ``err`` is None or a
                KafkaMessageDeliveryError; ``msg`` has the methods ``topic()``, ``partition()``, ``offset()``,
                ``key()``, ``value()`` and ``error()``. An exception of the callback does not affect delivery;
                that call raises it when it has finished. A callback may call ``produce()``, but not
                ``poll()``, ``flush()`` or ``close()``

        Raises:
            ValueError: no topic given and no default set, or a dict that JSON cannot express (it contains
                itself)
            TypeError: a value of another type, or a dict that JSON cannot express
            KafkaAuthenticationError: the broker rejects the token, and no newer one was found
            KafkaProducerError: the queue was full for 10 s, the message is too large, or the producer is
                closed; the message was not queued
        """
        self._produce(value, topic, key, headers, partition, on_delivery)

    async def produce_async(
        self,
        value: _Value,
        topic: str | None = None,
        key: _Text | None = None,
        headers: _Headers | None = None,
        partition: int | None = None,
    ) -> _core.DeliveredMessage:
        """Sends one message and waits for its delivery without blocking the event loop.

        Takes the parameters of ``produce()``.

        Returns:
            DeliveredMessage: has the methods ``topic()``, ``partition()``, ``offset()``, ``key()``,
                ``value()``

        Raises:
            KafkaMessageDeliveryError: not delivered; see ``may_have_arrived()``
            and the exceptions of produce()

        Cancelling the wait (e.g. by ``asyncio.timeout``) does not withdraw the message.
        """
        if self._async_deliveries is None:
            self._async_deliveries = _AsyncDeliveries(self._core)
        return await self._async_deliveries.deliver((value, topic, key, headers, partition))

    def poll(self, timeout: float | None = 0.0) -> int:
        """Runs the delivery callbacks that are due; waits up to ``timeout`` seconds for the first. None: no
        time-out.

        Returns:
            int: the number of callbacks that ran

        Raises:
            KafkaAuthenticationError: as produce()
            and the first exception of a callback
        """
        return self._core.poll(seconds(timeout))

    def flush(self, timeout: float | None = -1, strict: bool = False) -> int:
        """Waits until every message is delivered or has failed, and runs their callbacks.

        Parameters:
            timeout (float): seconds; -1 or None: no time-out, 0: do not wait
            strict (bool): raise if messages are still pending, or have failed since the last flush

        Returns:
            int: the number of messages still pending; check it

        Raises:
            KafkaMessageDeliveryError: only with strict; with the last error and a hint
            KafkaAuthenticationError: as produce()
            and the first exception of a callback
        """
        listen_to_log()
        return self._core.flush(seconds(timeout), bool(strict))

    def close(self, timeout: float | None = 30) -> None:
        """Flushes for at most ``timeout`` seconds and releases all resources. Messages still pending are
        reported as failed and logged. A second call does nothing.

        Raises:
            the first exception of a callback
        """
        self._core.close(seconds(timeout))
        is_closing(self)

    @property
    def pending_messages(self) -> int:
        """The number of messages that are queued, in flight, or whose callback has not run yet."""
        return self._core.pending_messages()

    def ping(self, topic: str | None = None, timeout: float | None = 10) -> dict[str, Any]:
        """Sends a small message and waits for its acknowledgement; tests token, TLS, SASL and topic.

        Parameters:
            topic (str, optional): pipeline; default: that of the constructor, else ``"test"``
            timeout (float): seconds

        Returns:
            dict: ``topic``, ``partition``, ``offset``, and the ``message`` that was sent, with ``sub`` and
                ``scope`` of the
            token

        Raises:
            KafkaMessageDeliveryError: not acknowledged in time
            KafkaTopicError: the topic is missing or not authorized
            KafkaAuthenticationError: the broker rejects the token
        """
        return self._core.ping(topic, seconds(timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<GraceDbKafkaProducer of {self.instance_name} at {self.bootstrap_servers}>"

    def _close_at_exit(self) -> None:
        self._core.close(_CLOSE_AT_EXIT_TIMEOUT)


class _AsyncDeliveries:
    """Deliveries that event loops await. In each such loop one task polls the producer as long as any is
    pending."""

    def __init__(self, core: _core.Producer) -> None:
        self._core = core
        self._pending: dict[asyncio.AbstractEventLoop, set[asyncio.Future[_core.DeliveredMessage]]] = {}
        self._task: asyncio.Task[None] | None = (
            None  # keeps a reference: the loop itself holds only a weak one
        )

    async def deliver(self, message: _Message) -> _core.DeliveredMessage:
        import asyncio

        loop = asyncio.get_running_loop()
        delivered: asyncio.Future[_core.DeliveredMessage] = loop.create_future()

        def on_delivery(error: KafkaMessageDeliveryError | None, report: _core.DeliveredMessage) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_set_result, delivered, error, report)

        if self._core.pending_messages() < _QUEUE_MAY_BE_FULL:
            self._core.produce(*message, on_delivery)
        else:
            await loop.run_in_executor(None, self._core.produce, *message, on_delivery)
        if loop in self._pending:
            self._pending[loop].add(delivered)
        else:
            self._pending[loop] = {delivered}
            self._task = loop.create_task(self._poll(loop))
        return await delivered

    async def _poll(self, loop: asyncio.AbstractEventLoop) -> None:
        import asyncio

        try:
            while pending := {future for future in self._pending[loop] if not future.done()}:
                self._pending[loop] = pending
                try:
                    await loop.run_in_executor(None, self._core.poll, _ASYNC_POLL_TIMEOUT)
                except Exception:  # noqa: BLE001
                    # The error of each message is in its report.
                    await asyncio.sleep(_ASYNC_POLL_TIMEOUT)
        finally:
            del self._pending[loop]


def _set_result(
    delivered: asyncio.Future[_core.DeliveredMessage],
    error: KafkaMessageDeliveryError | None,
    report: _core.DeliveredMessage,
) -> None:
    if delivered.done():
        return
    if error is None:
        delivered.set_result(report)
    else:
        delivered.set_exception(error)

"""The consumer: reads messages."""

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
from gracedb_kafka.kafka.exceptions import KafkaConsumerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future
    from os import PathLike
    from types import FrameType, TracebackType
    from typing import Any, Self, TypedDict

    class _Message(TypedDict):
        topic: str
        partition: int
        offset: int
        key: str | bytes | None
        value: Any
        timestamp: int | None
        headers: dict[str, bytes] | None


__all__ = ["GraceDbKafkaConsumer"]

_CLOSE_TIMEOUT = 10.0  # seconds
_CLOSE_AT_EXIT_TIMEOUT = 5.0  # seconds
_ASYNC_POLL_TIMEOUT = 0.1  # seconds
_ASYNC_BATCH = 64  # messages returned without a wait, after which other tasks of the event loop run


class GraceDbKafkaConsumer:
    """Reads messages of ``<instance>.<pipeline>`` topics with the user's SciToken.

    By default the consumer reads messages that arrive from now on, in a new consumer group. With a
    ``group_id`` it resumes at the group's committed offsets, and shares the partitions with the other members
    of the group. With ``auto_offset_reset="earliest"`` a new group starts at the oldest message.

    A message counts as processed when the next one is requested or the consumer is closed; only then is its
    offset committed. If processing raises inside a ``with`` block, the message is delivered to the group
    again.

    Ctrl-C ends any call that waits. Calls of several threads wait for each other, except for ``stop()`` and
    ``close()``, which end them. The child of a ``fork()`` cannot use the consumer: create one in each
    process.

    Parameters:
        bootstrap_servers (str): ``"host:port[,host:port…]"``
        topics (str or list, optional): pipelines to subscribe to, e.g. ``"gstlal"``; the topic is
            ``<instance>.<pipeline>``
        instance_name (str, optional): e.g. ``"gracedb-dev"``; give either instance_name or service_url
        service_url (str, optional): e.g. ``"https://gracedb-dev.ligo.org/api/"``
        group_id (str, optional): consumer group; default: a new group for each consumer
        use_ssl (bool): use SASL_SSL, else SASL_PLAINTEXT
        ca_cert_path (str, optional): PEM file; default: the system's certificates
        skip_hostname_verification (bool): for a development broker whose certificate has another host name
        token_scope (str): scope that the token should contain
        token_audience (str, optional): audience that the token should contain; default: any host of
            bootstrap_servers
        reload_cred (bool): renew the token before it expires
        reload_buffer (float): seconds before the token's ``exp`` from which on to search for a newer one
        auto_refresh_token (bool, optional): deprecated name of reload_cred
        auto_offset_reset (str): where a group without a committed offset starts, ``"latest"`` or
            ``"earliest"``
        validate_token (bool): raise KafkaTokenError if there is no usable token now
        check_for_topics (bool): connect to the broker now, and raise if it does not list the topics (or any
            topic of the instance)
        **kafka_config: librdkafka properties, applied last, e.g. ``**{"enable.auto.commit": False}``.
            ``oauth_cb`` replaces the token discovery: a callable that takes a str and returns a token and its
            expiry (Unix time)

    Raises:
        ValueError: contradictory or unknown options; the message lists every error
        KafkaTokenError: no usable token (only with validate_token)
        KafkaAuthenticationError: the broker rejects the token (only with check_for_topics)
        KafkaConnectionError: no broker responded within 10 s (only with check_for_topics)
        KafkaTopicError: a topic is missing or not authorized (only with check_for_topics)

    Example::

        with GraceDbKafkaConsumer(
            bootstrap_servers="kafka-dev.ligo.org:9092",
            topics="test",
            service_url="https://gracedb-dev.ligo.org/api/",
        ) as consumer:
            for msg in consumer.stream():
                print(msg["value"])
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: str | Iterable[str] | None = None,
        instance_name: str | None = None,
        service_url: str | None = None,
        group_id: str | None = None,
        use_ssl: bool = True,
        ca_cert_path: str | PathLike[str] | None = None,
        skip_hostname_verification: bool = False,
        token_scope: str = "kafka.consume",
        token_audience: str | None = None,
        reload_cred: bool = True,
        reload_buffer: float = 300,
        auto_refresh_token: bool | None = None,
        auto_offset_reset: str = "latest",
        *,
        validate_token: bool = True,
        check_for_topics: bool = True,
        **kafka_config: Any,
    ) -> None:
        arguments = {
            "bootstrap_servers": bootstrap_servers,
            "topics": _names(topics),
            "instance_name": instance_name,
            "service_url": service_url,
            "group_id": group_id,
            "use_ssl": bool(use_ssl),
            "ca_cert_path": path_or_none(ca_cert_path),
            "skip_hostname_verification": bool(skip_hostname_verification),
            "token_scope": token_scope,
            "token_audience": token_audience,
            "reload_cred": reload_cred_from(reload_cred, auto_refresh_token),
            "reload_buffer": float(reload_buffer),
            "auto_offset_reset": auto_offset_reset,
            "validate_token": bool(validate_token),
            "check_for_topics": bool(check_for_topics),
        }
        oauth_cb = kafka_config.pop("oauth_cb", None)
        listen_to_log()
        self._core = core = _core.Consumer(arguments, kafka_config, oauth_cb)
        self._poll: Callable[[float], _Message | None] = core.poll
        self._is_stop_requested = False
        self._async_reader: _AsyncReader | None = None
        self.bootstrap_servers = bootstrap_servers
        self.instance_name = core.instance_name
        self.group_id = core.group_id
        close_at_exit(self)

    def subscribe(self, topics: str | Iterable[str]) -> None:
        """Replaces the subscription.

        Parameters:
            topics (str or list): pipelines, e.g. ``"gstlal"`` or ``["gstlal", "pycbc"]``

        Raises:
            KafkaConsumerError: no topic given, or librdkafka rejects the subscription
            ValueError: not a legal topic name
        """
        self._core.subscribe(_names(topics))

    def poll(self, timeout: float | None = 1.0) -> _Message | None:
        """Returns the next message.

        Parameters:
            timeout (float): seconds; None: no time-out

        Returns:
            dict or None: None if no message arrived in time, or stop() was called; else

            - ``topic`` (str): with the instance name, e.g. ``"gracedb-test.gstlal"``
            - ``partition`` (int), ``offset`` (int)
            - ``key`` (str, bytes or None): a str if it is UTF-8
            - ``value``: the parsed JSON (usually a dict); a str if it is not JSON; bytes if it is not UTF-8
            - ``timestamp`` (int or None): milliseconds of Unix time
            - ``headers`` (dict or None): names with values of bytes

        Raises:
            KafkaAuthenticationError: the broker rejects the token, and no newer one was found
            KafkaTopicError: a topic is missing or not authorized
            KafkaConsumerError: any other error, or the consumer is closed
        """
        return self._poll(seconds(timeout))

    def consume(self, num_messages: int = 1, timeout: float | None = 1.0) -> list[_Message]:
        """Returns up to ``num_messages`` messages: those that arrive until their number is reached,
        ``timeout`` seconds have passed, or stop() is called. The batch counts as processed when more messages
        are requested.

        Parameters:
            num_messages (int): the largest batch
            timeout (float): seconds; None: no time-out

        Returns:
            list: dicts as of poll()

        Raises:
            as poll(); the next call returns the messages that had arrived
        """
        if num_messages < 0:
            raise ValueError("num_messages is negative")
        return self._core.poll_batch(num_messages, seconds(timeout))

    def stream(
        self, timeout: float | None = 1.0, count: int | None = None
    ) -> Generator[_Message, None, None]:
        """A generator of messages as of poll().

        It ends after ``count`` messages, after stop(), and, in the main thread, at SIGINT (Ctrl-C) or
        SIGTERM. The first signal restores the previous signal handlers, so that a second one acts as usual;
        the end of the generator restores them too.

        Parameters:
            timeout (float): seconds of each inner poll; stop() and signals end the poll
            count (int, optional): the number of messages; None: unlimited

        Yields:
            dict: as poll()

        Raises:
            as poll()
        """
        limit = seconds(timeout)
        left = count
        with _StopOnSignal(self.stop):
            while left is None or left > 0:
                message = None
                while message is None:
                    if self._take_stop_request():
                        return
                    message = self._poll(limit)
                if left is not None:
                    left -= 1
                yield message

    def stop(self) -> None:
        """Ends the current stream or poll of any thread; without one, the next."""
        self._is_stop_requested = True
        try:
            self._core.stop()
        except KafkaConsumerError:
            self._is_stop_requested = False
            raise

    def commit(self, message: _Message | None = None) -> None:
        """Commits the offsets of all messages polled so far, or of a ``message`` of poll() and those before
        it on its partition. Waits for the broker's response. Only needed with ``**{"enable.auto.commit":
        False}``.

        Raises:
            KafkaConsumerError: not committed
        """
        if message is None:
            self._core.commit()
        else:
            self._core.commit_positions([(message["topic"], message["partition"], message["offset"] + 1)])

    def close(self) -> None:
        """Commits the offsets of processed messages, leaves the group and releases all resources. Takes at
        most about 10 s, or 20 s while the broker's response to a commit is outstanding. A second call does
        nothing."""
        self._close(_CLOSE_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # An exception in the block means that the last message was not processed.
        if exception_type is not None:
            self._core.forget_current()
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _Message:
        if self._async_reader is None:
            self._async_reader = _AsyncReader(self._poll)
        message = await self._async_reader.next(self._take_stop_request)
        if message is None:
            raise StopAsyncIteration
        return message

    def __repr__(self) -> str:
        where = f"{self.instance_name} at {self.bootstrap_servers}"
        return f"<GraceDbKafkaConsumer of {where}, group {self.group_id}>"

    def _take_stop_request(self) -> bool:
        requested, self._is_stop_requested = self._is_stop_requested, False
        return requested

    def _close(self, timeout: float) -> None:
        is_closing(self)
        self._core.close(timeout)
        if self._async_reader is not None:
            self._async_reader.close()

    def _close_at_exit(self) -> None:
        self._close(_CLOSE_AT_EXIT_TIMEOUT)


class _StopOnSignal:
    """In its block SIGINT and SIGTERM call `stop`, in the main thread; the first signal restores the
    previous handlers."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        import signal
        import threading

        if threading.current_thread() is threading.main_thread():
            self._previous = {
                number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)
            }

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._restore()
        self._stop()

    def _restore(self) -> None:
        import signal

        while self._previous:
            number, handler = self._previous.popitem()
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, signal.SIG_DFL if handler is None else handler)


class _AsyncReader:
    """Awaits one message after another; a cancelled wait loses no message."""

    def __init__(self, poll: Callable[[float], _Message | None]) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._poll = poll
        self._thread = ThreadPoolExecutor(1, "gracedb_kafka consumer")
        self._current_poll: Future[_Message | None] | None = None
        self._returned_without_wait = 0

    async def next(self, is_stopped: Callable[[], bool]) -> _Message | None:
        """The next message; None when `is_stopped` returns true."""
        import asyncio

        while not is_stopped():
            if self._current_poll is None:
                if self._returned_without_wait == _ASYNC_BATCH:
                    self._returned_without_wait = 0
                    await asyncio.sleep(0)
                message = self._poll(0.0)
                if message is not None:
                    self._returned_without_wait += 1
                    return message
                self._current_poll = self._thread.submit(self._poll, _ASYNC_POLL_TIMEOUT)
            # A cancelled wait leaves the poll and its message to the next call.
            message = await asyncio.shield(asyncio.wrap_future(self._current_poll))
            self._current_poll = None
            if message is not None:
                return message
        return None

    def close(self) -> None:
        self._thread.shutdown()


def _names(topics: str | Iterable[str] | None) -> list[str]:
    if topics is None:
        return []
    return [topics] if isinstance(topics, str) else list(topics)

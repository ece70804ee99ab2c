"""Reading messages."""

from gracedb_kafka import _core, _open
from gracedb_kafka.kafka._options import listen_to_log, path_or_none, seconds, settle_deprecated
from gracedb_kafka.kafka.exceptions import KafkaConsumerError

__all__ = ["GraceDbKafkaConsumer"]

_CLOSE = 10.0
_AT_EXIT = 5.0


class GraceDbKafkaConsumer:
    """Reads messages of ``<instance>.<pipeline>`` topics with the caller's SciToken.

    By default it shows what arrives from now on, in a group of its own. A ``group_id`` resumes where the group left off,
    and shares the partitions with its other members; ``auto_offset_reset="earliest"`` begins a new group at the oldest
    message.

    A message counts as processed when the next one is asked for, or when the consumer is closed; only then is its
    offset committed. One whose processing raised in a ``with`` block is shown to the group again.

    Ctrl-C ends whatever waits. Calls of several threads wait for each other, except for ``stop()`` and ``close()``, which
    end them. A consumer does not survive ``fork()``: make one in each process.

    Parameters:
        bootstrap_servers (str): ``"host:port[,host:port…]"``
        topics (str or list, optional): pipelines to subscribe to at once, e.g. ``"gstlal"``; the topics are namespaced
            with the instance name
        instance_name (str, optional): e.g. ``"gracedb-dev"``; give exactly one of instance_name and service_url
        service_url (str, optional): e.g. ``"https://gracedb-dev.ligo.org/api/"``
        group_id (str, optional): by default a new group for each consumer
        use_ssl (bool): SASL_SSL; SASL_PLAINTEXT where false
        ca_cert_path (str, optional): PEM file; by default the system's certificates
        skip_hostname_verification (bool): for a development broker whose certificate has another name
        token_scope (str): what the token should allow
        token_audience (str, optional): whom it should be meant for; by default any host of bootstrap_servers
        reload_cred (bool): renew the token ahead of its expiry
        reload_buffer (float): seconds before the token's ``exp`` from which on a newer one is looked for
        auto_refresh_token (bool, optional): deprecated name of reload_cred
        auto_offset_reset (str): where a group without a committed offset begins, ``"latest"`` or ``"earliest"``
        validate_token (bool): look a token up at once, and fail without one
        check_for_topics (bool): reach the broker at once, and fail if it does not show the topics (or any of the
            instance)
        **kafka_config: any property of librdkafka, applied last, e.g. ``**{"enable.auto.commit": False}``.
            ``oauth_cb`` supplies tokens instead of the discovery: called with a str, it returns a token and its end
            (Unix time)

    Raises:
        ValueError: contradictory or unknown options; the message lists every fault
        KafkaTokenError: no usable token (only with validate_token)
        KafkaAuthenticationError: the broker refuses the token (only with check_for_topics)
        KafkaConnectionError: no broker answered within 10 s (only with check_for_topics)
        KafkaTopicError: a topic is missing or not allowed (only with check_for_topics)

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
        bootstrap_servers,
        topics=None,
        instance_name=None,
        service_url=None,
        group_id=None,
        use_ssl=True,
        ca_cert_path=None,
        skip_hostname_verification=False,
        token_scope="kafka.consume",
        token_audience=None,
        reload_cred=True,
        reload_buffer=300,
        auto_refresh_token=None,
        auto_offset_reset="latest",
        *,
        validate_token=True,
        check_for_topics=True,
        **kafka_config,
    ):
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
            "reload_cred": settle_deprecated(bool(reload_cred), auto_refresh_token),
            "reload_buffer": float(reload_buffer),
            "auto_offset_reset": auto_offset_reset,
            "validate_token": bool(validate_token),
            "check_for_topics": bool(check_for_topics),
        }
        oauth_cb = kafka_config.pop("oauth_cb", None)
        listen_to_log()
        self._core = core = _core.Consumer(arguments, kafka_config, oauth_cb)
        self._poll = core.poll
        self._stopped = False
        self._receiver = None
        self.bootstrap_servers = bootstrap_servers
        self.instance_name = core.instance_name
        self.group_id = core.group_id
        _open.remember(self)

    def subscribe(self, topics):
        """Subscribes to these pipelines instead of the former ones.

        Parameters:
            topics (str or list): e.g. ``"gstlal"`` or ``["gstlal", "pycbc"]``

        Raises:
            KafkaConsumerError: no topic given, or librdkafka refuses
            ValueError: not the name of a topic
        """
        self._core.subscribe(_names(topics))

    def poll(self, timeout=1.0):
        """The next message.

        Parameters:
            timeout (float): seconds to wait for one; None: without end

        Returns:
            dict or None: None where none came in time, or stop() was called; else

            - ``topic`` (str): with the instance name, e.g. ``"gracedb-test.gstlal"``
            - ``partition`` (int), ``offset`` (int)
            - ``key`` (str, bytes or None): a str where it is UTF-8
            - ``value``: what the JSON says (mostly a dict), else a str where it is UTF-8, else bytes
            - ``timestamp`` (int or None): milliseconds of Unix time
            - ``headers`` (dict or None): names with values of bytes

        Raises:
            KafkaAuthenticationError: the broker has refused the token, and there is no fresh one
            KafkaTopicError: a topic is missing or not allowed
            KafkaConsumerError: any other failure, or closed
        """
        return self._poll(seconds(timeout))

    def consume(self, num_messages=1, timeout=1.0):
        """Up to ``num_messages`` messages at once: all that arrive until there are so many, ``timeout`` seconds have
        passed, or stop() is called. They count as processed together, when more are asked for.

        Parameters:
            num_messages (int)
            timeout (float): None: without end

        Returns:
            list: dicts as of poll()

        Raises:
            as poll(); messages that had arrived are kept for the next call
        """
        if num_messages < 0:
            raise ValueError("num_messages is negative")
        return self._core.poll_batch(num_messages, seconds(timeout))

    def stream(self, timeout=1.0, count=None):
        """A generator of messages, as of poll(), until it is told to end.

        It ends after ``count`` messages; after stop(); and, in the main thread, at SIGINT (Ctrl-C) or SIGTERM, at once
        where it waits. The first signal puts the former handlers back, so that a second one acts as usual; so does the
        end of the generator.

        Parameters:
            timeout (float): seconds of one inner poll; the stream ends sooner when told to
            count (int, optional): how many messages to give; None: without end

        Yields:
            dict: as poll()

        Raises:
            as poll()
        """
        from gracedb_kafka.kafka._signals import Signals

        limit = seconds(timeout)
        left = count
        with Signals(self.stop):
            while left is None or left > 0:
                message = None
                while message is None:
                    if self._take_stop():
                        return
                    message = self._poll(limit)
                if left is not None:
                    left -= 1
                yield message

    def stop(self):
        """Ends the stream, or the poll, under way in any thread; without one, the next."""
        self._stopped = True
        try:
            self._core.stop()
        except KafkaConsumerError:
            self._stopped = False
            raise

    def commit(self, message=None):
        """Commits every message polled so far, or a ``message`` of poll() and all before it on its partition; waits for
        the broker's answer. Only needed with ``**{"enable.auto.commit": False}``.

        Raises:
            KafkaConsumerError: not committed
        """
        if message is None:
            self._core.commit()
        else:
            self._core.commit_positions([(message["topic"], message["partition"], message["offset"] + 1)])

    def close(self):
        """Commits what is processed, leaves the group and releases everything, in about 10 s at most; where a broker owes
        the answer to a commit, in 20 s. Later calls do nothing."""
        self._close(_CLOSE)

    def __enter__(self):
        return self

    def __exit__(self, exception_type, exception, traceback):
        # An exception on its way out of the block means that the last message was not processed.
        if exception_type is not None:
            self._core.forget_current()
        self.close()

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._receiver is None:
            from gracedb_kafka.kafka._async import Receiver

            self._receiver = Receiver(self._poll)
        message = await self._receiver.next(self._take_stop)
        if message is None:
            raise StopAsyncIteration
        return message

    def __repr__(self):
        return f"<GraceDbKafkaConsumer of {self.instance_name} at {self.bootstrap_servers}, group {self.group_id}>"

    def _take_stop(self):
        stopped, self._stopped = self._stopped, False
        return stopped

    def _close(self, timeout):
        _open.forget(self)
        self._core.close(timeout)
        if self._receiver is not None:
            self._receiver.close()

    def _close_at_exit(self):
        self._close(_AT_EXIT)


def _names(topics):
    if topics is None:
        return []
    return [topics] if isinstance(topics, str) else list(topics)

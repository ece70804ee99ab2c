"""What goes wrong with Kafka.

::

    KafkaError
    +-- KafkaAuthenticationError
    |   +-- KafkaTokenError
    +-- KafkaProducerError
    |   +-- KafkaMessageDeliveryError
    |       +-- KafkaTopicError
    +-- KafkaConsumerError
    +-- KafkaConnectionError

A wrong argument is a ``ValueError`` or ``TypeError``. No message ever holds a token.
"""


class KafkaError(Exception):
    """Base of every Kafka failure. The message says what happened, where, and what to do next."""

    _code = 0
    _retriable = False
    _fatal = False

    def code(self):
        """librdkafka's error number (int); 0 where the failure is our own."""
        return self._code

    def retriable(self):
        """True if the same call may succeed later without a change by the caller."""
        return self._retriable

    def fatal(self):
        """True if this producer or consumer cannot work again and must be rebuilt."""
        return self._fatal

    def str(self):
        """The message."""
        return str(self)


class KafkaAuthenticationError(KafkaError):
    """The broker refused the credentials, or the session's token ran out."""


class KafkaTokenError(KafkaAuthenticationError):
    """No usable token could be found; the message lists every place looked at."""


class KafkaProducerError(KafkaError):
    """A producer could not take or send a message."""


class KafkaMessageDeliveryError(KafkaProducerError):
    """A message was taken but not delivered."""

    _may_have_arrived = False

    def may_have_arrived(self):
        """True if the message had left for the broker without an answer, so that it may be on the topic after all."""
        return self._may_have_arrived


class KafkaTopicError(KafkaMessageDeliveryError):
    """The topic does not exist, or the token does not allow its use."""


class KafkaConsumerError(KafkaError):
    """A consumer could not subscribe, read or commit."""


class KafkaConnectionError(KafkaError):
    """No broker could be reached."""

"""The exceptions of producers and consumers.

::

    KafkaError
    +-- KafkaAuthenticationError
    |   +-- KafkaTokenError
    +-- KafkaProducerError
    |   +-- KafkaMessageDeliveryError
    |       +-- KafkaTopicError
    +-- KafkaConsumerError
    +-- KafkaConnectionError

A wrong argument is a ``ValueError`` or ``TypeError``. No message contains a token.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _E = TypeVar("_E", bound=Exception)


class KafkaError(Exception):
    """Base of all Kafka errors. The message says what failed, where, and what to do next."""

    _code = 0
    _retriable = False
    _fatal = False

    def code(self) -> int:
        """The number that confluent_kafka.KafkaError has for such an error; 0 for any other."""
        return self._code

    def retriable(self) -> bool:
        """True if the same call may succeed later without a change by the caller."""
        return self._retriable

    def fatal(self) -> bool:
        """True if this producer or consumer cannot work again; create a new one."""
        return self._fatal

    def str(self) -> str:
        """The message."""
        return str(self)


class KafkaAuthenticationError(KafkaError):
    """The broker rejected the credentials, or the session's token expired."""


class KafkaTokenError(KafkaAuthenticationError):
    """No usable token was found; the message lists every place searched."""


class KafkaProducerError(KafkaError):
    """A producer could not accept or send a message."""


class KafkaMessageDeliveryError(KafkaProducerError):
    """A message was queued but not delivered."""

    _may_have_arrived = False

    def may_have_arrived(self) -> bool:
        """True if the message was sent but not acknowledged, so that it may be on the topic."""
        return self._may_have_arrived


class KafkaTopicError(KafkaMessageDeliveryError):
    """The topic does not exist, or the token does not authorize its use."""


class KafkaConsumerError(KafkaError):
    """A consumer could not subscribe, read or commit."""


class KafkaConnectionError(KafkaError):
    """No broker could be reached."""


_joined_classes: dict[tuple[type, ...], Any] = {}


def _compatible_class(own: type[_E], *counterparts: tuple[str, str]) -> type[_E]:
    """`own`, also derived from its counterparts in other packages, so that a program that imported those
    catches it.

    A counterpart is the name of a module and of a class in it.
    """
    bases: list[type] = [own]
    for module_name, name in counterparts:
        other = getattr(sys.modules.get(module_name), name, None)
        if isinstance(other, type) and not issubclass(own, other):
            bases.append(other)
    if len(bases) == 1:
        return own
    joined: type[_E] | None = _joined_classes.get(tuple(bases))
    if joined is None:
        attributes = {"__module__": own.__module__, "__doc__": own.__doc__}
        joined = _joined_classes[tuple(bases)] = type(own.__name__, tuple(bases), attributes)
    return joined


def _from_core(
    name: str, message: str, code: int, retriable: bool, fatal: bool, may_have_arrived: bool
) -> KafkaError:
    """Called by the C++ core."""
    own: type[KafkaError] = globals()[name]
    error = _compatible_class(own, ("ligo.gracedb.kafka.exceptions", name))(message)
    error._code, error._retriable, error._fatal = code, retriable, fatal
    if isinstance(error, KafkaMessageDeliveryError):
        error._may_have_arrived = may_have_arrived
    return error

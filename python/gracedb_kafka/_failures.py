"""What the core calls to make an exception of Python from one of C++."""

import sys
from functools import cache

from gracedb_kafka.kafka import exceptions


@cache
def _joined(own, others):
    """A class that is caught as `own` and as each of `others`."""
    return type(own.__name__, (own, *others), {"__module__": own.__module__, "__doc__": own.__doc__})


def _known_to(own, *places):
    """`own`, made one with its namesakes of other packages that the program has loaded, so that it may catch those.

    A place is the name of a module and of a class in it.
    """
    others = []
    for module_name, name in places:
        other = getattr(sys.modules.get(module_name), name, None)
        if isinstance(other, type) and not issubclass(own, other):
            others.append(other)
    return _joined(own, tuple(others)) if others else own


def kafka_failure(name, message, code, retriable, fatal, may_have_arrived):
    own = _known_to(getattr(exceptions, name), ("ligo.gracedb.kafka.exceptions", name))
    failure = own(message)
    failure._code, failure._retriable, failure._fatal = code, retriable, fatal
    if may_have_arrived:
        failure._may_have_arrived = True
    return failure


def http_failure(message, status, reason, headers, body):
    from gracedb_kafka.rest import HTTPError, Response

    own = _known_to(HTTPError, ("ligo.gracedb.exceptions", "HTTPError"), ("requests.exceptions", "HTTPError"))
    return own(message, response=Response(status, reason, headers, body))


def http_connection_failure(message):
    from gracedb_kafka.rest import HTTPConnectionError

    return _known_to(HTTPConnectionError, ("requests.exceptions", "ConnectionError"))(message)


def credential_failure(message):
    from gracedb_kafka.rest import CredentialError

    return CredentialError(message)

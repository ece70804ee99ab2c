"""The exceptions of the REST client, in the same module as in ``ligo.gracedb``."""

from __future__ import annotations

from collections.abc import Mapping

from gracedb_kafka.kafka.exceptions import _compatible_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gracedb_kafka.rest import Response

__all__ = ["CredentialError", "HTTPConnectionError", "HTTPError"]


class HTTPError(OSError):
    """GraceDB responded with a status of 400 or above.

    Also caught as ``requests.exceptions.HTTPError`` and ``ligo.gracedb.exceptions.HTTPError`` in a program
    that has imported those.

    Attributes:
        response (Response): GraceDB's response
    """

    def __init__(self, message: str = "", response: Response | None = None, request: object = None) -> None:
        # Not super(): _compatible_class() adds bases with other arguments.
        OSError.__init__(
            self, message or f"GraceDB responded {getattr(response, 'status_code', 'with an error')}"
        )
        self.response = response
        self.request = request


class HTTPConnectionError(OSError):
    """GraceDB could not be reached, or did not respond in time.

    Also caught as ``requests.exceptions.ConnectionError`` in a program that has imported it.
    """

    response = None
    request = None


class CredentialError(RuntimeError):
    """``fail_if_noauth`` is set, and neither a token nor a certificate can be used."""


def _from_core(name: str, message: str) -> Exception:
    """Called by the C++ core for a CredentialError or HTTPConnectionError."""
    if name == "CredentialError":
        return CredentialError(message)
    return _compatible_class(HTTPConnectionError, ("requests.exceptions", "ConnectionError"))(message)


def _http_error_from_core(
    message: str, status: int, reason: str, headers: Mapping[str, str], body: bytes
) -> HTTPError:
    """Called by the C++ core."""
    from gracedb_kafka.rest import Response

    error_class = _compatible_class(
        HTTPError, ("ligo.gracedb.exceptions", "HTTPError"), ("requests.exceptions", "HTTPError")
    )
    return error_class(message, response=Response(status, reason, headers, body))

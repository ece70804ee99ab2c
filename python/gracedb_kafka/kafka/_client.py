"""What producers, consumers and GraceDb share: arguments, log lines, and closing when the interpreter
ends."""

from __future__ import annotations

import atexit
import os
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class _Closable(Protocol):
        def _close_at_exit(self) -> None: ...


_open_clients: weakref.WeakSet[_Closable] = weakref.WeakSet()


def close_at_exit(client: _Closable) -> None:
    """Registers a client that is to be closed before the interpreter shuts down."""
    _open_clients.add(client)


def is_closing(client: _Closable) -> None:
    """Undoes close_at_exit()."""
    _open_clients.discard(client)


def _close_all() -> None:
    for client in list(_open_clients):
        client._close_at_exit()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_open_clients.clear)


def listen_to_log() -> None:
    """Passes the core's log lines on to `logging`, which importing the package does not load."""
    from gracedb_kafka import _log

    _log.start()


def reload_cred_from(reload_cred: bool, auto_refresh_token: bool | None) -> bool:
    """`reload_cred`, or the value of its deprecated name."""
    if auto_refresh_token is None:
        return bool(reload_cred)
    import warnings

    warnings.warn("auto_refresh_token is deprecated; use reload_cred", DeprecationWarning, stacklevel=3)
    return bool(auto_refresh_token)


def path_or_none(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def seconds(timeout: float | None) -> float:
    """A time-out in seconds; negative for None, which is no time-out."""
    return -1.0 if timeout is None else float(timeout)

"""What the constructors of producer and consumer have in common."""

import os


def listen_to_log():
    """Passes on what the core logs; importing the package alone need not load `logging`."""
    from gracedb_kafka import _log

    _log.start()


def settle_deprecated(reload_cred, auto_refresh_token):
    """`reload_cred`, unless the older name for it was used."""
    if auto_refresh_token is None:
        return reload_cred
    import warnings

    warnings.warn("auto_refresh_token is deprecated; use reload_cred", DeprecationWarning, stacklevel=3)
    return bool(auto_refresh_token)


def path_or_none(path):
    return None if path is None else os.fspath(path)


def seconds(timeout):
    """A time-out in seconds; None is without end."""
    return -1.0 if timeout is None else float(timeout)

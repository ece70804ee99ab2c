"""Producers and consumers that are still open when the interpreter ends are closed then, while it is still whole."""

import atexit
import os
import weakref

_open: weakref.WeakSet = weakref.WeakSet()


def remember(client):
    _open.add(client)


def forget(client):
    _open.discard(client)


def _close_all():
    for client in list(_open):
        client._close_at_exit()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_open.clear)

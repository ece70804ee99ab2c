"""Passes the core's log lines on to the loggers gracedb_kafka.*.

The core queues every line, because a thread of librdkafka must not wait for the GIL. A call that returns
takes the queued lines, or else the listener thread of this module does. The lines that a call logged are
handled before it returns: if another thread took them, the call waits for that thread's handlers.

At its end Python stops daemon threads at any instruction, and aborts if one of them then holds the lock of
sys.stderr, as a handler does while it writes. So from then on only the thread that ends the program handles
lines, after the other threads have finished theirs; if a handler does not return, no thread handles any. A
fork waits for the handlers too, because the child would never see that lock released.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
import traceback

from gracedb_kafka import _core

_LOGGERS = tuple(logging.getLogger(f"gracedb_kafka.{part}") for part in ("auth", "core", "kafka", "rest"))
_HANDLER_TIMEOUT = 2.0  # seconds; a handler that hangs must not keep the program from ending or forking
_NO_THREAD = 0  # not the identifier of any thread

_start_lock = threading.Lock()
_listener: threading.Thread | None = None
_changed = threading.Condition()  # guards the next two
_handling: dict[object, int] = {}  # the threads that handle lines, by a key for each time
_ending_thread: int | None = None


def pass_on(first: int = 0) -> None:
    """Handles the queued lines. On return, line `first` and its successors so far have been handled, if it is
    not 0."""
    if _ending_thread is None:
        with _changed:
            if _ending_thread is not None:
                return
            is_in_handler = threading.get_ident() in _handling.values()
            key = object()
            _handling[key] = threading.get_ident()
        try:
            lines, was_taken = _core.take_log_lines(first)
            _handle(lines)
        finally:
            with _changed:
                del _handling[key]
                _changed.notify_all()
        if was_taken and not is_in_handler:  # a handler that waits for handlers might wait for itself
            with _changed:
                others = set(_handling)
                _changed.wait_for(lambda: others.isdisjoint(_handling), _HANDLER_TIMEOUT)
    elif _ending_thread == threading.get_ident():  # without the lock: a stopped thread may hold it
        lines, _ = _core.take_log_lines(first)
        _handle(lines)


def _handle(lines: list[tuple[int, str, str]]) -> None:
    for level, name, text in lines:
        try:
            logging.getLogger(name).log(level, "%s", text)
        except Exception:  # noqa: BLE001 - a handler that fails must not fail the call that logged
            if logging.raiseExceptions and sys.stderr:
                with contextlib.suppress(Exception):  # a closed file
                    sys.stderr.write(traceback.format_exc())


def start() -> None:
    """Sets the core's log level to that of the loggers, and starts the listener thread."""
    global _listener
    _core.set_log_level(min(logger.getEffectiveLevel() for logger in _LOGGERS))
    if _listener or _ending_thread is not None:
        return
    with _start_lock:
        if not _listener:
            _listener = threading.Thread(target=_listen, name="gracedb_kafka log", daemon=True)
            _listener.start()


def _stop() -> None:
    global _ending_thread
    with _changed:
        _ending_thread = threading.get_ident()
        _core.close_log()
        if not _changed.wait_for(_no_other_thread_handles, _HANDLER_TIMEOUT):
            _ending_thread = _NO_THREAD
    if _listener and _ending_thread != _NO_THREAD:
        _listener.join()
    pass_on()


def _listen() -> None:
    while _core.wait_for_log_lines():
        pass_on()


def _no_other_thread_handles() -> bool:
    return not set(_handling.values()) - {threading.get_ident()}


def _before_fork() -> None:
    _changed.acquire()
    _changed.wait_for(_no_other_thread_handles, _HANDLER_TIMEOUT)


def _after_fork_in_child() -> None:
    global _start_lock, _listener, _changed, _handling, _ending_thread
    _start_lock, _listener = threading.Lock(), None
    _changed, _handling, _ending_thread = threading.Condition(), {}, None


atexit.register(_stop)
os.register_at_fork(
    before=_before_fork, after_in_parent=lambda: _changed.release(), after_in_child=_after_fork_in_child
)

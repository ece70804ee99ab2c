"""The core's log lines, on their way to the loggers gracedb_kafka.*.

All lines wait in a queue, as a thread of librdkafka must never wait for the GIL. Whoever comes first takes them: a call
that returns, or a thread of ours. A line that a call logs is told before the call returns: where somebody else has
taken it, the call waits for the handlers there.

Python stops daemon threads where they stand when a program ends, and gives up with a fatal error if one of them then
holds the lock of sys.stderr, as a handler does while it writes. So once the program ends only the thread that ends it
tells lines, after the others have finished theirs; or nobody, where a handler does not come to an end. A fork waits for
them, too: its child would never see that lock released.
"""

import atexit
import contextlib
import logging
import os
import sys
import threading
import traceback

from gracedb_kafka import _core

_LOGGERS = tuple(logging.getLogger(f"gracedb_kafka.{part}") for part in ("auth", "core", "kafka", "rest"))
_TIMEOUT_SECONDS = 2.0  # for a handler that hangs, which must keep nobody from ending or forking
_NOBODY = 0  # no thread's identifier

_lock = threading.Lock()
_thread = None
_told = threading.Condition()
_telling = {}  # the threads that tell lines, by a key for each time
_ending_thread = None


def tell(first=0):
    """Tells the lines that wait. Line `first`, if not 0, and those after it that exist by now have been told then."""
    if _ending_thread is None:
        with _told:
            if _ending_thread is not None:
                return
            in_handler = threading.get_ident() in _telling.values()
            key = object()
            _telling[key] = threading.get_ident()
        try:
            lines, was_taken = _core.take_log_lines(first)
            _emit(lines)
        finally:
            with _told:
                del _telling[key]
                _told.notify_all()
        if was_taken and not in_handler:  # a handler that waited for handlers might wait for itself
            with _told:
                others = set(_telling)
                _told.wait_for(lambda: others.isdisjoint(_telling), _TIMEOUT_SECONDS)
    elif _ending_thread == threading.get_ident():  # without the lock: a thread may have been stopped with it
        lines, _ = _core.take_log_lines(first)
        _emit(lines)


def _emit(lines):
    for level, name, text in lines:
        try:
            logging.getLogger(name).log(level, "%s", text)
        except Exception:  # a handler's fault, which is no reason to fail for the call that the line tells of
            if logging.raiseExceptions and sys.stderr:
                with contextlib.suppress(Exception):  # a closed file
                    sys.stderr.write(traceback.format_exc())


def start():
    """Asks the core for what the loggers want to hear, and sees to it that somebody listens."""
    global _thread
    _core.set_log_level(min(logger.getEffectiveLevel() for logger in _LOGGERS))
    if _thread or _ending_thread is not None:
        return
    with _lock:
        if not _thread:
            _thread = threading.Thread(target=_listen, name="gracedb_kafka log", daemon=True)
            _thread.start()


def stop():
    """The program ends: see above."""
    global _ending_thread
    with _told:
        _ending_thread = threading.get_ident()
        _core.close_log()
        if not _told.wait_for(_nobody_else_tells, _TIMEOUT_SECONDS):
            _ending_thread = _NOBODY
    if _thread and _ending_thread != _NOBODY:
        _thread.join()
    tell()


def _listen():
    while _core.wait_for_log():
        tell()


def _nobody_else_tells():
    return not set(_telling.values()) - {threading.get_ident()}


def _let_nobody_tell():
    _told.acquire()
    _told.wait_for(_nobody_else_tells, _TIMEOUT_SECONDS)


def _forget_threads():
    global _lock, _thread, _told, _telling, _ending_thread
    _lock, _thread = threading.Lock(), None
    _told, _telling, _ending_thread = threading.Condition(), {}, None


atexit.register(stop)
os.register_at_fork(before=_let_nobody_tell, after_in_parent=lambda: _told.release(), after_in_child=_forget_threads)

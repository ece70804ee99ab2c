"""The core's log lines, on their way to the loggers gracedb_kafka.*.

A line that a call logs is told before the call returns. Those of librdkafka's own threads wait in a queue, from which
a thread of ours takes them: a thread of librdkafka must never wait for the GIL.

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
_tellers = 0
_ending_thread = None


def tell():
    """Tells the lines that wait."""
    global _tellers
    if _ending_thread is None:
        with _told:
            if _ending_thread is not None:
                return
            _tellers += 1
        try:
            _emit(_core.take_log_lines())
        finally:
            with _told:
                _tellers -= 1
                _told.notify_all()
    elif _ending_thread == threading.get_ident():  # without the lock: a thread may have been stopped with it
        _emit(_core.take_log_lines())


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
        if not _told.wait_for(lambda: _tellers <= 0, _TIMEOUT_SECONDS):
            _ending_thread = _NOBODY
    if _thread and _ending_thread != _NOBODY:
        _thread.join()
    tell()


def _listen():
    while _core.wait_for_log():
        tell()


def _let_nobody_tell():
    _told.acquire()
    _told.wait_for(lambda: _tellers <= 0, _TIMEOUT_SECONDS)


def _forget_threads():
    global _lock, _thread, _told, _tellers, _ending_thread
    _lock, _thread = threading.Lock(), None
    _told, _tellers, _ending_thread = threading.Condition(), 0, None


atexit.register(stop)
os.register_at_fork(before=_let_nobody_tell, after_in_parent=lambda: _told.release(), after_in_child=_forget_threads)

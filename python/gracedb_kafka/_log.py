"""The core's log lines, on their way to the loggers gracedb_kafka.*.

A line that a call logs is told before the call returns. Those of librdkafka's own threads wait in a queue, from which
a thread of ours takes them: a thread of librdkafka must never wait for the GIL.
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
_lock = threading.Lock()
_thread = None


def emit(lines):
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
    if _thread:
        return
    with _lock:
        if not _thread:
            _core.open_log()
            _thread = threading.Thread(target=_listen, name="gracedb_kafka log", daemon=True)
            _thread.start()


def stop():
    global _thread
    with _lock:
        thread, _thread = _thread, None
    _core.close_log()
    if thread:
        thread.join()
    emit(_core.take_log_lines())


def _listen():
    while _core.wait_for_log():
        emit(_core.take_log_lines())


def _forget_thread():
    global _lock, _thread
    _lock, _thread = threading.Lock(), None


atexit.register(stop)
os.register_at_fork(after_in_child=_forget_thread)

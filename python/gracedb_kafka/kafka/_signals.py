"""Ending a stream by a signal, apart from the rest since not everybody streams."""

import signal
import threading


class Signals:
    """While it lasts SIGINT and SIGTERM call `stop`, in the main thread; the first of them puts the former handlers back."""

    _NUMBERS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, stop):
        self._stop = stop
        self._former = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._on_signal) for number in self._NUMBERS}

    def __exit__(self, *exception):
        self._restore()

    def _on_signal(self, number, frame):
        self._restore()
        self._stop()

    def _restore(self):
        while self._former:
            number, handler = self._former.popitem()
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

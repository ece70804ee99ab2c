"""A TCP proxy on loopback that makes another machine far away: everything arrives later, nothing is changed."""

import collections
import contextlib
import socket
import threading
import time


class DelayProxy:
    """Carries bytes both ways, each way `delay` seconds late. With `idle_limit` it closes a connection on which
    nothing has moved for so long, as servers and the boxes on the way to them do."""

    def __init__(self, delay: float):
        self.delay = delay
        self.idle_limit: float | None = None
        self.target: tuple[str, int] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        # A connection that is made takes a round trip: the near side has it at once, so the far side waits.
        far = socket.create_connection(self.target)
        Connection(self, near, far).run()


class Connection:
    def __init__(self, proxy: DelayProxy, near: socket.socket, far: socket.socket):
        self._proxy = proxy
        self._near, self._far = near, far
        self._last = time.monotonic()
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self) -> None:
        handshake = 2 * self._proxy.delay  # of TCP itself, which the near side did not wait for
        threading.Thread(target=self._pump, args=(self._far, self._near, 0.0), daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()
        self._pump(self._near, self._far, handshake)

    def _pump(self, source: socket.socket, sink: socket.socket, handshake: float) -> None:
        """Reads at once and writes when it is time, so that the delay is that of a long wire, not of a narrow one."""
        waiting: collections.deque[tuple[float, bytes]] = collections.deque()
        news = threading.Condition()
        threading.Thread(target=self._write, args=(sink, waiting, news), daemon=True).start()
        opened = time.monotonic()
        while True:
            try:
                data = source.recv(1 << 18)
            except OSError:
                data = b""
            self._last = now = time.monotonic()
            due = max(now, opened + handshake) + self._proxy.delay
            with news:
                waiting.append((due, data))
                news.notify()
            if not data:
                return

    def _write(self, sink: socket.socket, waiting: collections.deque, news: threading.Condition) -> None:
        while True:
            with news:
                while not waiting:
                    news.wait()
                due, data = waiting.popleft()
            if (left := due - time.monotonic()) > 0:
                time.sleep(left)
            try:
                if not data:
                    return sink.shutdown(socket.SHUT_WR)
                sink.sendall(data)
            except OSError:
                return self._close()

    def _watch(self) -> None:
        while self._near.fileno() >= 0 and self._far.fileno() >= 0:
            time.sleep(0.1)
            limit = self._proxy.idle_limit
            if limit is not None and time.monotonic() - self._last > limit:
                return self._close()

    def _close(self) -> None:
        for each in (self._near, self._far):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

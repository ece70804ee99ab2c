"""Waiting for Kafka in an event loop, apart from the rest so that others need not load asyncio."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

_SLICE = 0.1
_TURN = 64  # messages that may follow each other before the event loop has its turn


class Deliveries:
    """The messages of a producer that somebody awaits, and the tasks that serve it meanwhile: one for each event loop."""

    def __init__(self, core):
        self._core = core
        self._awaited = {}

    async def deliver(self, message, patient):
        """Produces one message; its DeliveredMessage, or the error that its delivery ended with.

        Where `patient` messages are under way already, producing may have to wait for room.
        """
        loop = asyncio.get_running_loop()
        delivered = loop.create_future()

        def on_delivery(error, told):
            if not loop.is_closed():  # else nobody waits any more
                loop.call_soon_threadsafe(_settle, delivered, error, told)

        if self._core.pending_messages() < patient:
            self._core.produce(*message, on_delivery)
        else:
            await loop.run_in_executor(None, self._core.produce, *message, on_delivery)
        if loop in self._awaited:
            self._awaited[loop].add(delivered)
        else:
            self._awaited[loop] = {delivered}
            self._task = loop.create_task(self._serve(loop))
        return await delivered

    async def _serve(self, loop):
        try:
            while awaited := {each for each in self._awaited[loop] if not each.done()}:
                self._awaited[loop] = awaited
                try:
                    await loop.run_in_executor(None, self._core.poll, _SLICE)
                except Exception:
                    # Each message has a report of its own, which tells what became of it.
                    await asyncio.sleep(_SLICE)
        finally:
            del self._awaited[loop]


def _settle(delivered, error, told):
    if delivered.done():
        return
    if error is None:
        delivered.set_result(told)
    else:
        delivered.set_exception(error)


class Receiver:
    """Takes one message after the other from a consumer. A wait that is given up loses none."""

    def __init__(self, poll):
        self._poll = poll
        self._thread = ThreadPoolExecutor(1, "gracedb_kafka consumer")
        self._under_way = None
        self._in_a_row = 0

    async def next(self, is_stopped):
        """The next message; None once `is_stopped` says so."""
        while not is_stopped():
            if self._under_way is None:
                message = self._poll(0.0)
                if message is not None:
                    await self._let_others_run()
                    return message
                self._under_way = self._thread.submit(self._poll, _SLICE)
            message = await asyncio.shield(asyncio.wrap_future(self._under_way))
            self._under_way = None
            if message is not None:
                return message
        return None

    async def _let_others_run(self):
        self._in_a_row += 1
        if self._in_a_row % _TURN == 0:
            await asyncio.sleep(0)

    def close(self):
        self._thread.shutdown()

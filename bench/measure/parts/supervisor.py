"""The supervisor: events a second completed, and what it adds to GraceDB's own answer time."""

import re
import subprocess
import threading
import time
import uuid
from collections.abc import Callable

from harness.paths import program

from measure.drivers import drivers
from measure.effort import Effort
from measure.rows import Bound, Row
from measure.stack import Stack

PART = "supervisor"


class Completions:
    """A process that writes one line for each event it completes; when they came."""

    def __init__(self, process: subprocess.Popen, stream, completed: Callable[[str], bool]):
        self.times: list[float] = []
        self._process, self._stream, self._completed = process, stream, completed
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._stream:
            if self._completed(line):
                with self._news:
                    self.times.append(time.time())
                    self._news.notify()

    def wait_for(self, count: int, timeout: float = 120) -> None:
        with self._news:
            if not self._news.wait_for(lambda: len(self.times) >= count, timeout):
                raise TimeoutError(f"{len(self.times)} of {count} events were completed within {timeout} s")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)


def _supervisor(stack: Stack, group: str) -> Completions:
    command = [program("gracedb-kafka-supervisor"), "--topic", "gstlal", "--group-id", group]
    command += ["--spool-dir", stack.folder / "spool", "-X", "auto.offset.reset=latest"]
    process = subprocess.Popen([str(word) for word in command], env=stack.env, stderr=subprocess.PIPE, text=True)
    return Completions(process, process.stderr, lambda line: re.search(r"\buploaded\b", line) is not None)


def _reference(stack: Stack, group: str) -> Completions:
    from measure.drivers import COMMANDS

    command = [*COMMANDS["reference"], "supervise", group]
    process = subprocess.Popen(command, env=stack.env, stdout=subprocess.PIPE, text=True)
    return Completions(process, process.stdout, lambda line: line.startswith("uploaded"))


def measure(stack: Stack, effort: Effort) -> list[Row]:
    rate = Row(PART, "supervisor: events of 14 KB completed", "/s")
    added = Row(PART, "supervisor: broker's confirmation to completion, 14 KB", "s")
    with drivers(stack.env, stack.folder, ("floor",)) as running:
        floor = running["floor"]
        for _ in range(effort.rounds(5)):
            for side, start, count in (("ours", _supervisor, 6000), ("reference", _reference, 600)):
                group = f"bench-{uuid.uuid4()}"
                _let_it_join(floor, stack, start, group)
                floor.seconds("create_events", file=str(stack.coinc), count=effort.count(count, 200))
                getattr(rate, side).rounds.append([_rate(start(stack, group), effort.count(count, 200))])
        for side, start in (("ours", _supervisor), ("reference", _reference)):
            _latencies(floor, stack, start, getattr(added, side), effort)
        for _ in range(effort.rounds(6)):
            added.floor.rounds.append(floor.seconds("complete_event", file=str(stack.coinc), count=20))
    rate.bounds.append(Bound("events/s", rate.value("ours"), 2000, less=False))
    overhead = added.value("ours") - added.value("floor")
    added.bounds.append(Bound("s more than GraceDB's own answer", overhead, 0.003, less=True))
    return [rate, added]


def _let_it_join(floor, stack: Stack, start, group: str) -> None:
    """Makes the group commit a place at the end of the topic, so that the backlog made next is all it reads."""
    completions = start(stack, group)
    try:
        while not completions.times:
            floor.seconds("create_event", file=str(stack.coinc), count=1)
            time.sleep(0.3)
        time.sleep(1)
    finally:
        completions.close()


def _rate(completions: Completions, count: int) -> float:
    """Between the first tenth, in which connections are opened, and the last event."""
    try:
        completions.wait_for(count)
        first = count // 10
        return (count - 1 - first) / (completions.times[count - 1] - completions.times[first])
    finally:
        completions.close()


def _latencies(floor, stack: Stack, start, measurement, effort: Effort) -> None:
    """One event at a time: from its confirmation by the broker to the line that says it is complete."""
    group = f"bench-{uuid.uuid4()}"
    _let_it_join(floor, stack, start, group)
    completions = start(stack, group)
    try:
        time.sleep(3)
        floor.seconds("create_event", file=str(stack.coinc), count=20)
        completions.wait_for(20)
        for _ in range(effort.rounds(6)):
            samples = []
            for _ in range(20):
                done = len(completions.times)
                confirmed = floor.ask("create_event", file=str(stack.coinc), count=1)["ended"][0]
                completions.wait_for(done + 1)
                samples.append(completions.times[done] - confirmed)
            measurement.rounds.append(samples)
    finally:
        completions.close()

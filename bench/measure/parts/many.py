"""Many at once: a burst of events, messages a second in and out."""

from measure.compilation import until_compiled
from measure.drivers import Driver, drivers
from measure.effort import Effort
from measure.rows import Row
from measure.stack import Stack

PART = "many"


def measure(stack: Stack, effort: Effort) -> list[Row]:
    burst = Row(PART, "1,000 events submitted at once, 14 KB", "s", faster=20, near=1.2)
    produce = Row(PART, "produce, 500 B JSON objects, guaranteed delivery", "/s", faster=4, near=0.90)
    parsed = Row(PART, "poll, 500 B messages to parsed values", "/s", faster=3)
    raw = Row(PART, "poll, 500 B messages to raw bytes", "/s", faster=4, near=0.90)
    with drivers(stack.env, stack.folder) as running:
        _bursts(running, burst, stack, effort)
        _produce(running, produce, stack, effort)
    with drivers(stack.env, stack.folder) as running:
        _consume(running, parsed, raw, effort)
    return [burst, produce, parsed, raw]


def _bursts(running: dict[str, Driver], row: Row, stack: Stack, effort: Effort) -> None:
    counts = {"ours": 1000, "floor": 1000, "reference": 250}  # in the reference's loop each takes as long as the last

    def submit(name: str) -> list[float]:
        seconds = running[name].seconds("create_events", file=str(stack.coinc), count=counts[name])
        return [each * 1000 / counts[name] for each in seconds]

    until_compiled(stack, effort, "bursts", lambda: [submit(name) for name in running])
    for _ in range(effort.rounds(12)):
        for name in running:
            getattr(row, name).rounds.append(submit(name))


def _produce(running: dict[str, Driver], row: Row, stack: Stack, effort: Effort) -> None:
    """The values are made beforehand on all sides: what is measured begins with them."""
    counts = {"ours": 200_000, "floor": 200_000, "reference": 40_000}

    def produce(name: str) -> list[float]:
        seconds = running[name].seconds("produce", count=counts[name], bytes=500)
        return [counts[name] / each for each in seconds]

    until_compiled(stack, effort, "produced messages", lambda: [produce(name) for name in running])
    for _ in range(effort.rounds(6)):
        for name in running:
            getattr(row, name).rounds.append(produce(name))


def _consume(running: dict[str, Driver], parsed: Row, raw: Row, effort: Effort) -> None:
    """All read the messages that the floor has produced above."""
    counts = {"ours": 200_000, "floor": 200_000, "reference": 100_000}
    for _ in range(effort.rounds(6)):
        for name, driver in running.items():
            seconds = driver.seconds("consume", topic="bench", count=counts[name], parse=False)
            getattr(raw, name).rounds.append([counts[name] / each for each in seconds])
        parsed.reference.rounds.append(raw.reference.rounds[-1])  # it always parses
        seconds = running["ours"].seconds("consume", topic="bench", count=counts["ours"], parse=True)
        parsed.ours.rounds.append([counts["ours"] / each for each in seconds])

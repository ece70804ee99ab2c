"""Many at once: a burst of events, messages a second in and out."""

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
        _produce(running, produce, effort)
    with drivers(stack.env, stack.folder) as running:
        _consume(running, parsed, raw, effort)
    return [burst, produce, parsed, raw]


def _bursts(running: dict[str, Driver], row: Row, stack: Stack, effort: Effort) -> None:
    counts = {"ours": 1000, "floor": 1000, "reference": 250}  # in the reference's loop each takes as long as the last
    for driver in running.values():
        driver.seconds("create_events", file=str(stack.coinc), count=50)
    for _ in range(effort.rounds(12)):
        for name, driver in running.items():
            seconds = driver.seconds("create_events", file=str(stack.coinc), count=counts[name])
            getattr(row, name).rounds.append([each * 1000 / counts[name] for each in seconds])


def _produce(running: dict[str, Driver], row: Row, effort: Effort) -> None:
    """The values are made beforehand on all sides: what is measured begins with them."""
    counts = {"ours": 200_000, "floor": 200_000, "reference": 40_000}
    for driver in running.values():
        driver.seconds("produce", count=2_000, bytes=500)
    for _ in range(effort.rounds(6)):
        for name, driver in running.items():
            seconds = driver.seconds("produce", count=counts[name], bytes=500)
            getattr(row, name).rounds.append([counts[name] / each for each in seconds])


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

"""Our Python package beside the reference: the same program, with one line more."""

from measure.drivers import Driver, drivers
from measure.effort import Effort
from measure.rows import Row
from measure.stack import Stack

PART = "python"
SIDES = {"ours": "python", "reference": "reference"}


def measure(stack: Stack, effort: Effort) -> list[Row]:
    event = Row(PART, "Python: create_event, warm, 14 KB coinc.xml, p50", "s", faster=2)
    produce = Row(PART, "Python: produce, dicts of 500 B, guaranteed delivery", "/s", faster=2)
    poll = Row(PART, "Python: poll, dicts of 500 B", "/s", faster=1.5)
    with drivers(stack.env, stack.folder, tuple(SIDES.values())) as running:
        _events(running, event, stack, effort)
        _produce(running, produce, effort)
    with drivers(stack.env, stack.folder, tuple(SIDES.values())) as running:
        _poll(running, poll, effort)
    return [event, produce, poll]


def _events(running: dict[str, Driver], row: Row, stack: Stack, effort: Effort) -> None:
    file = str(stack.coinc)
    for driver in running.values():
        driver.seconds("create_event", file=file, count=20)
    for _ in range(effort.rounds(12)):
        for side, name in SIDES.items():
            seconds = running[name].seconds("create_event", file=file, count=effort.count(60, 30))
            getattr(row, side).rounds.append(seconds)


def _produce(running: dict[str, Driver], row: Row, effort: Effort) -> None:
    counts = {"python": 100_000, "reference": 40_000}
    for driver in running.values():
        driver.seconds("produce", count=2_000, bytes=500)
    for _ in range(effort.rounds(6)):
        for side, name in SIDES.items():
            seconds = running[name].seconds("produce", count=counts[name], bytes=500)
            getattr(row, side).rounds.append([counts[name] / each for each in seconds])


def _poll(running: dict[str, Driver], row: Row, effort: Effort) -> None:
    """Both read what was produced above."""
    count = 100_000
    for _ in range(effort.rounds(6)):
        for side, name in SIDES.items():
            seconds = running[name].seconds("consume", topic="bench", count=count)
            getattr(row, side).rounds.append([count / each for each in seconds])

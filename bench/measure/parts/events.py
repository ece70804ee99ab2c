"""create_event, warm: one event after the other from a process whose connections are open."""

from pathlib import Path

from measure.compilation import until_compiled
from measure.drivers import Driver, drivers
from measure.effort import Effort
from measure.rows import Row
from measure.stack import Stack

PART = "events"


def measure(stack: Stack, effort: Effort) -> list[Row]:
    small = Row(PART, "create_event, warm, 14 KB coinc.xml, p50", "s", faster=4, near=1.10)
    tail = Row(PART, "create_event, warm, 14 KB coinc.xml, p99", "s", statistic="p99", faster=3, near=1.3)
    medium = Row(PART, "create_event, warm, 81 KB cWB file, p50", "s", faster=4, near=1.10)
    large = Row(PART, "create_event, warm, 2 MB, p50", "s", faster=4, near=1.15)
    with drivers(stack.env, stack.folder) as running:
        _warm_up(stack, effort, running, stack.coinc, 400)
        take_turns(running, small, stack.coinc, effort.rounds(80), effort.count(50, 20))
        _warm_up(stack, effort, running, stack.cwb, 250)
        take_turns(running, medium, stack.cwb, effort.rounds(12), effort.count(40, 20))
        _warm_up(stack, effort, running, stack.large, 30)
        take_turns(running, large, stack.large, effort.rounds(20), effort.count(10, 5))
    for side in ("ours", "reference", "floor"):
        setattr(tail, side, getattr(small, side))
    return [small, tail, medium, large]


def _warm_up(stack: Stack, effort: Effort, running: dict[str, Driver], file: Path, count: int) -> None:
    """The broker compiles anew what it does with larger messages; each program has its own way of asking."""

    def submit() -> None:
        for name, share in (("floor", 1), ("ours", 1), ("reference", 6)):
            running[name].seconds("create_event", file=str(file), count=count // share)

    until_compiled(stack, effort, f"events like {file.name}", submit)


def take_turns(running: dict[str, Driver], row: Row, file: Path, rounds: int, count: int) -> None:
    for _ in range(rounds):
        for name, driver in running.items():
            getattr(row, name).rounds.append(driver.seconds("create_event", file=str(file), count=count))

"""What compressing messages costs and saves: create_event with each method, on event files and on noise."""

from pathlib import Path

from measure.drivers import Driver
from measure.effort import Effort
from measure.rows import Row
from measure.stack import Stack

PART = "compression"
METHODS = {
    "as it comes": {},
    "none": {"compression.type": "none"},
    "lz4": {"compression.type": "lz4"},
    "gzip": {"compression.type": "gzip"},
    "zstd": {"compression.type": "zstd"},
    "zstd, level 1": {"compression.type": "zstd", "compression.level": "1"},
}


def measure(stack: Stack, effort: Effort) -> list[Row]:
    files = {"14 KB coinc.xml": stack.coinc, "81 KB cWB file": stack.cwb, "1 MB of noise": _noise(stack)}
    rows = []
    running = {}
    try:
        for name, config in METHODS.items():
            running[name] = Driver("ours", stack.env, stack.folder / "ours.log")
            running[name].ask("open", kafka_config=config)
        for what, file in files.items():
            rows += _take_turns(stack, running, what, file, effort)
    finally:
        for driver in running.values():
            driver.close()
    return rows


def _take_turns(stack: Stack, running: dict[str, Driver], what: str, file: Path, effort: Effort) -> list[Row]:
    times = {name: Row(PART, f"{what}, {name}: create_event", "s") for name in running}
    sizes = {name: Row(PART, f"{what}, {name}: on the broker", "KB") for name in running}
    for number in range(effort.rounds(8) + 1):
        for name, driver in running.items():
            before = _stored(stack)
            seconds = driver.seconds("create_event", file=str(file), count=20)
            if number > 0:
                times[name].ours.rounds.append(seconds)
                sizes[name].ours.rounds.append([(_stored(stack) - before) / 20 / 1000])
    return [row for name in running for row in (times[name], sizes[name])]


def _stored(stack: Stack) -> int:
    """Bytes of the topic's log."""
    return sum(file.stat().st_size for file in (stack.broker.folder / "data" / "localhost.gstlal-0").glob("*.log"))


def _noise(stack: Stack) -> Path:
    path = stack.folder / "noise.data"
    if not path.exists():
        with open("/dev/urandom", "rb") as source:
            path.write_bytes(source.read(1 << 20))
    return path

"""Measures this library beside raw librdkafka and libcurl (baseline) and the Python client ligo-gracedb (reference).

Exits with 1 if a bound does not hold.
"""

import argparse
import dataclasses
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from harness.paths import program
from results import PROGRAMS, Row, Work, alternate, as_markdown, write
from stack import COMMANDS, UPLOAD, Driver, Stack, running_stack

Rounds = Callable[[int], int]  # from the full number of rounds to that of this run


def events(stack: Stack, rounds: Rounds) -> list[Row]:
    """One event after the other, from processes whose connections are open."""
    small = Row("create_event, 14 KB, p50", at_most=1.15, at_least=5)
    medium = Row("create_event, 81 KB, p50", at_most=1.15)
    large = Row("create_event, 2 MB, p50", at_most=1.25)
    with stack.drivers(*PROGRAMS) as running:
        alternate(small, rounds(80), _ask(running, "create_event", 50, file=stack.coinc))
        cwb = stack.file("burst-cwb.txt", "trigger.txt")
        alternate(medium, rounds(60), _ask(running, "create_event", 40, file=cwb))
        data = stack.file("big.data", "large.data")
        alternate(large, rounds(40), _ask(running, "create_event", 10, file=data))
    return [small, _p99(small), medium, _p99(medium), large]


def _p99(row: Row) -> Row:
    name = row.name.replace("p50", "p99")
    return dataclasses.replace(row, name=name, at_most=1.3, at_least=None, percentile=99)


def start(stack: Stack, rounds: Rounds) -> list[Row]:
    """From the start of a process to the graceid of its first event, which the broker has acknowledged."""
    row = Row("process start to first event, 14 KB", at_most=1.25, at_least=20)

    def upload(name: str) -> list[float]:
        command = UPLOAD if name == "ours" else COMMANDS[name]
        return [stack.seconds_to_first_line(name, [*command, stack.coinc])]

    alternate(row, rounds(40), {name: partial(upload, name) for name in PROGRAMS})
    return [row]


def many(stack: Stack, rounds: Rounds) -> list[Row]:
    """Many events or messages at once."""
    burst = Row("1,000 events at once, 14 KB", "/s", at_most=1.2, at_least=15)
    produce = Row("produce, texts of 500 B", "/s", at_least=3)
    poll = Row("poll, JSON of 500 B", "/s", at_least=3)
    with stack.drivers(*PROGRAMS) as running:
        alternate(burst, rounds(16), _ask(running, "create_events", 1000, file=stack.coinc))
        _produce_and_poll(stack, rounds, running, produce, poll, as_dicts=False)
    return [burst, produce, poll]


def memory(stack: Stack, rounds: Rounds) -> list[Row]:
    """Resident memory of a connected producer that has sent nothing."""
    row = Row("memory of an idle producer", "MiB", at_least=3)

    def resident(name: str) -> list[float]:
        with stack.drivers(name) as running:
            time.sleep(1)  # until the background threads have connected
            return [running[name].resident_mebibytes()]

    alternate(row, rounds(6), {name: partial(resident, name) for name in PROGRAMS})
    return [row]


def python(stack: Stack, rounds: Rounds) -> list[Row]:
    """The Python package: the program that measures the reference, with the classes of gracedb_kafka."""
    event = Row("Python: create_event, 14 KB, p50")
    produce = Row("Python: produce, dicts of 500 B", "/s", at_least=2)
    poll = Row("Python: poll, dicts of 500 B", "/s", at_least=1.5)
    with stack.drivers("ours in Python", "reference") as started:
        running = {"ours": started["ours in Python"], "reference": started["reference"]}
        alternate(event, rounds(20), _ask(running, "create_event", 50, file=stack.coinc))
        _produce_and_poll(stack, rounds, running, produce, poll, as_dicts=True)
    return [event, produce, poll]


def _produce_and_poll(
    stack: Stack, rounds: Rounds, running: Mapping[str, Driver], produce: Row, poll: Row, *, as_dicts: bool
) -> None:
    """All programs poll the first of the messages that were produced. The baseline has no consumer."""
    alternate(produce, rounds(12), _ask(running, "produce", 100_000, file=stack.messages, as_dicts=as_dicts))
    consumers = {name: driver for name, driver in running.items() if name != "baseline"}
    alternate(poll, rounds(8), _ask(consumers, "consume", 100_000))


def _ask(running: Mapping[str, Driver], do: str, count: int, **arguments: object) -> Work:
    """The reference does a fifth of the work, which takes it about as long."""
    counts = {name: count // 5 if name == "reference" else count for name in running}
    return {name: partial(driver.cost, do, counts[name], **arguments) for name, driver in running.items()}


PARTS = {part.__name__: part for part in (events, start, many, memory, python)}


def measure(parts: list[str], *, quick: bool) -> list[Row]:
    def rounds(full: int) -> int:
        return max(3, full // 4) if quick else full

    rows = []
    with tempfile.TemporaryDirectory(prefix="gracedb-bench-") as folder, running_stack(Path(folder)) as stack:
        with stack.drivers("baseline") as running:  # warms up the broker and GraceDB
            running["baseline"].ask("create_events", count=1000 * rounds(20), file=stack.coinc)
        for part in parts:
            print(f"bench: measuring {part}", file=sys.stderr, flush=True)
            rows += PARTS[part](stack, rounds)
    return rows


def machine() -> str:
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ": unknown")
    program_version = subprocess.check_output([program("gracedb-kafka"), "--version"], text=True).strip()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("ligo-gracedb", "confluent-kafka")]
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return (
        f"Measured on {datetime.date.today()}: {os.cpu_count()} cores of {cpu.split(':')[1].strip()}, {system},\n"
        f"{', '.join([program_version, *versions])}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("part", nargs="*", metavar="PART", help=f"measure only these parts: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a quarter of the rounds, for a rough result")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table into this page")
    asked = parser.parse_args()
    if unknown := set(asked.part) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}")
    if asked.write and (asked.part or asked.quick):
        parser.error("--write needs all parts and all rounds")
    rows = measure(asked.part or list(PARTS), quick=asked.quick)
    text = f"{machine()}\n\n{as_markdown(rows)}"
    print(text)
    if asked.write:
        write(asked.write, text)
    exceeded = [row.name for row in rows if not row.holds()]
    if exceeded:
        print(f"bench: bounds exceeded: {'; '.join(exceeded)}", file=sys.stderr)
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())

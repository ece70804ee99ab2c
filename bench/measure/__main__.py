"""./dev bench: measures ours beside the reference and the floor, and prints one table."""

import argparse
import contextlib
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import confluent_kafka
from harness.paths import program

from measure import compare, page, page_cache, table
from measure.drivers import drivers
from measure.effort import FULL, QUICK, Effort
from measure.parts import compression, events, inside, many, memory, python, start, supervisor
from measure.rows import Row
from measure.stack import Stack, running_stack

PARTS: dict[str, Callable[[Stack, Effort], list[Row]]] = {
    part.PART: part.measure for part in (events, start, many, inside, memory, supervisor, compression, python)
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("part", nargs="*", metavar="PART", help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument(
        "--compare", type=Path, metavar="FILE", help="beside these kept ones; exit code 1 where something got worse"
    )
    parser.add_argument("--quick", action="store_true", help="a quarter of the rounds")
    parser.add_argument("--docs", action="store_true", help="keep the figures as docs/performance.json and show them "
                        "in docs/performance.md; with --show, those kept there")
    parser.add_argument("--show", type=Path, metavar="FILE", help="measure nothing, print what was kept")
    found = parser.parse_args()
    if unknown := set(found.part) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return found


def machine() -> dict:
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ":")
    return {
        "cpu": cpu.split(":")[1].strip(),
        "cores": os.cpu_count(),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "libraries": subprocess.check_output([program("gracedb-kafka"), "--version"], text=True).strip(),
        "librdkafka of the reference": confluent_kafka.libversion()[0],
    }


@contextlib.contextmanager
def ready_stack(effort: Effort) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="gracedb-bench-") as name:
        folder = Path(name)
        print("bench: filling the free memory", file=sys.stderr, flush=True)
        with page_cache.filled(folder), running_stack(folder) as stack:
            print("bench: warming the broker up", file=sys.stderr, flush=True)
            with drivers(stack.env, stack.folder, ("floor",)) as running:
                running["floor"].seconds("create_events", file=str(stack.coinc), count=effort.count(60_000))
            yield stack


def measured(parts: list[str], effort: Effort) -> list[dict]:
    rows: list[dict] = []
    with ready_stack(effort) as stack:
        for part in parts:
            print(f"bench: {part}", file=sys.stderr, flush=True)
            rows += [row.as_json() for row in PARTS[part](stack, effort)]
    return rows


def new_report(asked: argparse.Namespace) -> dict:
    taken = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    rows = measured(asked.part or list(PARTS), QUICK if asked.quick else FULL)
    return {"taken": taken, "quick": asked.quick, "machine": machine(), "rows": rows}


def main() -> int:
    asked = arguments()
    with contextlib.suppress(PermissionError):
        os.nice(-10)  # what else the machine does should not be measured
    report = json.loads(asked.show.read_text()) if asked.show else new_report(asked)
    print(table.as_text(report["rows"]))
    for file in [asked.json] * bool(asked.json) + [page.FIGURES] * asked.docs:
        file.write_text(json.dumps(report, indent=1) + "\n")
    if asked.docs:
        page.write(report)
    if not asked.compare:
        return 0
    worse = compare.worsenings(report["rows"], json.loads(asked.compare.read_text())["rows"])
    print("\n".join(worse) if worse else f"nothing got worse than in {asked.compare} by more than the noise")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())

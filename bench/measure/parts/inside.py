"""What happens inside the process to a message: Google Benchmark for ours, a loop for Python."""

import json
import subprocess
import sys
from pathlib import Path

from harness.paths import program

from measure.effort import Effort
from measure.rows import Row
from measure.stack import Stack

PART = "inside"
IN_PYTHON = Path(__file__).resolve().parents[2] / "inside" / "upload_message.py"


def measure(stack: Stack, effort: Effort) -> list[Row]:
    build = Row(PART, "upload message built from 2 MB", "s", faster=5, near=2)
    parse = Row(PART, "upload message of 2 MB parsed back", "s", faster=5, near=2)
    checked = Row(PART, "upload message of 2 MB parsed back, content id checked", "s")
    for _ in range(effort.rounds(8)):
        ours = _google_benchmark()
        reference = json.loads(subprocess.check_output([sys.executable, IN_PYTHON, "9"]))
        for row, name in ((build, "build"), (parse, "parse"), (checked, "parse_with_content_id")):
            row.ours.rounds.append([ours[name]])
            row.floor.rounds.append([ours["memory_bound_encode"]])
            row.reference.rounds.append([reference[name.split("_")[0]]])
    return [build, parse, checked]


def _google_benchmark() -> dict[str, float]:
    """Seconds of the processor by name; other programs do not count."""
    command = [program("bench-inside"), "--benchmark_format=json", "--benchmark_min_time=0.2"]
    report = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3}
    return {each["name"]: each["cpu_time"] * scale[each["time_unit"]] for each in report["benchmarks"]}

"""The first event: of a process, of a far one, and after a long silence."""

import sys
import time
from collections.abc import Mapping

from harness.paths import program

from measure.drivers import REFERENCE, drivers, seconds_to_first_line
from measure.effort import Effort
from measure.parts.events import take_turns
from measure.rows import Bound, Row
from measure.stack import ROUND_TRIP, Stack

PART = "start"
IDLE_LIMIT = 5.0  # after so long broker and server close a silent connection; Apache httpd's default
SILENCE = 12.0


def measure(stack: Stack, effort: Effort) -> list[Row]:
    near = Row(PART, "process start to first confirmed event", "s", faster=10, near=1.2)
    _start_processes(stack, stack.env, near, effort.rounds(32))
    far = Row(PART, "process start to first confirmed event, 40 ms away", "s", faster=4)
    _start_processes(stack, stack.far_env, far, effort.rounds(10))
    return [near, far, *_from_far_away(stack, effort)]


def _start_processes(stack: Stack, env: Mapping[str, str], row: Row, rounds: int) -> None:
    file = stack.coinc
    commands = {
        "ours": [program("gracedb-kafka"), "upload", "CBC", "gstlal", file, "--search", "AllSky"],
        "reference": [sys.executable, REFERENCE, "upload", file],
        "floor": [program("bench-floor"), "upload", file],
    }
    for number in range(rounds + 1):
        for name, command in commands.items():
            seconds = seconds_to_first_line(command, env, stack.folder / f"{name}.log")
            if number > 0:  # the first one reads the programs from the disk
                getattr(row, name).rounds.append([seconds])


def _from_far_away(stack: Stack, effort: Effort) -> list[Row]:
    warm = Row(PART, "create_event, warm, 40 ms away", "s")
    idle = Row(PART, "first event after idle connections were closed, 40 ms away", "s", faster=1.5)
    with drivers(stack.far_env, stack.folder) as running:
        take_turns(running, warm, stack.coinc, effort.rounds(8), 5)
        for proxy in stack.proxies:
            proxy.idle_limit = IDLE_LIMIT
        try:
            for _ in range(effort.rounds(5)):
                time.sleep(SILENCE)
                take_turns(running, idle, stack.coinc, 1, 1)
        finally:
            for proxy in stack.proxies:
                proxy.idle_limit = None
    limit = 2 * ROUND_TRIP + 0.005
    warm.bounds.append(Bound("s; two round trips + 5 ms", warm.value("ours"), limit, less=True))
    of_warm = idle.value("ours") / warm.value("ours")
    idle.bounds.append(Bound("of a warm one", of_warm, 1.1, less=True))
    return [warm, idle]

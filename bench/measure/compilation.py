"""The broker as one that has run for weeks: its JVM has compiled what it is asked to do."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from measure.effort import Effort
from measure.stack import Stack

SHARE = 0.03  # of the time; less is calm
CALM_TURNS = 3  # one after the other
LONGEST = 90.0  # seconds


def until_compiled(stack: Stack, effort: Effort, what: str, work: Callable[[], object]) -> None:
    """Does `work`, a second or two each time, until the broker's compiler hardly does anything meanwhile."""
    deadline = time.monotonic() + LONGEST * effort.share
    calm = 0
    while calm < CALM_TURNS:
        if time.monotonic() > deadline:
            print(f"bench: the broker is still compiling for {what}", file=sys.stderr, flush=True)
            return
        calm = calm + 1 if _share_of_compiler(stack.broker.pid, work) < SHARE else 0


def _share_of_compiler(pid: int, work: Callable[[], object]) -> float:
    start, before = time.monotonic(), _compiler_seconds(pid)
    work()
    return (_compiler_seconds(pid) - before) / (time.monotonic() - start)


def _compiler_seconds(pid: int) -> float:
    """Processor time of the compiler's threads; of those that have ended none, which may make it less than before."""
    nanoseconds = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            if (task / "comm").read_text().startswith(("C1 Compiler", "C2 Compiler")):
                nanoseconds += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:
            continue  # it has just ended
    return nanoseconds / 1e9

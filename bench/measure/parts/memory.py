"""Resident memory of a producing process."""

import time

from measure.drivers import drivers
from measure.effort import Effort
from measure.rows import Bound, Row
from measure.stack import Stack

PART = "memory"
QUEUE = 32  # MiB: that of produce(), queue.buffering.max.kbytes
BESIDE_THE_QUEUE = 64  # MiB


def measure(stack: Stack, effort: Effort) -> list[Row]:
    idle = Row(PART, "resident memory of an idle producer", "MiB", faster=3)
    large = Row(PART, "resident memory at most, 1,000 events of 1 MB", "MiB", faster=3)
    for _ in range(effort.rounds(3)):
        with drivers(stack.env, stack.folder) as running:
            time.sleep(1)
            for name, driver in running.items():
                getattr(idle, name).rounds.append([driver.memory()])
            for name, driver in running.items():
                driver.seconds("produce_events", file=str(stack.megabyte), count=1000)
                getattr(large, name).rounds.append([driver.memory("VmHWM")])
    limit = QUEUE + BESIDE_THE_QUEUE
    large.bounds.append(Bound("MiB; the queue + 64 MiB", large.value("ours"), limit, less=True))
    return [idle, large]

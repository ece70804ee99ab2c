"""Memory as on a machine that has been up for long."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

MOST = 32 << 30
LEFT_FREE = 512 << 20
PIECE = 1 << 20


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Fills the free memory with cached file pages, which the kernel gives to whoever needs memory.

    A virtual machine may hand free memory back to its host, and gets a page back much more slowly than it takes one
    from the cache: whatever is measured would wait for the host at each new page of a file or a heap.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as holes:  # takes no room on the disk
        size = min(MOST, _free_memory() - LEFT_FREE)
        if size > 0:
            holes.truncate(size)
            piece = bytearray(PIECE)
            while holes.readinto(piece):
                pass
        left = _free_memory()
        if left > 4 * LEFT_FREE:  # on a tmpfs holes take no memory, and there may be more than MOST
            print(f"bench: {left >> 20} MiB of memory are still free and may be slow", file=sys.stderr)
        yield


def _free_memory() -> int:
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemFree:"))
    return int(line.split()[1]) * 1024

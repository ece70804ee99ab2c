"""Memory as on a machine that has been up for long."""

import contextlib
import mmap
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CACHED = 6 << 30
LEFT_FREE = 256 << 20
PIECE = 1 << 20


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leaves next to no free memory, but cached file pages, which the kernel gives to whoever needs memory.

    A virtual machine may hand free memory back to its host, and gets a page back much more slowly than it takes one
    from the cache: whatever is measured would wait for the host at each new page of a file or a heap.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as holes:  # takes no room on the disk
        _read(holes, max(0, min(CACHED, _free_memory() - LEFT_FREE)))
        with _held(_free_memory() - LEFT_FREE):
            left = _free_memory()
            if left > 4 * LEFT_FREE:
                print(f"bench: {left >> 20} MiB of memory are still free and may be slow", file=sys.stderr)
            yield


def _read(file, size: int) -> None:
    file.truncate(size)
    piece = bytearray(PIECE)
    while file.readinto(piece):
        pass


@contextlib.contextmanager
def _held(size: int) -> Iterator[None]:
    """Takes so much memory that nobody else may have, unless somebody has limited ours to less."""
    if size <= 0 or size > _limit():
        yield
        return
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with contextlib.closing(mmap.mmap(-1, size, flags=private | mmap.MAP_POPULATE)):
        yield


def _limit() -> int:
    """The least that a control group above this process allows, in bytes."""
    least = sys.maxsize
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        root = Path("/sys/fs/cgroup") / ("memory" if controllers == "memory" else "")
        group = root / path.lstrip("/")
        for name in ("memory.max", "memory.limit_in_bytes"):
            for folder in (group, *group.parents):
                with contextlib.suppress(OSError, ValueError):  # not there, or "max"
                    least = min(least, int((folder / name).read_text()))
    return least


def _free_memory() -> int:
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemFree:"))
    return int(line.split()[1]) * 1024

"""Running a command to its end."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def lines(self) -> list[dict]:
        """The objects of `--json`, one a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def run(command: Sequence[object], *, env: Mapping[str, str], timeout: float = 30, stdin: bytes = b"") -> Result:
    """Runs a command to its end; one that does not end in time is killed, and the test fails."""
    start = time.monotonic()
    done = subprocess.run(
        [str(word) for word in command], env=dict(env), input=stdin, capture_output=True, timeout=timeout
    )
    return Result(
        returncode=done.returncode,
        stdout=done.stdout.decode(errors="replace"),
        stderr=done.stderr.decode(errors="replace"),
        seconds=time.monotonic() - start,
    )

"""The programs that are measured, each told what to do by a line of JSON."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.paths import BUILD

DRIVERS = Path(__file__).resolve().parents[1] / "drivers"
REFERENCE = DRIVERS / "reference.py"
COMMANDS: dict[str, list[str]] = {
    "ours": [str(BUILD / "bin" / "bench-ours")],
    "reference": [sys.executable, str(REFERENCE)],
    "floor": [str(BUILD / "bin" / "bench-floor")],
    "python": [sys.executable, str(DRIVERS / "python.py")],
}
PROGRAMS = ("ours", "reference", "floor")


class Driver:
    """One of them, running."""

    def __init__(self, name: str, env: Mapping[str, str], log: Path):
        self.name = name
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                COMMANDS[name], env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, do: str, **arguments: object) -> dict:
        line = json.dumps({"do": do, **arguments}) + "\n"
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"bench driver '{self.name}' ended with {self._process.wait()} while asked to {do}")
        found = json.loads(answer)
        if "error" in found:
            raise RuntimeError(f"bench driver '{self.name}' could not {do}: {found['error']}")
        return found

    def seconds(self, do: str, **arguments: object) -> list[float]:
        return self.ask(do, **arguments)["seconds"]

    def memory(self, field: str = "VmRSS") -> float:
        """Resident memory in MiB, now or (VmHWM) at its highest."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(field))
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


@contextlib.contextmanager
def drivers(env: Mapping[str, str], folder: Path, names: Sequence[str] = PROGRAMS) -> Iterator[dict[str, Driver]]:
    """Those of these names, connected."""
    running = {name: Driver(name, env, folder / f"{name}.log") for name in names}
    try:
        for driver in running.values():
            driver.ask("open")
        yield running
    finally:
        for driver in running.values():
            driver.close()


def seconds_to_first_line(command: Sequence[object], env: Mapping[str, str], log: Path) -> float:
    """From the start of a process to its first line of output: the graceid of a confirmed event."""
    with log.open("ab") as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
    process.stdout.close()
    code = process.wait(30)
    if not line or code != 0:
        raise RuntimeError(f"{command[0]} ended with {code} instead of submitting an event; see {log}")
    return seconds

"""Programs that run beside a test."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.waiting import Value, wait_until


class Process:
    """A program under test. Its output is kept in two files; it is ended by its id."""

    def __init__(self, command: Sequence[object], *, env: Mapping[str, str], log_dir: Path):
        log_dir.mkdir(parents=True, exist_ok=True)
        self.name = Path(str(command[0])).name
        self.env = env
        self._stdout_path = log_dir / "stdout"
        self._stderr_path = log_dir / "stderr"
        with self._stdout_path.open("wb") as stdout, self._stderr_path.open("wb") as stderr:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdout(self) -> str:
        return self._stdout_path.read_text(errors="replace")

    @property
    def stderr(self) -> str:
        return self._stderr_path.read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, condition: Callable[[], Value], what: str, timeout: float = 20) -> Value:
        """Waits until `condition` returns something true; fails at once where the program has ended."""

        def condition_or_end() -> Value:
            value = condition()
            if not value and not self.is_running:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode}: {self.stderr[-2000:]}")
            return value

        return wait_until(condition_or_end, timeout, f"{what} of {self.name}")

    def wait_for_json(self, timeout: float = 20) -> dict:
        """The first line of standard output that is a JSON object: how a program says that it is ready."""

        def first_object() -> dict | None:
            lines = self.stdout.splitlines(keepends=True)
            return next((json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")), None)

        return self.wait_for(first_object, "a line of JSON", timeout)

    def wait_for_log(self, text: str, timeout: float = 20) -> None:
        """Waits until `text` stands in standard error."""
        self.wait_for(lambda: text in self.stderr, f"the log line {text!r}", timeout)

    def send(self, number: signal.Signals) -> None:
        if self.is_running:
            os.kill(self.pid, number)

    def wait(self, timeout: float = 10) -> int:
        return self._process.wait(timeout)

    def stop(self, timeout: float = 10) -> int:
        """Asks it to end and waits; returns the exit code. One that does not end in time is killed."""
        if self.is_running:
            self._process.terminate()
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL: what a crash looks like."""
        self._process.kill()
        self._process.wait()

"""Where programs are run: each with an environment of its own, all ended together."""

import shutil
import uuid
from pathlib import Path

from harness.broker import Broker
from harness.command import Result, run
from harness.environment import clean_environment
from harness.leaks import check_no_token
from harness.paths import program
from harness.process import Process
from harness.sandbox import Sandbox
from harness.stack import Stack, client_environment


class Workshop:
    """Runs programs, for one test or for several, in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = clean_environment(folder / "home")
        self._processes: list[Process] = []
        self._started = 0

    def run_cli(
        self, *arguments: object, env: dict[str, str] | None = None, timeout: float = 30, stdin: bytes = b""
    ) -> Result:
        """Runs gracedb-kafka to its end. Whatever it says, it must not show a token."""
        env = self.environment | (env or {})
        result = run([program("gracedb-kafka"), *arguments], env=env, timeout=timeout, stdin=stdin)
        check_no_token(result.stdout + result.stderr, env)
        return result

    def spawn(self, name: str, *arguments: object, env: dict[str, str] | None = None) -> Process:
        """Runs a program beside the test: spawn("gracedb-kafka", "consume", env=env)."""
        log_dir = self._new_folder(name)
        process = Process([program(name), *arguments], env=self.environment | (env or {}), log_dir=log_dir)
        self._processes.append(process)
        return process

    def sandbox(
        self,
        *options: object,
        broker: Broker | None = None,
        issuer: Broker | None = None,
        state_dir: Path | None = None,
    ) -> Sandbox:
        """Starts a GraceDB: sandbox("--broker", "embedded"), or sandbox(broker=broker) to share the broker's tokens.

        With issuer=broker it shares the tokens, but publishes no alerts.
        """
        if state_dir is None:
            state_dir = self._new_folder("gracedb")
        if broker or issuer:
            shutil.copy((broker or issuer).issuer_dir / "signing-key.pem", state_dir)
        if broker:
            options += ("--broker", broker.plaintext)
        subject = ("--token-subject", "pipeline")
        return Sandbox(self.spawn("gracedb-sandbox", "--json", "--state-dir", state_dir, *subject, *options))

    def supervisor(self, env: dict[str, str], *options: object) -> Process:
        """Starts a supervisor and waits until it is ready.

        It reads from the beginning of its topics in a group of its own, unless the options name one.
        """
        folder = self._new_folder("supervisor")
        ready_file = folder / "ready"
        group = () if "--group-id" in options else ("--group-id", f"supervisor-{uuid.uuid4()}")
        spool = () if "--spool-dir" in options else ("--spool-dir", folder / "spool")
        listen = () if "--listen" in options else ("--listen", "127.0.0.1:0")
        defaults = ("--ready-file", ready_file, *group, *spool, *listen)
        process = self.spawn("gracedb-kafka-supervisor", *defaults, *options, env=env)
        process.wait_for(ready_file.exists, "the ready file")
        return process

    def stack(self, broker: Broker | None = None, *topics: str) -> Stack:
        """GraceDB and a supervisor, with a real broker or the embedded one."""
        gracedb = self.sandbox(broker=broker) if broker else self.sandbox("--broker", "embedded")
        env = client_environment(gracedb, broker)
        spool = self._new_folder("spool")
        options = [word for topic in topics for word in ("--topic", topic)]
        return Stack(gracedb, env, self.supervisor(env, "--spool-dir", spool, *options), spool)

    def close(self) -> None:
        """Kills what still runs, and sees to it that nothing has shown a token."""
        for process in reversed(self._processes):
            if process.is_running:
                process.kill()
        for process in self._processes:
            check_no_token(process.stdout + process.stderr, process.env)

    @property
    def report(self) -> str:
        """The end of what each program wrote to standard error."""
        return "\n".join(f"--- {each.name} ---\n{each.stderr[-6000:]}" for each in self._processes)

    def _new_folder(self, name: str) -> Path:
        self._started += 1
        folder = self.folder / f"{self._started}-{name}"
        folder.mkdir()
        return folder

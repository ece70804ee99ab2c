"""Fixtures of the end-to-end tests. Every process is ended by its id, whatever a test does."""

import itertools
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.broker import Broker
from harness.command import Result, run
from harness.environment import clean_environment
from harness.paths import program
from harness.process import Process
from harness.sandbox import Sandbox
from harness.stack import Stack, client_environment


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for all tests; a test that stops its broker takes `own_broker`."""
    yield from _running_broker(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker for one test alone, which may stop and start it."""
    yield from _running_broker(tmp_path / "broker")


def _running_broker(folder: Path) -> Iterator[Broker]:
    folder.mkdir(exist_ok=True)
    broker = Broker(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of the programs that a test runs; a test may add to it."""
    return clean_environment(tmp_path / "home")


@pytest.fixture
def spawn(tmp_path: Path, environment: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Callable]:
    """Runs programs beside the test: spawn("gracedb-sandbox", "--port", 0) gives a Process.

    What is still running at the end is killed; what they wrote is shown where the test failed.
    """
    processes: list[Process] = []

    def start(name: str, *arguments: object, env: dict[str, str] | None = None) -> Process:
        log_dir = tmp_path / f"{name}-{len(processes)}"
        process = Process([program(name), *arguments], env=environment | (env or {}), log_dir=log_dir)
        processes.append(process)
        return process

    yield start
    for process in reversed(processes):
        if process.is_running:
            process.kill()
        request.node.add_report_section("teardown", f"{process.name} (standard error)", process.stderr[-8000:])


@pytest.fixture
def run_cli(environment: dict[str, str]) -> Callable[..., Result]:
    """Runs gracedb-kafka to its end: run_cli("ping", "-t", "test") gives a Result."""

    def run_program(
        *arguments: object, env: dict[str, str] | None = None, timeout: float = 30, stdin: bytes = b""
    ) -> Result:
        command = [program("gracedb-kafka"), *arguments]
        return run(command, env=environment | (env or {}), timeout=timeout, stdin=stdin)

    return run_program


@pytest.fixture
def sandbox(spawn: Callable[..., Process], tmp_path: Path) -> Callable[..., Sandbox]:
    """Starts GraceDBs: sandbox("--broker", "embedded"), or sandbox(broker=broker) to share the broker's tokens."""
    count = itertools.count()

    def start(*options: object, broker: Broker | None = None) -> Sandbox:
        state_dir = tmp_path / f"gracedb-{next(count)}"
        if broker:
            state_dir.mkdir()
            shutil.copy(broker.issuer_dir / "signing-key.pem", state_dir)
            options += ("--broker", broker.plaintext)
        subject = ("--token-subject", "pipeline")
        return Sandbox(spawn("gracedb-sandbox", "--json", "--state-dir", state_dir, *subject, *options))

    return start


@pytest.fixture
def supervisor(spawn: Callable[..., Process], tmp_path: Path) -> Callable[..., Process]:
    """Starts supervisors and waits until they are ready: supervisor(env) or supervisor(env, "--topic", "test").

    Each reads from the beginning of its topics in a group of its own, unless the options name one.
    """
    count = itertools.count()

    def start(env: dict[str, str], *options: object) -> Process:
        number = next(count)
        ready_file = tmp_path / f"supervisor-{number}-ready"
        group = () if "--group-id" in options else ("--group-id", f"supervisor-{uuid.uuid4()}")
        spool = () if "--spool-dir" in options else ("--spool-dir", tmp_path / "spool")
        process = spawn("gracedb-kafka-supervisor", "--ready-file", ready_file, *group, *spool, *options, env=env)
        process.wait_for(ready_file.exists, "the ready file")
        return process

    return start


@pytest.fixture
def embedded_stack(sandbox: Callable, supervisor: Callable) -> Stack:
    """GraceDB with the embedded broker (no TLS, no login), and a supervisor."""
    gracedb = sandbox("--broker", "embedded")
    env = client_environment(gracedb)
    return Stack(gracedb, env, supervisor(env))


@pytest.fixture
def kafka_stack(sandbox: Callable, supervisor: Callable, broker: Broker) -> Stack:
    """GraceDB, a real broker with TLS and tokens, and a supervisor."""
    gracedb = sandbox(broker=broker)
    env = client_environment(gracedb, broker)
    return Stack(gracedb, env, supervisor(env))

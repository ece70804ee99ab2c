"""Fixtures of the tests with whole programs, for pytest_plugins. Every process is ended by its id, whatever a test does.

GRACEDB_TEST_BROKER=DIR takes the broker that runs in DIR (broker/kafka start DIR --fast) instead of a fresh one.
"""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.broker import Broker
from harness.command import Result
from harness.process import Process
from harness.sandbox import Sandbox
from harness.stack import Stack
from harness.workshop import Workshop


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for all tests; a test that stops its broker takes `own_broker`."""
    if running := os.environ.get("GRACEDB_TEST_BROKER"):
        yield Broker(Path(running).resolve())
    else:
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
def workshop(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workshop]:
    """Runs programs for one test; what they wrote is shown where it failed."""
    workshop = Workshop(tmp_path)
    yield workshop
    request.node.add_report_section("teardown", "programs", workshop.report)
    workshop.close()


@pytest.fixture(scope="module")
def shared_workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Runs programs that all tests of a module share."""
    workshop = Workshop(tmp_path_factory.mktemp("shared"))
    yield workshop
    workshop.close()


@pytest.fixture
def environment(workshop: Workshop) -> dict[str, str]:
    """The environment of the programs that a test runs; a test may add to it."""
    return workshop.environment


@pytest.fixture
def spawn(workshop: Workshop) -> Callable[..., Process]:
    """Runs programs beside the test: spawn("gracedb-sandbox", "--port", 0) gives a Process."""
    return workshop.spawn


@pytest.fixture
def run_cli(workshop: Workshop) -> Callable[..., Result]:
    """Runs gracedb-kafka to its end: run_cli("ping", "-t", "test") gives a Result."""
    return workshop.run_cli


@pytest.fixture
def sandbox(workshop: Workshop) -> Callable[..., Sandbox]:
    """Starts GraceDBs: sandbox("--broker", "embedded"), or sandbox(broker=broker) to share the broker's tokens."""
    return workshop.sandbox


@pytest.fixture
def supervisor(workshop: Workshop) -> Callable[..., Process]:
    """Starts supervisors and waits until they are ready: supervisor(env) or supervisor(env, "--topic", "test")."""
    return workshop.supervisor


@pytest.fixture
def embedded_stack(workshop: Workshop) -> Stack:
    """GraceDB with the embedded broker (no TLS, no login), and a supervisor."""
    return workshop.stack()


@pytest.fixture(scope="module")
def kafka_stack(shared_workshop: Workshop, broker: Broker) -> Stack:
    """GraceDB, a real broker with TLS and tokens, and a supervisor, for all tests of a module."""
    return shared_workshop.stack(broker)


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port on which nobody listens; it stays ours, so that nobody else takes it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]

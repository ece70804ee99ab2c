import signal

import pytest

from harness.sandbox import Sandbox
from harness.sender import Sender
from harness.stack import client_environment

pytest_plugins = ["harness.fixtures"]

# A background job of a script ignores SIGINT, and the programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def gracedb(shared_workshop, broker) -> Sandbox:
    """One for each module, on the broker of all."""
    return shared_workshop.sandbox(broker=broker)


@pytest.fixture
def env(gracedb, broker):
    """A client's environment; the test may order faults, which end with it."""
    yield client_environment(gracedb, broker)
    gracedb.set_faults()


@pytest.fixture
def topic(broker) -> str:
    return broker.create_topic()


@pytest.fixture
def sender(gracedb, broker, topic) -> Sender:
    return Sender(gracedb, broker, topic)

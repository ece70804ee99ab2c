"""Fixtures: a real broker, GraceDB sandboxes, and clients of the package."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gracedb_kafka.kafka import GraceDbKafkaConsumer, GraceDbKafkaProducer
from gracedb_kafka.rest import GraceDb
from harness.broker import INSTANCE, Broker
from harness.environment import clean_environment

pytest_plugins = ["harness.fixtures"]

# The address sanitizer, which only Python processes load.
_PRELOADED = {"LD_PRELOAD": os.environ.pop("LD_PRELOAD")} if "LD_PRELOAD" in os.environ else {}
_PASSED_ON = ("PYTHONPATH", "PYTHONMALLOC")

_CREDENTIALS = (
    "SCITOKEN",
    "SCITOKEN_FILE",
    "BEARER_TOKEN",
    "BEARER_TOKEN_FILE",
    "_CONDOR_CREDS",
    "X509_USER_PROXY",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips tests that the sanitizers do not support, if their library is loaded."""
    for item in items if _PRELOADED else []:
        for marker in item.iter_markers("not_sanitized"):
            item.add_marker(pytest.mark.skip(reason=marker.args[0]))


@pytest.fixture(autouse=True)
def credentials(broker: Broker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One token, which the broker and `sandbox(broker=broker)` accept, and no other credential."""
    for name in _CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(token_file(broker, tmp_path)))


def token_file(broker: Broker, folder: Path) -> Path:
    path = folder / "token"
    path.write_text(broker.issuer.mint())
    path.chmod(0o600)
    return path


@pytest.fixture
def connection(broker: Broker) -> dict[str, object]:
    """Options that connect a client to the broker."""
    return {
        "bootstrap_servers": broker.sasl_ssl,
        "instance_name": INSTANCE,
        "ca_cert_path": broker.ca_cert,
        "broker.address.family": "v4",
    }


@pytest.fixture
def pipeline(broker: Broker) -> str:
    """A new topic."""
    return broker.create_topic()


@pytest.fixture
def producer(connection, pipeline) -> Iterator[GraceDbKafkaProducer]:
    """A producer for `pipeline`."""
    with GraceDbKafkaProducer(topic=pipeline, **connection) as producer:
        yield producer


@pytest.fixture
def consumer(connection, pipeline) -> Iterator[GraceDbKafkaConsumer]:
    """A consumer that reads `pipeline` from the beginning."""
    with GraceDbKafkaConsumer(topics=pipeline, auto_offset_reset="earliest", **connection) as consumer:
        yield consumer


@pytest.fixture
def gracedb(broker: Broker, sandbox):
    """A GraceDB sandbox that accepts the broker's tokens."""
    return sandbox(broker=broker)


@pytest.fixture
def client(gracedb) -> GraceDb:
    return GraceDb(gracedb.service_url)


@pytest.fixture
def dead_broker(unused_port) -> dict[str, object]:
    """Options for a client whose broker does not respond."""
    return {
        "bootstrap_servers": f"127.0.0.1:{unused_port}",
        "instance_name": INSTANCE,
        "security.protocol": "plaintext",
        "check_for_topics": False,
    }


@pytest.fixture
def python_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a separate Python process, with the token of `credentials`."""
    passed_on = {name: os.environ[name] for name in (*_PASSED_ON, "BEARER_TOKEN_FILE") if name in os.environ}
    return clean_environment(tmp_path / "home") | passed_on | _PRELOADED


@pytest.fixture
def run_python(python_environment, connection) -> Callable[..., subprocess.CompletedProcess]:
    """Runs Python code in a separate process, in which `connection` is a variable."""
    environment = python_environment | {"CONNECTION": json.dumps(connection, default=str)}

    def run(
        code: str, *options: str, env: dict[str, str] | None = None, expect: int = 0
    ) -> subprocess.CompletedProcess:
        prologue = "import json, os\nconnection = json.loads(os.environ['CONNECTION'])\n"
        done = subprocess.run(
            [sys.executable, *options, "-c", prologue + code],
            check=False,
            env=environment | (env or {}),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == expect, f"exit code {done.returncode}: {done.stderr}"
        return done

    return run

"""What the programs are measured against: a real broker, a GraceDB, and both once more from far away."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.broker import Broker
from harness.environment import clean_environment
from harness.paths import REFERENCE_EVENTS, program
from harness.process import Process

from measure.proxy import DelayProxy

ROUND_TRIP = 0.040  # of the far stack


@dataclass
class Stack:
    folder: Path
    broker: Broker
    service_url: str
    env: dict[str, str]  # what a client of it needs
    far_env: dict[str, str]  # the same with ROUND_TRIP added on both ways
    proxies: list[DelayProxy]

    @property
    def coinc(self) -> Path:
        return self._file("cbc-lm.xml", "coinc.xml")

    @property
    def cwb(self) -> Path:
        return self._file("burst-cwb.txt", "trigger.txt")

    @property
    def large(self) -> Path:
        return self._file("big.data", "large.data")

    @property
    def megabyte(self) -> Path:
        path = self.folder / "megabyte.data"
        if not path.exists():
            path.write_bytes((REFERENCE_EVENTS / "big.data").read_bytes()[: 1 << 20])
        return path

    def _file(self, source: str, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            shutil.copy(REFERENCE_EVENTS / source, path)
        return path


@contextlib.contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Starts everything in `folder`, and ends it."""
    with contextlib.ExitStack() as ends:
        proxies = [DelayProxy(ROUND_TRIP / 2) for _ in range(2)]
        for proxy in proxies:
            ends.callback(proxy.close)
        kafka_proxy, http_proxy = proxies

        broker = Broker(folder / "broker")
        broker.folder.mkdir()
        ends.callback(broker.kill)
        topics = [word for name in ("bench", "read") for word in ("--topic", name)]
        broker.start(*topics, "--far", str(kafka_proxy.port), fast=False)
        kafka_proxy.target = _address(broker.env["GRACEDB_KAFKA_FAR_LISTENER"])

        gracedb = _start_gracedb(folder, broker)
        ends.callback(gracedb.stop)
        ready = gracedb.wait_for_json()
        service_url = ready["service_url"].replace("127.0.0.1", "localhost")
        http_proxy.target = _address(service_url.split("/")[2])

        env = clean_environment(folder / "home") | {
            "GRACEDB_SERVICE_URL": service_url,
            "GRACEDB_KAFKA_BOOTSTRAP_SERVERS": broker.sasl_ssl,
            "GRACEDB_KAFKA_CA_CERT": str(broker.ca_cert),
            "GRACEDB_KAFKA_GRACEDB_CA_CERT": str(broker.ca_cert),
            "REQUESTS_CA_BUNDLE": str(broker.ca_cert),
            "BEARER_TOKEN_FILE": ready["token_file"],
            "BENCH_ISSUER_DIR": str(broker.issuer_dir),
        }
        far_env = env | {
            "GRACEDB_SERVICE_URL": f"https://localhost:{http_proxy.port}/api/",
            "GRACEDB_KAFKA_BOOTSTRAP_SERVERS": f"localhost:{kafka_proxy.port}",
        }
        yield Stack(folder, broker, service_url, env, far_env, proxies)


def _start_gracedb(folder: Path, broker: Broker) -> Process:
    state = folder / "gracedb"
    state.mkdir()
    shutil.copy(broker.issuer_dir / "signing-key.pem", state)
    certificate = broker.folder / "server.pem"
    options = ["--json", "--no-fsync", "--state-dir", state, "--tls-cert", certificate, "--tls-key", certificate]
    tokens = ["--token-subject", "pipeline", "--token-lifetime", "12h"]
    env = clean_environment(folder / "home")
    return Process([program("gracedb-sandbox"), *options, *tokens], env=env, log_dir=folder / "gracedb-log")


def _address(text: str) -> tuple[str, int]:
    host, port = text.rsplit(":", 1)
    return ("127.0.0.1" if host == "localhost" else host), int(port)

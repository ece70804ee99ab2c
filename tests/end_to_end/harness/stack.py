"""A whole local stack: GraceDB, a broker and a supervisor."""

from dataclasses import dataclass
from pathlib import Path

from harness.broker import Broker
from harness.process import Process
from harness.sandbox import Sandbox


@dataclass(frozen=True)
class Stack:
    sandbox: Sandbox
    env: dict[str, str]  # what a client of it needs
    supervisor: Process
    spool: Path  # where the supervisor sets messages aside


def client_environment(sandbox: Sandbox, broker: Broker | None = None) -> dict[str, str]:
    """What a client of this GraceDB needs in its environment; without a broker, the embedded one is meant."""
    env = {"GRACEDB_SERVICE_URL": sandbox.service_url, "BEARER_TOKEN_FILE": str(sandbox.token_file)}
    if broker:
        return env | {
            "GRACEDB_KAFKA_BOOTSTRAP_SERVERS": broker.sasl_ssl,
            "GRACEDB_KAFKA_CA_CERT": str(broker.ca_cert),
        }
    return env | {"GRACEDB_KAFKA_BOOTSTRAP_SERVERS": sandbox.bootstrap_servers, "GRACEDB_KAFKA_PLAINTEXT": "true"}

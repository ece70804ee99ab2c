"""The reference client (ligo-gracedb) at the same work as the library and the baseline.

Answers commands as bench/driver.hpp does. `reference.py FILE` submits one event and prints its graceid. Under
`python -m gracedb_kafka` the same code measures this project's Python package.
"""

import itertools
import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = dict[str, Any]


def trust_issuer() -> None:
    """Stores the public key of the tokens' issuer, which the reference otherwise fetches from the web."""
    from cryptography.hazmat.primitives import serialization
    from scitokens.utils import keycache

    folder = Path(os.environ["BENCH_ISSUER_DIR"])
    (public,) = json.loads((folder / "jwks.json").read_text())["keys"]
    key = serialization.load_pem_private_key((folder / "signing-key.pem").read_bytes(), None).public_key()
    cache = keycache.KeyCache.getinstance()
    cache.addkeyinfo("https://localhost/gracedb-sandbox", public["kid"], key, cache_timer=3600)


def time_each(count: int, work: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


class Reference:
    def open(self, _: Command) -> list[float]:
        from ligo.gracedb.kafka import GraceDbKafkaProducer
        from ligo.gracedb.rest import GraceDb

        trust_issuer()
        service_url = os.environ["GRACEDB_SERVICE_URL"]
        self.broker = {
            "bootstrap_servers": os.environ["GRACEDB_KAFKA_BOOTSTRAP_SERVERS"],
            "service_url": service_url,
            "ca_cert_path": os.environ["GRACEDB_KAFKA_CA_CERT"],
        }
        self.client = GraceDb(service_url=service_url, use_auth="scitoken", fail_if_noauth=True)
        self.producer = GraceDbKafkaProducer(topic="bench", **self.broker)
        self.client.groups  # noqa: B018  (fetches the API root)
        return []

    def create_event(self, command: Command) -> list[float]:
        return time_each(command["count"], lambda: self.submit(command["file"]))

    def create_events(self, command: Command) -> list[float]:
        return time_each(1, lambda: [self.submit(command["file"]) for _ in range(command["count"])])

    def produce(self, command: Command) -> list[float]:
        """Produces the lines of a file as texts, or as dicts that the client serializes."""
        lines = Path(command["file"]).read_text().splitlines()
        values = [json.loads(line) for line in lines] if command["as_dicts"] else lines

        def work() -> None:
            for value in itertools.islice(itertools.cycle(values), command["count"]):
                self.producer.produce(value)
            self.producer.flush()

        return time_each(1, work)

    def consume(self, command: Command) -> list[float]:
        """Reads and parses messages from the start of the topic; the time runs from the first message."""
        from ligo.gracedb.kafka import GraceDbKafkaConsumer

        group = f"bench-{uuid.uuid4()}"
        consumer = GraceDbKafkaConsumer(topics="bench", group_id=group, auto_offset_reset="earliest", **self.broker)
        try:
            start = 0.0
            for _ in range(command["count"]):
                message = consumer.poll(10)
                if message is None or not isinstance(message["value"], dict):
                    raise RuntimeError(f"unexpected message: {message}")
                start = start or time.perf_counter()
            return [time.perf_counter() - start]
        finally:
            consumer.close()

    def submit(self, file: str) -> str:
        response = self.client.create_event("CBC", "gstlal", file, search="AllSky", kafka=self.producer)
        return str(response.json()["graceid"])


def main() -> None:
    reference = Reference()
    if len(sys.argv) > 1:
        reference.open({})
        print(reference.submit(sys.argv[1]), flush=True)
        os._exit(0)  # shutdown is not measured
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {"seconds": getattr(reference, command["do"])(command)}
        except Exception as error:  # noqa: BLE001  (reported to the caller)
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

"""The reference client (ligo-gracedb) at the same work as ours and the floor.

One JSON command a line on standard input, one JSON answer a line on standard output; or, to be timed as a whole
process, `reference.py upload FILE`.
"""

import functools
import itertools
import json
import os
import random
import signal
import sys
import time
import uuid
from pathlib import Path


def trust_the_issuer() -> None:
    """The reference checks a token's signature; without this it would look for the key on the web."""
    from cryptography.hazmat.primitives import serialization
    from scitokens.utils import keycache

    folder = Path(os.environ["BENCH_ISSUER_DIR"])
    (public,) = json.loads((folder / "jwks.json").read_text())["keys"]
    key = serialization.load_pem_private_key((folder / "signing-key.pem").read_bytes(), None).public_key()
    cache = keycache.KeyCache.getinstance()
    cache.addkeyinfo("https://localhost/gracedb-sandbox", public["kid"], key, cache_timer=3600)


DIFFERENT_VALUES = 2_000


@functools.cache
def some_text() -> str:
    """Text that compresses about as real values do."""
    return "".join(random.Random(1).choices("0123456789.,-e 0", k=1 << 18))


def status_object(size: int, number: int) -> dict:
    """A JSON object of about `size` bytes as a pipeline's status message looks."""
    value = {"type": "status", "number": number, "pipeline": "gstlal", "far": 1.5e-7}
    text = some_text()
    start = number * 7919 % (len(text) - size)
    return value | {"comment": text[start : start + size - 85]}


class Reference:
    def open(self, _: dict) -> dict:
        from ligo.gracedb.kafka import GraceDbKafkaProducer
        from ligo.gracedb.rest import GraceDb

        trust_the_issuer()
        self.service_url = os.environ["GRACEDB_SERVICE_URL"]
        self.broker = {
            "bootstrap_servers": os.environ["GRACEDB_KAFKA_BOOTSTRAP_SERVERS"],
            "service_url": self.service_url,
            "ca_cert_path": os.environ["GRACEDB_KAFKA_CA_CERT"],
        }
        self.client = GraceDb(service_url=self.service_url, use_auth="scitoken", fail_if_noauth=True)
        self.producer = GraceDbKafkaProducer(topic="gstlal", **self.broker)
        self.client.groups  # the API root
        return {}

    def create_event(self, command: dict) -> dict:
        return self._time_each(command["count"], lambda: self._create_event(command["file"]))

    def create_events(self, command: dict) -> dict:
        def work() -> None:
            for _ in range(command["count"]):
                self._create_event(command["file"])

        return self._time_each(1, work)

    def produce(self, command: dict) -> dict:
        values = [status_object(command["bytes"], number) for number in range(DIFFERENT_VALUES)]

        def work() -> None:
            for value in itertools.islice(itertools.cycle(values), command["count"]):
                self._produce(value, "bench")
            self.producer.flush()

        return self._time_each(1, work)

    def produce_events(self, command: dict) -> dict:
        from base64 import b64encode

        def work() -> None:
            for _ in range(command["count"]):
                contents = b64encode(Path(command["file"]).read_bytes()).decode()
                message = {
                    "type": "upload",
                    "gracedb_server": self.service_url,
                    "graceid": "G1",
                    "pipeline": "gstlal",
                    "gracedb_upload": True,
                    "eventFile": ["large", contents],
                }
                self._produce(message, "gstlal")
            self.producer.flush()

        return self._time_each(1, work)

    def consume(self, command: dict) -> dict:
        from ligo.gracedb.kafka import GraceDbKafkaConsumer

        consumer = GraceDbKafkaConsumer(
            topics=command["topic"], group_id=str(uuid.uuid4()), auto_offset_reset="earliest", **self.broker
        )
        try:
            seen, start, size = 0, 0.0, 0
            while seen < command["count"]:
                message = consumer.poll(10)
                if message is None:
                    raise TimeoutError("no message came")
                start = start or time.perf_counter()
                seen += 1
                size += len(message["value"])
            return {"seconds": [time.perf_counter() - start], "bytes": size}
        finally:
            consumer.close()

    def _create_event(self, file: str) -> str:
        answer = self.client.create_event("CBC", "gstlal", file, search="AllSky", kafka=self.producer)
        return answer.json()["graceid"]

    def _produce(self, value: dict, topic: str) -> None:
        from ligo.gracedb.kafka.exceptions import KafkaProducerError

        while True:
            try:
                return self.producer.produce(value, topic=topic)
            except (BufferError, KafkaProducerError):  # its queue is full
                self.producer.producer.poll(0.1)

    @staticmethod
    def _time_each(count: int, work) -> dict:
        seconds = []
        for _ in range(count):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}


def serve() -> None:
    reference = Reference()
    for line in sys.stdin:
        try:
            command = json.loads(line)
            answer = getattr(reference, command["do"])(command)
        except Exception as fault:  # noqa: BLE001  (the runner tells it)
            answer = {"error": f"{type(fault).__name__}: {fault}"}
        print(json.dumps(answer), flush=True)


def upload(file: str) -> None:
    reference = Reference()
    reference.open({})
    print(reference._create_event(file), flush=True)
    os._exit(0)  # its end is not part of the work


def supervise(group: str) -> None:
    """A plain loop over the reference's consumer and upload_reserved_event; one line an event."""
    from base64 import b64decode

    from ligo.gracedb.kafka import GraceDbKafkaConsumer

    reference = Reference()
    reference.open({})
    consumer = GraceDbKafkaConsumer(topics="gstlal", group_id=group, auto_offset_reset="latest", **reference.broker)
    try:
        while True:
            message = consumer.poll(1)
            if message is None:
                continue
            event = message["value"]
            name, contents = event["eventFile"]
            reference.client.upload_reserved_event(event["graceid"], name, filecontents=b64decode(contents))
            print("uploaded", event["graceid"], flush=True)
    finally:
        consumer.close()


def main() -> None:
    works = {"upload": upload, "supervise": supervise}
    if len(sys.argv) == 3:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        works[sys.argv[1]](sys.argv[2])
    else:
        serve()


if __name__ == "__main__":
    main()

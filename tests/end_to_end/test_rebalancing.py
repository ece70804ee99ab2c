"""Supervisors come and go while events stream in: what stays with one goes on, and nothing is uploaded twice."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import datetime

import confluent_kafka
import pytest

from harness.broker import INSTANCE, Broker
from harness.messages import upload_message
from harness.paths import EXAMPLES
from harness.process import Process
from harness.sandbox import Sandbox
from harness.stack import client_environment
from harness.waiting import wait_until

PARTITIONS = 6
CONTENTS = (EXAMPLES / "coinc.xml").read_bytes()


class Stream:
    """Sends one event after the other, to the partitions in turn, on a thread of its own."""

    def __init__(self, gracedb: Sandbox, broker: Broker, topic: str, pause: float):
        self.sent: dict[str, tuple[int, float]] = {}  # partition and time of each
        self._gracedb = gracedb
        self._topic = f"{INSTANCE}.{topic}"
        self._pause = pause
        self._producer = confluent_kafka.Producer({"bootstrap.servers": broker.plaintext, "linger.ms": 0})
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(self._pause):
            graceid = self._gracedb.reserve(CONTENTS)
            partition = number % PARTITIONS
            self.sent[graceid] = (partition, time.time())
            value = upload_message(self._gracedb.service_url, graceid, CONTENTS)
            self._producer.produce(self._topic, value, key=graceid, partition=partition)
            self._producer.poll(0)
            number += 1

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        assert self._producer.flush(20) == 0


def log_of(supervisor: Process) -> Iterator[dict]:
    for line in supervisor.stderr.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def uploads_of(supervisor: Process) -> dict[str, float]:
    """When each event was settled."""
    return {
        entry["graceid"]: datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).timestamp()
        for entry in log_of(supervisor)
        if entry.get("outcome") == "uploaded"
    }


def partitions_taken(supervisor: Process, topic: str) -> list[int]:
    start = f"reading {INSTANCE}.{topic}["
    lines = [entry["message"] for entry in log_of(supervisor)]
    return [int(line.removeprefix(start).rstrip("]")) for line in lines if line.startswith(start)]


@pytest.fixture
def gracedb(workshop, broker) -> Sandbox:
    return workshop.sandbox(broker=broker)


def test_what_stays_goes_on_and_nothing_is_uploaded_twice(workshop, broker, gracedb):
    topic = broker.create_topic(partitions=PARTITIONS)
    env = client_environment(gracedb, broker)
    options = ("--topic", topic, "--group-id", f"supervisor-{uuid.uuid4()}", "--log-format", "json")
    # The less time passes between heartbeats, the sooner a rebalance is noticed.
    options += ("-X", "heartbeat.interval.ms=500")
    staying = workshop.supervisor(env, *options)
    wait_until(lambda: len(partitions_taken(staying, topic)) == PARTITIONS, 20, "all partitions")
    stream = Stream(gracedb, broker, topic, pause=0.02)
    passing = []
    try:
        for _ in range(4):
            joined = workshop.supervisor(env, *options)
            passing.append(joined)
            wait_until(lambda: len(uploads_of(joined)) >= 20, 30, "a share of the work")
            assert joined.stop() == 0
    finally:
        stream.end()
    wait_until(
        lambda: all(record["state"] == "complete" for record in gracedb.records().values()), 30, "every event"
    )

    records = gracedb.records()
    assert {graceid: records[graceid]["upload_count"] for graceid in stream.sent} == dict.fromkeys(stream.sent, 1)
    taken = partitions_taken(staying, topic)
    kept = [partition for partition in range(PARTITIONS) if taken.count(partition) == 1]
    assert len(kept) >= PARTITIONS // 2, "partitions went away that could have stayed"
    assert "generation" not in staying.stderr
    uploads = uploads_of(staying)
    waits = [uploads[graceid] - sent for graceid, (partition, sent) in stream.sent.items() if partition in kept]
    assert max(waits) < 2, "a partition that stayed was interrupted"
    assert staying.stop() == 0
    assert sum(broker.committed(options[3], topic, partition) or 0 for partition in range(PARTITIONS)) == len(
        stream.sent
    )

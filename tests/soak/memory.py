"""The memory of a supervisor that finds a backlog of large events."""

import base64
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import confluent_kafka

from harness.broker import INSTANCE, Broker
from harness.messages import content_id, upload_message
from harness.process import Process
from harness.stack import client_environment
from harness.waiting import wait_until
from harness.workshop import Workshop

MEBIBYTE = 1 << 20
EVENTS = 5_000
EVENT_BYTES = 1_000_000
BEYOND_BOUND = 64 * MEBIBYTE


def measure_memory(folder: Path, events: int = EVENTS, bound: int = 128 * MEBIBYTE) -> int:
    """Lets one supervisor work off the backlog; 1 where it has taken more than its bound and 64 MiB."""
    workshop = Workshop(folder)
    broker = Broker(folder / "broker")
    broker.folder.mkdir()
    try:
        broker.start()
        gracedb = workshop.sandbox("--no-fsync", "--answer-delay", "50ms", issuer=broker)
        graceids = [_send(broker, gracedb, number) for number in range(events)]
        env = client_environment(gracedb, broker)
        supervisor = workshop.supervisor(env, "--topic", "test", "--max-in-flight-bytes", str(bound))
        watch = Watch(supervisor)
        wait_until(lambda: supervisor.stderr.count("uploaded graceid=") >= len(graceids), 900, "the backlog")
        watch.end()
        records = gracedb.records()
        assert all(records[graceid]["state"] == "complete" for graceid in graceids)
    finally:
        workshop.close()
        broker.kill()
        shutil.rmtree(folder)
    allowed = bound + BEYOND_BOUND
    print(f"events              {events} of {EVENT_BYTES} bytes")
    print(f"in-flight bound     {bound / MEBIBYTE:.0f} MiB")
    print(f"resident at most    {watch.most / MEBIBYTE:.0f} MiB")
    print(f"allowed             {allowed / MEBIBYTE:.0f} MiB")
    print(f"seconds             {watch.seconds:.0f}")
    return 0 if watch.most <= allowed else 1


class Watch:
    """Looks at the resident memory of a process until told to end."""

    def __init__(self, process: Process):
        self.most = 0
        self.seconds = 0.0
        self._pid = process.pid
        self._begin = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self.seconds = time.monotonic() - self._begin

    def _run(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while not self._ended.wait(0.05):
            pages = int(Path(f"/proc/{self._pid}/statm").read_text().split()[1])
            self.most = max(self.most, pages * page)


_producers: dict[str, confluent_kafka.Producer] = {}


def _send(broker: Broker, gracedb, number: int) -> str:
    contents = b"event %d " % number + os.urandom(EVENT_BYTES - 20)
    graceid = gracedb.reserve(contents)
    file = ["event.dat", base64.b64encode(contents).decode()]
    value = upload_message(gracedb.service_url, graceid, contents, content_id=content_id(contents), eventFile=file)
    producer = _producers.setdefault(
        broker.plaintext,
        confluent_kafka.Producer({"bootstrap.servers": broker.plaintext, "message.max.bytes": 10485760}),
    )
    producer.produce(f"{INSTANCE}.test", value, key=graceid)
    if producer.flush(60):
        print("the broker does not take the backlog", file=sys.stderr)
        raise SystemExit(1)
    return graceid

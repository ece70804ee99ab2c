"""The memory of a supervisor that finds a backlog of large events."""

import base64
import os
import shutil
import threading
import time
from pathlib import Path

import confluent_kafka

from harness.broker import INSTANCE, Broker
from harness.messages import content_id, upload_message
from harness.process import Process
from harness.sandbox import Sandbox
from harness.stack import client_environment
from harness.waiting import wait_until
from harness.workshop import Workshop

MEBIBYTE = 1 << 20
EVENTS = 5_000
EVENT_BYTES = 1_000_000
BEYOND_BOUND = 64 * MEBIBYTE
_MOST_UNCONFIRMED = 32
_STEADY_SECONDS = 15


def measure_memory(folder: Path, events: int, bound: int = 128 * MEBIBYTE) -> int:
    """Lets one supervisor work off the backlog; 1 where it has taken more than its bound and 64 MiB."""
    workshop = Workshop(folder)
    broker = Broker(folder / "broker")
    broker.folder.mkdir()
    try:
        broker.start()
        gracedb = workshop.sandbox("--no-fsync", issuer=broker)
        graceids = _send(broker, gracedb, events)
        env = client_environment(gracedb, broker)
        gracedb.set_faults("503@upload")
        supervisor = workshop.supervisor(env, "--topic", "test", "--max-in-flight-bytes", str(bound))
        watch = Watch(supervisor)
        # As many as may be are under way, and as much as may be lies ready behind them.
        wait_until(watch.is_steady, 300, "the memory to grow no more")
        gracedb.set_faults()
        wait_until(lambda: supervisor.stderr.count("uploaded graceid=") >= len(graceids), 3600, "the backlog to be complete")
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
        self._grown = time.monotonic()
        self._pid = process.pid
        self._begin = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def is_steady(self) -> bool:
        """True once it has not grown for a while."""
        return time.monotonic() - self._grown > _STEADY_SECONDS

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self.seconds = time.monotonic() - self._begin

    def _run(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while not self._ended.wait(0.05):
            pages = int(Path(f"/proc/{self._pid}/statm").read_text().split()[1])
            if pages * page > self.most + MEBIBYTE // 4:
                self._grown = time.monotonic()
            self.most = max(self.most, pages * page)


def _send(broker: Broker, gracedb: Sandbox, events: int) -> list[str]:
    """Puts the backlog on the topic."""
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.plaintext, "message.max.bytes": 10485760})
    graceids = []
    for number in range(events):
        contents = b"event %d " % number + os.urandom(EVENT_BYTES - 20)
        graceid = gracedb.reserve(contents)
        graceids.append(graceid)
        file = ["event.dat", base64.b64encode(contents).decode()]
        value = upload_message(gracedb.service_url, graceid, contents, content_id=content_id(contents), eventFile=file)
        producer.produce(f"{INSTANCE}.test", value, key=graceid)
        while len(producer) > _MOST_UNCONFIRMED:
            producer.poll(0.1)
    if left := producer.flush(60):
        raise RuntimeError(f"the broker has not taken {left} messages of the backlog")
    return graceids

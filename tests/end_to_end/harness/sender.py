"""Sends events as many clients would."""

from harness.broker import Broker
from harness.messages import upload_message
from harness.paths import EXAMPLES
from harness.sandbox import Sandbox
from harness.waiting import wait_until

COINC = (EXAMPLES / "coinc.xml").read_bytes()


class Sender:
    """Reserves events and puts their messages on a topic."""

    def __init__(self, gracedb: Sandbox, broker: Broker, topic: str):
        self.gracedb = gracedb
        self._broker = broker
        self._topic = topic

    def send(self, *, partition: int = -1, **fields: object) -> str:
        graceid = self.gracedb.reserve(COINC)
        value = upload_message(self.gracedb.service_url, graceid, COINC, **fields)
        self._broker.produce(self._topic, value, key=graceid, partition=partition)
        return graceid

    def send_raw(self, value: bytes | str, key: str | None = None) -> None:
        self._broker.produce(self._topic, value, key)

    def wait_until_complete(self, graceid: str) -> dict:
        wait_until(lambda: self.gracedb.is_complete(graceid), 20, f"{graceid} to be complete")
        return self.gracedb.record(graceid)

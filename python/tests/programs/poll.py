"""Polling by hand."""

import os

from ligo.gracedb.kafka import GraceDbKafkaConsumer

consumer = GraceDbKafkaConsumer(
    bootstrap_servers=os.environ["BROKER"],
    service_url=os.environ["SERVICE_URL"],
    ca_cert_path=os.environ["CA"],
    auto_offset_reset="earliest",
    **{"enable.auto.commit": False},
)
consumer.subscribe(os.environ["PIPELINE"])

seen = []
while len(seen) < 4:
    msg = consumer.poll(timeout=1.0)
    if msg is not None:
        seen.append(msg)
assert [set(msg) for msg in seen] == [
    {"topic", "partition", "offset", "key", "value", "timestamp", "headers"}
] * 4
print(*(msg["value"] for msg in seen))
consumer.close()

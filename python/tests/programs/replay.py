"""Replaying history, and a position that lasts: the group begins at the earliest message and resumes."""

import os

from ligo.gracedb.kafka import GraceDbKafkaConsumer

for _ in range(2):
    with GraceDbKafkaConsumer(
        bootstrap_servers=os.environ["BROKER"],
        topics=os.environ["PIPELINE"],
        service_url=os.environ["SERVICE_URL"],
        group_id="group-of-" + os.environ["PIPELINE"],
        auto_offset_reset="earliest",
        ca_cert_path=os.environ["CA"],
    ) as consumer:
        for msg in consumer.stream(count=2):
            print(msg["offset"], msg["value"], flush=True)

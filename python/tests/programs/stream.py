"""Live streaming: what arrives from now on, until the first signal."""

import os

from ligo.gracedb.kafka import GraceDbKafkaConsumer

with GraceDbKafkaConsumer(
    bootstrap_servers=os.environ["BROKER"],
    topics=os.environ["PIPELINE"],
    service_url=os.environ["SERVICE_URL"],
    ca_cert_path=os.environ["CA"],
) as consumer:
    for msg in consumer.stream():
        print(msg["value"], flush=True)
print("ended", flush=True)

"""Submitting events: by a producer, by the client's own producer, with its flags, and without Kafka in reach."""

import os

from ligo.gracedb.kafka import GraceDbKafkaProducer
from ligo.gracedb.rest import GraceDb

client = GraceDb(os.environ["SERVICE_URL"], api_version="v2")
producer = GraceDbKafkaProducer(
    bootstrap_servers=os.environ["BROKER"],
    service_url=os.environ["SERVICE_URL"],
    ca_cert_path=os.environ["CA"],
    flush_timeout=30,
)
response = client.create_event(
    "CBC", "gstlal", os.environ["EVENT"],
    search="AllSky",
    kafka=producer,
)  # fmt: skip
print("kafka", response.json()["graceid"])
producer.close()

producer = client.create_kafka_producer(
    bootstrap_servers=os.environ["BROKER"],
    topic="test",
    ca_cert_path=os.environ["CA"],
)
with open(os.environ["EVENT"], "rb") as file:
    response = client.create_event(
        group="Test", pipeline="gstlal", filename="coinc.xml", filecontents=file.read(), kafka=producer
    )
print("factory", response.json()["graceid"])
client.create_event(
    "Test", "gstlal", os.environ["EVENT"], kafka=producer, gracedb_upload=False, skip_supervisor=True
)
producer.close()

producer = GraceDbKafkaProducer(
    bootstrap_servers=os.environ["DEAD_BROKER"],
    service_url=os.environ["SERVICE_URL"],
    flush_timeout=1,
    check_for_topics=False,
)
response = client.create_event("CBC", "gstlal", os.environ["EVENT"], kafka=producer, http_fallback=True)
assert response.status_code in (200, 201)
producer.close(timeout=0)

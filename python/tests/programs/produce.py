"""Producing messages, with a default topic and with one of their own; testing the connection."""

import os

from ligo.gracedb.kafka import GraceDbKafkaProducer

producer = GraceDbKafkaProducer(
    bootstrap_servers=os.environ["BROKER"],
    topic=os.environ["PIPELINE"],
    service_url=os.environ["SERVICE_URL"],
    ca_cert_path=os.environ["CA"],
)
producer.produce({"graceid": "G1", "group": "CBC"})
producer.produce(value={"graceid": "G2"}, topic=os.environ["PIPELINE"], key="G2")
assert producer.flush() == 0

result = producer.ping(topic=os.environ["PIPELINE"])
assert result["topic"] == "localhost." + os.environ["PIPELINE"], result
assert result["partition"] == 0 and result["offset"] == 2, result
assert result["message"]["type"] == "ping", result
producer.close()

"""A producer as a context manager, whose token is not renewed ahead of time."""

import os

from ligo.gracedb.kafka import GraceDbKafkaProducer

with GraceDbKafkaProducer(
    bootstrap_servers=os.environ["BROKER"],
    topic=os.environ["PIPELINE"],
    service_url=os.environ["SERVICE_URL"],
    ca_cert_path=os.environ["CA"],
    reload_cred=False,
    skip_hostname_verification=True,
) as producer:
    producer.produce({"graceid": "G1", "group": "CBC"})

"""The core's log lines come to the loggers gracedb_kafka.*."""

import logging

from gracedb_kafka.kafka import GraceDbKafkaProducer
from gracedb_kafka.rest import GraceDb
from harness.waiting import wait_until


def test_a_line_of_a_background_thread_arrives(dead_broker, caplog):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("a")
    wait_until(lambda: producer.poll(0.1) == 0 and "no broker of" in caplog.text, 20, "the line")
    record = next(record for record in caplog.records if "no broker of" in record.message)
    assert (record.name, record.levelname) == ("gracedb_kafka.kafka", "WARNING")
    producer.close(timeout=0)


def test_a_line_of_a_call_arrives_before_the_call_returns(dead_broker, caplog):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("a")
    producer.close(timeout=0)
    assert "closed with 1 messages not delivered" in caplog.text


def test_the_level_of_the_loggers_counts(client, caplog):
    with caplog.at_level(logging.INFO, "gracedb_kafka"):
        client.create_event("Test", "gstlal", "a.xml", filecontents="<a/>")
    quiet = len(caplog.records)
    with caplog.at_level(logging.DEBUG, "gracedb_kafka"):
        GraceDb(client.service_url).ping()
    with caplog.at_level(logging.ERROR, "gracedb_kafka"):
        GraceDb(client.service_url).ping()
    assert all(record.name.startswith("gracedb_kafka.") for record in caplog.records[:quiet])


def test_a_token_is_never_shown(connection, caplog, pipeline, broker):
    with caplog.at_level(logging.DEBUG, "gracedb_kafka"):
        with GraceDbKafkaProducer(topic=pipeline, **connection | {"debug": "security"}) as producer:
            producer.ping()
    wait_until(lambda: caplog.records, 10, "log lines")
    assert "eyJ" not in caplog.text


def test_a_handler_that_raises_harms_nothing(dead_broker, capsys):
    class Broken(logging.Handler):
        def handle(self, record):
            raise LookupError("broken handler")

    handler = Broken()
    logging.getLogger("gracedb_kafka").addHandler(handler)
    try:
        producer = GraceDbKafkaProducer(topic="test", **dead_broker)
        producer.produce("a")
        producer.close(timeout=0)
    finally:
        logging.getLogger("gracedb_kafka").removeHandler(handler)
    wait_until(lambda: "broken handler" in capsys.readouterr().err, 10, "the handler's fault")

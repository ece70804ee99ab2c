"""The core's log lines come to the loggers gracedb_kafka.*."""

import json
import logging
import sys
import threading
import time

import pytest
from gracedb_kafka import _log
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


@pytest.fixture
def patient_interpreter():
    """A thread keeps the GIL until it lets it go by itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(100)
    yield
    sys.setswitchinterval(interval)


def test_a_line_of_a_call_arrives_before_the_call_returns_whoever_tells_it(dead_broker, patient_interpreter):
    class Slow(logging.Handler):
        def handle(self, record):
            if "closed with" in record.getMessage():
                told_by.append(threading.current_thread().name)
                time.sleep(0.2)  # stands for a handler that takes its time
                told_by.append("done")

    def tell_first():
        closing.wait()
        until = time.monotonic() + 2
        while not told_by and time.monotonic() < until:
            _log.tell()

    told_by, closing = [], threading.Event()
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("a")
    handler = Slow()
    logging.getLogger("gracedb_kafka").addHandler(handler)
    thief = threading.Thread(target=tell_first, name="thief")
    try:
        thief.start()
        closing.set()
        producer.close(timeout=0)
        assert told_by == ["thief", "done"]
    finally:
        logging.getLogger("gracedb_kafka").removeHandler(handler)
        thief.join()


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


def test_ctrl_c_in_a_handler_ends_the_call(run_python, dead_broker):
    done = run_python(
        """
import logging, signal
from gracedb_kafka import _core, _log
from gracedb_kafka.kafka import GraceDbKafkaProducer
class Interrupted(logging.Handler):
    def handle(self, record):
        signal.raise_signal(signal.SIGINT)
producer = GraceDbKafkaProducer(topic="test", **connection)
producer.produce("a")
_core.close_log()  # ends the thread that could take the line before the caller does
_log._thread.join()
handler = Interrupted()
logging.getLogger("gracedb_kafka").addHandler(handler)
try:
    producer.close(timeout=0)
except KeyboardInterrupt:
    print("ended")
logging.getLogger("gracedb_kafka").removeHandler(handler)
""",
        env={"CONNECTION": json.dumps(dead_broker)},
    )
    assert done.stdout == "ended\n"


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

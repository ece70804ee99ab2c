"""The core logs to the loggers gracedb_kafka.*."""

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


def test_lines_of_background_threads_are_logged(dead_broker, caplog):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("a")
    wait_until(lambda: producer.poll(0.1) == 0 and "broker" in caplog.text, 20, "the line")
    record = next(record for record in caplog.records if "broker" in record.message)
    assert (record.name, record.levelname) == ("gracedb_kafka.kafka", "WARNING")
    producer.close(timeout=0)


def test_a_call_logs_its_lines_before_it_returns(dead_broker, caplog):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("a")
    producer.close(timeout=0)
    assert "not delivered" in caplog.text


@pytest.fixture
def no_gil_switches():
    """Threads keep the GIL until they release it themselves."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(100)
    yield
    sys.setswitchinterval(interval)


def test_a_call_returns_after_its_line_is_handled_by_whichever_thread_takes_it(dead_broker, no_gil_switches):
    class Slow(logging.Handler):
        def handle(self, record):
            if "closed: 1 message" in record.getMessage():
                handled_by.append(threading.current_thread().name)
                time.sleep(0.2)
                handled_by.append("done")

    def take_lines_first():
        closing.wait()
        until = time.monotonic() + 2
        while not handled_by and time.monotonic() < until:
            _log.pass_on()

    handled_by, closing = [], threading.Event()
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("a")
    handler = Slow()
    logging.getLogger("gracedb_kafka").addHandler(handler)
    other = threading.Thread(target=take_lines_first, name="other")
    try:
        other.start()
        closing.set()
        producer.close(timeout=0)
        # The other thread mostly takes the line; the package's log thread may be faster.
        assert len(handled_by) == 2 and handled_by[1] == "done", handled_by
    finally:
        logging.getLogger("gracedb_kafka").removeHandler(handler)
        other.join()


def test_the_core_uses_the_level_of_the_loggers(client, caplog):
    with caplog.at_level(logging.INFO, "gracedb_kafka"):
        client.create_event("Test", "gstlal", "a.xml", filecontents="<a/>")
    quiet = len(caplog.records)
    with caplog.at_level(logging.DEBUG, "gracedb_kafka"):
        GraceDb(client.service_url).ping()
    with caplog.at_level(logging.ERROR, "gracedb_kafka"):
        GraceDb(client.service_url).ping()
    assert all(record.name.startswith("gracedb_kafka.") for record in caplog.records[:quiet])


def test_no_log_line_contains_a_token(connection, caplog, pipeline, broker):
    options = connection | {"topic": pipeline, "debug": "security"}
    with caplog.at_level(logging.DEBUG, "gracedb_kafka"), GraceDbKafkaProducer(**options) as producer:
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
_log._listener.join()
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


def test_a_handler_that_raises_does_not_fail_the_call(dead_broker, capsys):
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
    wait_until(lambda: "broken handler" in capsys.readouterr().err, 10, "the traceback of the handler")

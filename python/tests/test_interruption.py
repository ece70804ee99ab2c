"""Ctrl-C ends any call that waits within 0.2 s."""

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from gracedb_kafka.kafka import GraceDbKafkaConsumer, GraceDbKafkaProducer
from gracedb_kafka.rest import GraceDb

MAX_DELAY = 0.2


@contextmanager
def ctrl_c(after=0.4):
    """Sends SIGINT after `after` seconds; the block must raise KeyboardInterrupt within MAX_DELAY."""
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
        assert time.monotonic() - sent[0] < MAX_DELAY
    finally:
        timer.cancel()  # the block may have ended too early, which must not interrupt pytest
        timer.join()


@pytest.fixture
def stuck(dead_broker):
    """A producer with a message that no broker accepts."""
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("waits")
    yield producer
    producer.close(timeout=0)


@pytest.fixture
def silent_server():
    """A server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_ctrl_c_ends_flush(stuck):
    with ctrl_c():
        stuck.flush()
    assert stuck.pending_messages == 1


def test_ctrl_c_ends_poll_of_a_producer(stuck):
    with ctrl_c():
        stuck.poll(None)


def test_ctrl_c_ends_the_wait_for_a_ping_and_leaves_it_in_flight(stuck):
    with ctrl_c():
        stuck.ping(timeout=60)
    assert stuck.pending_messages == 2


def test_ctrl_c_ends_close_of_a_producer(dead_broker):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("waits")
    with ctrl_c():
        producer.close(timeout=60)


def test_ctrl_c_ends_produce_on_a_full_queue(dead_broker):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker | {"queue.buffering.max.messages": 1})
    producer.produce("waits")
    with ctrl_c():
        producer.produce("waits too")
    producer.close(timeout=0)


def test_ctrl_c_ends_a_constructor_that_connects(dead_broker, silent_server):
    options = dead_broker | {"bootstrap_servers": f"127.0.0.1:{silent_server}", "check_for_topics": True}
    with ctrl_c():
        GraceDbKafkaProducer(**options)
    with ctrl_c():
        GraceDbKafkaConsumer(**options)


@contextmanager
def broker_that_freezes(broker):
    """The port of a proxy to `broker`; the broker is frozen when its first metadata response arrives."""
    metadata_request = b"\x00\x03"
    host, port = broker.plaintext.rsplit(":", 1)

    def proxy(listener):
        client = listener.accept()[0]
        with client, socket.create_connection((host, int(port))) as server:
            while True:
                size = client.recv(4, socket.MSG_WAITALL)
                request = client.recv(int.from_bytes(size), socket.MSG_WAITALL)
                server.sendall(size + request)
                size = server.recv(4, socket.MSG_WAITALL)
                answer = server.recv(int.from_bytes(size), socket.MSG_WAITALL)
                if request.startswith(metadata_request):
                    with broker.frozen():
                        client.sendall(size + answer)
                        ended.wait(20)
                    return
                client.sendall(size + answer)

    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=proxy, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("kind", [GraceDbKafkaProducer, GraceDbKafkaConsumer])
def test_ctrl_c_ends_a_constructor_that_requests_topics(dead_broker, broker, kind):
    with broker_that_freezes(broker) as port:
        options = dead_broker | {"bootstrap_servers": f"127.0.0.1:{port}", "check_for_topics": True}
        with ctrl_c():
            kind(**options)


def test_ctrl_c_ends_poll_of_a_consumer(consumer):
    with ctrl_c():
        consumer.poll(60)
    with ctrl_c():
        consumer.poll(None)
    with ctrl_c():
        consumer.consume(10, 60)


@pytest.fixture
def reader(producer, consumer):
    """A consumer that has read a message."""
    producer.produce("read")
    assert producer.flush(10) == 0
    assert consumer.poll(20)
    return consumer


def test_ctrl_c_ends_commit(reader, broker):
    with broker.frozen(), ctrl_c():
        reader.commit()


def test_ctrl_c_ends_close_of_a_consumer(reader, broker):
    with broker.frozen(), ctrl_c():
        reader.close()


def test_ctrl_c_ends_a_poll_that_waits_for_another_thread(consumer):
    thread = threading.Thread(target=lambda: consumer.poll(60))
    thread.start()
    with ctrl_c():
        consumer.poll(60)
    consumer.stop()
    thread.join()


def test_ctrl_c_ends_a_request(silent_server):
    client = GraceDb(f"http://127.0.0.1:{silent_server}/api/")
    with ctrl_c():
        client.ping()
    with ctrl_c():
        client.create_event("Test", "gstlal", "coinc.xml", filecontents="<xml/>")


def test_ctrl_c_ends_the_wait_for_an_event_and_leaves_it_in_flight(client, stuck):
    with ctrl_c():
        client.create_event("Test", "gstlal", "coinc.xml", filecontents="<xml/>", kafka=stuck)
    assert stuck.pending_messages == 2


def test_a_signal_handler_of_the_program_runs_during_poll(consumer):
    previous = signal.signal(signal.SIGUSR1, lambda number, frame: consumer.stop())
    try:
        threading.Timer(0.4, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        start = time.monotonic()
        assert consumer.poll(60) is None
        assert time.monotonic() - start < 0.4 + MAX_DELAY
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_other_threads_run_during_poll(consumer):
    ticks = []

    def tick():
        while len(ticks) < 50:
            ticks.append(time.monotonic())
            time.sleep(0.001)
        consumer.stop()

    threading.Thread(target=tick).start()
    assert consumer.poll(60) is None
    assert len(ticks) == 50

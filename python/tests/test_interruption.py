"""Ctrl-C ends whatever waits within 0.2 s."""

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from gracedb_kafka.kafka import GraceDbKafkaConsumer, GraceDbKafkaProducer
from gracedb_kafka.rest import GraceDb

LIMIT = 0.2


@contextmanager
def ctrl_c(after=0.4):
    """Sends SIGINT to this process after a moment; the block must end with KeyboardInterrupt soon after that."""
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
        assert time.monotonic() - sent[0] < LIMIT
    finally:
        timer.cancel()  # a block that ends too soon is a failed test, not the end of all
        timer.join()


@pytest.fixture
def stuck(dead_broker):
    """A producer with a message that no broker takes."""
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("waits")
    yield producer
    producer.close(timeout=0)


@pytest.fixture
def silent_server():
    """A server that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_it_ends_flush(stuck):
    with ctrl_c():
        stuck.flush()
    assert stuck.pending_messages == 1


def test_it_ends_poll_of_a_producer(stuck):
    with ctrl_c():
        stuck.poll(None)


def test_it_ends_ping_and_takes_the_message_back(stuck):
    with ctrl_c():
        stuck.ping(timeout=60)
    assert stuck.pending_messages == 1


def test_it_ends_close(dead_broker):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("waits")
    with ctrl_c():
        producer.close(timeout=60)


def test_it_ends_a_produce_that_waits_for_room(dead_broker):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker | {"queue.buffering.max.messages": 1})
    producer.produce("waits")
    with ctrl_c():
        producer.produce("waits too")
    producer.close(timeout=0)


def test_it_ends_the_making_of_a_producer(dead_broker, silent_server):
    options = dead_broker | {"bootstrap_servers": f"127.0.0.1:{silent_server}", "check_for_topics": True}
    with ctrl_c():
        GraceDbKafkaProducer(**options)
    with ctrl_c():
        GraceDbKafkaConsumer(**options)


@contextmanager
def broker_that_freezes(broker):
    """Gives the port of a way to `broker`, which answers no more from its first answer about topics on."""
    metadata = b"\x00\x03"
    host, port = broker.plaintext.rsplit(":", 1)

    def pass_on(listener):
        client = listener.accept()[0]
        with client, socket.create_connection((host, int(port))) as server:
            while True:
                size = client.recv(4, socket.MSG_WAITALL)
                request = client.recv(int.from_bytes(size), socket.MSG_WAITALL)
                server.sendall(size + request)
                size = server.recv(4, socket.MSG_WAITALL)
                answer = server.recv(int.from_bytes(size), socket.MSG_WAITALL)
                if request.startswith(metadata):
                    with broker.frozen():
                        client.sendall(size + answer)
                        ended.wait(20)
                    return
                client.sendall(size + answer)

    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=pass_on, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("kind", [GraceDbKafkaProducer, GraceDbKafkaConsumer])
def test_it_ends_the_making_of_a_client_that_asks_for_topics(dead_broker, broker, kind):
    with broker_that_freezes(broker) as port:
        options = dead_broker | {"bootstrap_servers": f"127.0.0.1:{port}", "check_for_topics": True}
        with ctrl_c():
            kind(**options)


def test_it_ends_poll_of_a_consumer(consumer):
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


def test_it_ends_commit(reader, broker):
    with broker.frozen(), ctrl_c():
        reader.commit()


def test_it_ends_close_of_a_consumer(reader, broker):
    with broker.frozen(), ctrl_c():
        reader.close()


def test_it_ends_a_poll_while_the_consumer_is_at_work_in_another_thread(consumer):
    thread = threading.Thread(target=lambda: consumer.poll(60))
    thread.start()
    with ctrl_c():
        consumer.poll(60)
    consumer.stop()
    thread.join()


def test_it_ends_a_request(silent_server):
    client = GraceDb(f"http://127.0.0.1:{silent_server}/api/")
    with ctrl_c():
        client.ping()
    with ctrl_c():
        client.create_event("Test", "gstlal", "coinc.xml", filecontents="<xml/>")


def test_it_ends_create_event_and_takes_the_message_back(client, stuck):
    with ctrl_c():
        client.create_event("Test", "gstlal", "coinc.xml", filecontents="<xml/>", kafka=stuck)
    assert stuck.pending_messages == 1


def test_a_handler_of_the_program_runs_while_something_waits(consumer):
    former = signal.signal(signal.SIGUSR1, lambda number, frame: consumer.stop())
    try:
        threading.Timer(0.4, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        start = time.monotonic()
        assert consumer.poll(60) is None
        assert time.monotonic() - start < 0.4 + LIMIT
    finally:
        signal.signal(signal.SIGUSR1, former)


def test_other_threads_run_while_something_waits(consumer):
    ticks = []

    def tick():
        while len(ticks) < 50:
            ticks.append(time.monotonic())
            time.sleep(0.001)
        consumer.stop()

    threading.Thread(target=tick).start()
    assert consumer.poll(60) is None
    assert len(ticks) == 50

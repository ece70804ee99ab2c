"""Finished messages leave no memory or references behind."""

import gc
import os
import sys
from pathlib import Path

import pytest

from gracedb_kafka.kafka import GraceDbKafkaConsumer, GraceDbKafkaProducer

pytestmark = pytest.mark.not_sanitized("the address sanitizer keeps freed memory for a while")

MANY = 100_000
TOLERANCE = 4 << 20  # bytes; a leak of 50 B a message would be 5 MB


def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grows(work, rounds=4):
    """True if the process grows in each repetition of `work`, which a leak causes."""
    work()
    work()
    for _ in range(rounds):
        before = resident()
        work()
        if resident() - before < TOLERANCE:
            return False
    return True


def status(number):
    return {"type": "status", "number": number, "pipeline": "gstlal", "far": 1.5e-7, "comment": "x" * 400}


def test_one_hundred_thousand_messages_leak_nothing(connection, pipeline):
    # Small queues: librdkafka's buffers are no leak, but would hide one.
    sending = connection | {"topic": pipeline, "queue.buffering.max.messages": 1000}
    receiving = connection | {
        "topics": pipeline,
        "auto_offset_reset": "earliest",
        "queued.max.messages.kbytes": 1024,
        "fetch.message.max.bytes": 262144,
    }
    reports = []

    def on_delivery(err, msg):
        reports.append((err is None) and len(msg.value()) > 400)
        if len(reports) > 1000:
            del reports[:]

    def work():
        for number in range(MANY // 2):
            producer.produce(status(number), key="k", headers={"a": "b"}, on_delivery=on_delivery)
        assert producer.flush() == 0
        left = MANY // 2
        while left:
            left -= consumer.poll(10) is not None
            left -= len(consumer.consume(min(left, 500), 10))

    with GraceDbKafkaProducer(**sending) as producer, GraceDbKafkaConsumer(**receiving) as consumer:
        assert not grows(work)


def test_json_leaks_nothing():
    from gracedb_kafka import _core

    def work():
        for number in range(MANY):
            _core.from_json(_core.to_json(status(number) | {f"key {number % 1000}": [number, None]}))

    assert not grows(work)


def test_errors_leak_nothing(producer):
    def work():
        for number in range(MANY // 10):
            for wrong in ({"value": number}, {"value": "a", "key": 5}, {"value": {"a": {1}}}):
                try:
                    producer.produce(**wrong)
                except TypeError:
                    pass

    assert not grows(work)


def test_produce_releases_its_references(producer, consumer):
    value, key, headers, callback = {"a": "b"}, "key", {"h": "v"}, lambda err, msg: None
    things = (value, key, headers, callback)
    before = [sys.getrefcount(thing) for thing in things]
    for _ in range(100):
        producer.produce(value, key=key, headers=headers, on_delivery=callback)
    producer.flush()
    assert [sys.getrefcount(thing) for thing in things] == before
    assert len(consumer.consume(100, 20)) == 100


def test_a_producer_that_its_token_callable_refers_to_is_collected(connection):
    import weakref

    from gracedb_kafka.kafka import GraceDbKafkaProducer
    from gracedb_kafka.kafka.auth import create_oauth_callback

    def make():
        known = []
        find = create_oauth_callback("localhost:1")

        def oauth_cb(config):
            assert known is not None
            return find(config)

        known.append(GraceDbKafkaProducer(**connection, oauth_cb=oauth_cb))
        return weakref.ref(known[0])

    producer = make()
    gc.collect()
    assert producer() is None

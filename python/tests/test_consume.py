"""The consumer with a real broker."""

import signal
import sys
import threading
import time
import uuid

import pytest

from gracedb_kafka.kafka import GraceDbKafkaConsumer, KafkaConsumerError, KafkaTopicError
from harness.waiting import wait_until


def take(consumer, count):
    """The next `count` messages."""
    messages = []
    wait_until(
        lambda: len(messages) == count or messages.extend(consumer.consume(1, 0.5)), 20, "the messages"
    )
    return messages


def is_in_a_call(thread):
    """True if the innermost Python frame of a thread is in the package: its call released the GIL."""
    return sys._current_frames()[thread.ident].f_code.co_filename.endswith("gracedb_kafka/kafka/consumer.py")


def values(messages):
    return [message["value"] for message in messages]


def wait_for_assignment(broker, consumer, pipeline):
    """Waits until the consumer reads the messages that arrive from now on."""
    mark = f"mark {uuid.uuid4()}"

    def is_seen():
        broker.produce(pipeline, mark)
        message = consumer.poll(0.3)
        return message is not None and message["value"] == mark

    wait_until(is_seen, 20, "the assignment")
    while consumer.poll(0.3) is not None:
        pass


def test_poll_returns_a_message_as_a_dict(producer, consumer, pipeline):
    before = int(time.time() * 1000) - 1000
    producer.produce({"graceid": "G1"}, key="G1", headers={"a": "1", "b": b"\xff"})
    producer.flush()

    (message,) = take(consumer, 1)
    timestamp = message.pop("timestamp")
    assert before < timestamp < before + 60_000
    assert message == {
        "topic": f"localhost.{pipeline}",
        "partition": 0,
        "offset": 0,
        "key": "G1",
        "value": {"graceid": "G1"},
        "headers": {"a": b"1", "b": b"\xff"},
    }


def test_a_value_is_json_or_str_or_bytes(producer, consumer):
    for value in ({"a": float("inf")}, "[1, 2]", "5", "text", "", b"\xff\xfe", "{not json"):
        producer.produce(value)
    producer.flush()
    assert values(take(consumer, 7)) == [{"a": float("inf")}, [1, 2], 5, "text", "", b"\xff\xfe", "{not json"]


def test_a_key_is_str_or_bytes_or_none(producer, consumer):
    for key in ("ä", b"\xff", None):
        producer.produce("a", key=key)
    producer.flush()
    messages = take(consumer, 3)
    assert [message["key"] for message in messages] == ["ä", b"\xff", None]
    assert [message["headers"] for message in messages] == [None] * 3


def test_poll_returns_none_after_its_timeout(consumer):
    start = time.monotonic()
    assert consumer.poll(timeout=0.2) is None
    assert 0.15 < time.monotonic() - start < 2


def test_by_default_a_consumer_reads_only_new_messages(broker, connection, pipeline):
    broker.produce(pipeline, "old")
    with GraceDbKafkaConsumer(topics=[pipeline], **connection) as consumer:
        wait_for_assignment(broker, consumer, pipeline)
        broker.produce(pipeline, "new")
        assert values(take(consumer, 1)) == ["new"]


def test_a_group_resumes_at_its_committed_offset(broker, connection, pipeline):
    for number in range(4):
        broker.produce(pipeline, str(number))
    options = connection | {
        "topics": pipeline,
        "group_id": f"group-{pipeline}",
        "auto_offset_reset": "earliest",
    }
    with GraceDbKafkaConsumer(**options) as consumer:
        assert values(take(consumer, 2)) == [0, 1]
    with GraceDbKafkaConsumer(**options) as consumer:
        assert values(take(consumer, 2)) == [2, 3]


def test_a_message_whose_processing_raises_is_delivered_again(broker, connection, pipeline):
    for number in range(3):
        broker.produce(pipeline, str(number))
    options = connection | {
        "topics": pipeline,
        "group_id": f"group-{pipeline}",
        "auto_offset_reset": "earliest",
    }
    with pytest.raises(LookupError), GraceDbKafkaConsumer(**options) as consumer:
        for message in consumer.stream():
            if message["value"] == 1:
                raise LookupError
    with GraceDbKafkaConsumer(**options) as consumer:
        assert values(take(consumer, 2)) == [1, 2]


def test_commit_stores_the_offsets_of_processed_messages(broker, connection, pipeline):
    for number in range(4):
        broker.produce(pipeline, str(number))
    options = connection | {
        "topics": pipeline,
        "group_id": f"group-{pipeline}",
        "auto_offset_reset": "earliest",
    }
    options["enable.auto.commit"] = False
    with GraceDbKafkaConsumer(**options) as consumer:
        messages = take(consumer, 3)
        consumer.commit(messages[0])
    assert broker.committed(f"group-{pipeline}", pipeline) == 1
    with GraceDbKafkaConsumer(**options) as consumer:
        assert values(take(consumer, 2)) == [1, 2]
        consumer.commit()
    assert broker.committed(f"group-{pipeline}", pipeline) == 3


def test_subscribe_replaces_the_topics_of_the_consumer(broker, connection, pipeline):
    other = broker.create_topic()
    broker.produce(pipeline, "one")
    broker.produce(other, "two")
    with GraceDbKafkaConsumer(**connection, auto_offset_reset="earliest") as consumer:
        consumer.subscribe(pipeline)
        assert values(take(consumer, 1)) == ["one"]
        consumer.subscribe([pipeline, other])
        wait_until(lambda: "two" in values(consumer.consume(1, 0.5)), 20, "the other topic")


def test_subscribe_rejects_an_empty_list_and_an_illegal_topic(consumer):
    with pytest.raises(KafkaConsumerError, match="no topic"):
        consumer.subscribe([])
    with pytest.raises(ValueError, match="legal topic"):
        consumer.subscribe("no such topic")


def test_a_missing_topic_fails_the_constructor(connection):
    with pytest.raises(KafkaTopicError, match="nosuch"):
        GraceDbKafkaConsumer(topics="nosuch", **connection)


def test_consume_returns_a_batch(broker, consumer, pipeline):
    assert consumer.consume(5, timeout=0.1) == []
    for number in range(5):
        broker.produce(pipeline, str(number))
    batch = []
    wait_until(lambda: batch.extend(consumer.consume(num_messages=3, timeout=5)) or batch, 20, "a batch")
    assert values(batch) == [0, 1, 2]
    assert values(consumer.consume(10, 1.0)) == [3, 4]
    assert consumer.consume(0) == []
    with pytest.raises(ValueError):
        consumer.consume(-1)


def test_a_stream_ends_after_count_messages(broker, consumer, pipeline):
    for number in range(4):
        broker.produce(pipeline, str(number))
    assert values(consumer.stream(count=3)) == [0, 1, 2]
    assert values(consumer.stream(timeout=0.1, count=1)) == [3]
    assert values(consumer.stream(count=0)) == []


def test_stop_ends_a_stream_that_waits(consumer):
    timer = threading.Timer(0.3, consumer.stop)
    start = time.monotonic()
    timer.start()
    assert list(consumer.stream(timeout=30)) == []
    assert time.monotonic() - start < 5


def test_stop_ends_a_stream_inside_its_loop(broker, consumer, pipeline):
    for number in range(3):
        broker.produce(pipeline, str(number))
    seen = []
    for message in consumer.stream():
        seen.append(message["value"])
        if len(seen) == 2:
            consumer.stop()
    assert seen == [0, 1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_a_stream_and_restores_the_handlers(consumer, number):
    previous = signal.getsignal(number)
    due = []

    def interrupt():
        due.append(time.monotonic())
        signal.pthread_kill(threading.main_thread().ident, number)

    threading.Timer(0.5, interrupt).start()
    assert list(consumer.stream(timeout=30)) == []
    assert time.monotonic() - due[0] < 0.2
    assert signal.getsignal(number) is previous


def test_a_second_signal_acts_as_usual(broker, consumer, pipeline):
    broker.produce(pipeline, "a")
    with pytest.raises(KeyboardInterrupt):
        for _ in consumer.stream():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)


def test_closing_a_stream_restores_the_handlers(broker, consumer, pipeline):
    broker.produce(pipeline, "a")
    previous = signal.getsignal(signal.SIGINT)
    stream = consumer.stream()
    next(stream)
    assert signal.getsignal(signal.SIGINT) is not previous
    stream.close()
    assert signal.getsignal(signal.SIGINT) is previous


def test_a_stream_works_in_any_thread(broker, consumer, pipeline):
    broker.produce(pipeline, "a")
    seen = []
    thread = threading.Thread(target=lambda: seen.extend(consumer.stream(count=1)))
    thread.start()
    thread.join(20)
    assert values(seen) == ["a"]


def test_close_ends_a_poll_of_another_thread(connection, pipeline):
    consumer = GraceDbKafkaConsumer(topics=pipeline, **connection)
    ends = []

    def poll():
        try:
            while True:
                consumer.poll(30)
        except KafkaConsumerError as error:
            ends.append(str(error))

    thread = threading.Thread(target=poll)
    thread.start()
    wait_until(lambda: is_in_a_call(thread), 10, "the poll")
    consumer.close()
    thread.join(10)
    assert ends == ["the consumer is closed"]


def test_calls_after_close_raise(connection, pipeline):
    with GraceDbKafkaConsumer(topics=pipeline, **connection) as consumer:
        pass
    for use in (
        consumer.poll,
        consumer.consume,
        consumer.commit,
        lambda: consumer.subscribe(pipeline),
        lambda: next(consumer.stream()),
    ):
        with pytest.raises(KafkaConsumerError, match="closed"):
            use()
    consumer.close()
    consumer.stop()


def test_contradictory_options_are_all_reported(connection):
    with pytest.raises(ValueError, match="auto_offset_reset.*both given"):
        GraceDbKafkaConsumer(**connection, service_url="https://a.org/api/", auto_offset_reset="middle")


def test_the_deprecated_name_of_reload_cred_warns(connection):
    with pytest.warns(DeprecationWarning, match="reload_cred"):
        GraceDbKafkaConsumer(**connection, auto_refresh_token=False).close()

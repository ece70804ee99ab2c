"""The producer with a real broker."""

import signal
import threading

import pytest

from gracedb_kafka.kafka import (
    GraceDbKafkaProducer,
    KafkaConnectionError,
    KafkaMessageDeliveryError,
    KafkaProducerError,
    KafkaTokenError,
    KafkaTopicError,
)


class Reports(list):
    """A delivery callback that keeps its arguments."""

    def __call__(self, err, msg):
        self.append((err, msg))


def test_produce_sends_value_key_and_headers(producer, broker, pipeline):
    producer.produce({"graceid": "G1", "group": "CBC"}, key="G1", headers={"a": "1", "b": b"\x00\xff"})
    producer.produce("text", key=b"\xff")
    producer.produce(b"\xff\xfe")
    assert producer.flush() == 0

    first, second, third = broker.messages(pipeline)
    assert first.value() == b'{"graceid": "G1", "group": "CBC"}'
    assert (first.key(), first.headers()) == (b"G1", [("a", b"1"), ("b", b"\x00\xff")])
    assert (second.value(), second.key(), second.headers()) == (b"text", b"\xff", None)
    assert (third.value(), third.key()) == (b"\xff\xfe", None)


def test_headers_can_repeat(producer, broker, pipeline):
    producer.produce("value", headers=[("a", "1"), ("a", b"2"), ("empty", None)])
    producer.flush()
    (message,) = broker.messages(pipeline)
    assert message.headers() == [("a", b"1"), ("a", b"2"), ("empty", b"")]


def test_produce_sends_to_the_given_topic_and_partition(producer, broker):
    other = broker.create_topic(partitions=3)
    producer.produce("here", topic=other, partition=2)
    producer.flush()
    (message,) = broker.messages(other)
    assert message.partition() == 2


def test_a_callback_receives_the_delivered_message(producer, pipeline):
    reports = Reports()
    producer.produce({"a": 1}, key="k", on_delivery=reports)
    producer.produce("no key", on_delivery=reports)
    producer.flush()

    (error, first), (_, second) = reports
    assert error is None
    assert first.topic() == f"localhost.{pipeline}"
    assert (first.partition(), first.offset(), second.offset()) == (0, 0, 1)
    assert (first.key(), first.value(), first.error(), len(first)) == (b"k", b'{"a": 1}', None, 8)
    assert second.key() is None


def test_a_callback_receives_the_delivery_error(dead_broker):
    reports = Reports()
    producer = GraceDbKafkaProducer(topic="test", **dead_broker | {"delivery.timeout.ms": 500})
    producer.produce("lost", on_delivery=reports)
    assert producer.flush(10) == 0

    ((error, message),) = reports
    assert isinstance(error, KafkaMessageDeliveryError)
    assert message.error() is error
    assert error.code() != 0
    assert message.value() == b"lost"
    producer.close()


def test_flush_counts_pending_messages_and_raises_if_strict(dead_broker):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("late")
    assert producer.flush(0.1) == 1
    assert producer.flush(timeout=0) == 1
    with pytest.raises(KafkaMessageDeliveryError, match="still pending"):
        producer.flush(0.1, strict=True)
    producer.close(timeout=0)


def test_a_callback_that_raises_does_not_affect_delivery(producer, broker, pipeline):
    reports = Reports()

    def fail(err, msg):
        raise LookupError(f"at {msg.offset()}")

    for value in ("a", "b", "c"):
        producer.produce(value, on_delivery=fail if value == "b" else reports)
    with pytest.raises(LookupError, match="at 1"):
        producer.flush()
    assert producer.flush() == 0
    assert [message.value() for _, message in reports] == [b"a", b"c"]
    assert len(broker.messages(pipeline)) == 3


def test_poll_raises_the_exception_of_a_callback(producer):
    def fail(err, msg):
        raise LookupError("in the callback")

    producer.produce("a", on_delivery=fail)
    with pytest.raises(LookupError, match="in the callback"):
        producer.poll(10)


def test_poll_returns_the_number_of_callbacks(producer):
    producer.produce("a", on_delivery=Reports())
    assert producer.poll(10) == 1
    assert producer.poll() == 0


def test_a_callback_can_produce(producer, broker, pipeline):
    producer.produce("first", on_delivery=lambda err, msg: producer.produce("second"))
    while producer.pending_messages:
        producer.flush()
    assert [message.value() for message in broker.messages(pipeline)] == [b"first", b"second"]


def test_flush_and_poll_raise_inside_a_callback(producer):
    for call in (producer.flush, lambda: producer.poll(1)):
        with pytest.raises(KafkaProducerError, match="callback"):
            producer.produce("a", on_delivery=lambda err, msg, call=call: call())  # may run its own callback
            producer.flush()


def test_close_raises_inside_a_callback_and_loses_no_message(connection, broker, pipeline):
    reports = Reports()
    producer = GraceDbKafkaProducer(topic=pipeline, **connection)

    def close(err, msg):
        producer.produce("second", on_delivery=reports)
        producer.close()

    producer.produce("first", on_delivery=close)
    with pytest.raises(KafkaProducerError, match="callback"):
        producer.flush()
    producer.close()
    assert [(err, msg.value()) for err, msg in reports] == [(None, b"second")]
    assert [message.value() for message in broker.messages(pipeline)] == [b"first", b"second"]


def test_callbacks_run_in_order_on_the_thread_of_the_call(producer):
    reports, threads = Reports(), set()

    def on_delivery(err, msg):
        reports(err, msg)
        threads.add(threading.get_ident())

    for number in range(300):
        producer.produce(str(number), on_delivery=on_delivery)
    assert producer.flush() == 0
    assert [msg.offset() for _, msg in reports] == list(range(300))
    assert threads == {threading.get_ident()}


def test_ctrl_c_inside_a_callback_ends_the_call_and_keeps_the_other_reports(producer):
    reports = Reports()
    producer.produce("a", on_delivery=lambda err, msg: signal.raise_signal(signal.SIGINT))
    for _ in range(5):
        producer.produce("b", on_delivery=reports)
    with pytest.raises(KeyboardInterrupt):
        producer.flush()
    assert producer.flush() == 0
    assert len(reports) == 5


def test_pending_messages_are_counted(dead_broker):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    assert producer.pending_messages == 0
    producer.produce("a")
    producer.produce("b")
    assert producer.pending_messages == 2
    producer.close(timeout=0)
    assert producer.pending_messages == 0


@pytest.mark.parametrize("value", [[1], 5, None, 1.5, bytearray(b"x"), object()], ids=str)
def test_a_value_of_another_type_is_a_type_error(producer, value):
    with pytest.raises(TypeError, match="dict, str or bytes"):
        producer.produce(value)


def test_arguments_of_wrong_types_are_type_errors(producer):
    for arguments in (
        {"key": 5},
        {"topic": 5},
        {"headers": 5},
        {"headers": "ab"},
        {"headers": {"a": 1}},
        {"headers": ["abc"]},
        {"partition": "0"},
        {"on_delivery": "no"},
    ):
        with pytest.raises(TypeError):
            producer.produce("a", **arguments)
    assert producer.pending_messages == 0


def test_produce_without_any_topic_is_a_value_error(connection):
    producer = GraceDbKafkaProducer(**connection)
    with pytest.raises(ValueError, match="no topic given"):
        producer.produce("a")
    producer.close()


def test_contradictory_options_are_all_reported(connection):
    with pytest.raises(ValueError, match="both given.*no.such") as caught:
        GraceDbKafkaProducer(**connection | {"service_url": "https://a.org/api/", "no.such": 1})
    assert "\n" not in str(caught.value)


def test_neither_instance_name_nor_service_url_is_a_value_error(connection):
    del connection["instance_name"]
    with pytest.raises(ValueError, match="neither instance_name nor service_url"):
        GraceDbKafkaProducer(**connection)


def test_a_property_of_a_wrong_type_is_a_type_error(connection):
    with pytest.raises(TypeError, match="kafka_config 'error_cb'"):
        GraceDbKafkaProducer(**connection, error_cb=print)


def test_properties_can_be_numbers_and_booleans(connection, pipeline):
    options = connection | {
        "linger.ms": 1.5,
        "enable.idempotence": False,
        "queue.buffering.max.messages": 1000,
    }
    with GraceDbKafkaProducer(topic=pipeline, **options) as producer:
        producer.produce("a")
        assert producer.flush(10) == 0


def test_without_a_token_the_constructor_raises(connection, monkeypatch, tmp_path):
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(KafkaTokenError, match="htgettoken"):
        GraceDbKafkaProducer(**connection)
    with GraceDbKafkaProducer(**connection, validate_token=False, check_for_topics=False):
        pass


def test_a_missing_topic_fails_the_constructor(connection):
    with pytest.raises(KafkaTopicError, match="nosuch"):
        GraceDbKafkaProducer(topic="nosuch", **connection)


def test_an_unreachable_broker_fails_the_constructor(dead_broker):
    with pytest.raises(KafkaConnectionError):
        GraceDbKafkaProducer(**dead_broker | {"check_for_topics": True})


def test_the_deprecated_name_of_reload_cred_warns(connection):
    with pytest.warns(DeprecationWarning, match="reload_cred") as caught:
        GraceDbKafkaProducer(**connection, auto_refresh_token=True).close()
    assert caught[0].filename == __file__


def test_oauth_cb_supplies_the_token(connection, broker, monkeypatch, pipeline):
    monkeypatch.delenv("BEARER_TOKEN_FILE")
    asked = []

    def oauth_cb(config):
        asked.append(config)
        return broker.issuer.mint(), 4e9

    with GraceDbKafkaProducer(topic=pipeline, **connection, oauth_cb=oauth_cb) as producer:
        producer.produce("a")
        assert producer.flush(10) == 0
    assert set(asked) == {""}


def test_the_error_names_the_exception_of_oauth_cb(connection):
    def oauth_cb(config):
        raise LookupError("no vault")

    with pytest.raises(KafkaTokenError, match=r"oauth_cb raised LookupError\('no vault'\)"):
        GraceDbKafkaProducer(**connection, oauth_cb=oauth_cb)


def test_ping_returns_the_acknowledged_message(producer, pipeline):
    result = producer.ping()
    assert result["topic"] == f"localhost.{pipeline}"
    assert (result["partition"], result["offset"]) == (0, 0)
    message = result["message"]
    assert (message["type"], message["client"], message["sub"]) == ("ping", "gracedb-kafka", "pipeline")
    assert "kafka.produce" in message["scope"]


def test_ping_uses_the_given_topic_or_test(connection, pipeline):
    with GraceDbKafkaProducer(**connection) as producer:
        assert producer.ping(topic=pipeline, timeout=10)["topic"] == f"localhost.{pipeline}"
        assert producer.ping()["topic"] == "localhost.test"


def test_ping_raises_after_its_timeout(dead_broker):
    producer = GraceDbKafkaProducer(**dead_broker)
    with pytest.raises(KafkaMessageDeliveryError, match="within 0.2 s"):
        producer.ping(timeout=0.2)
    producer.close(timeout=0)


def test_a_with_block_closes_the_producer(connection, broker, pipeline):
    with GraceDbKafkaProducer(topic=pipeline, **connection) as producer:
        producer.produce("a")
    assert len(broker.messages(pipeline)) == 1
    with pytest.raises(KafkaProducerError, match="closed"):
        producer.produce("b")
    with pytest.raises(KafkaProducerError, match="closed"):
        producer.poll()
    with pytest.raises(KafkaProducerError, match="closed"):
        producer.ping()
    assert producer.flush() == 0
    assert producer.pending_messages == 0
    producer.close()


def test_close_reports_undelivered_messages(dead_broker, caplog):
    reports = Reports()
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)
    producer.produce("a", on_delivery=reports)
    producer.close(timeout=0.1)
    assert "not delivered" in caplog.text
    ((error, _),) = reports
    assert isinstance(error, KafkaMessageDeliveryError)


def test_threads_can_share_a_client(producer, broker, pipeline):
    reports = Reports()

    def work(name):
        for number in range(200):
            producer.produce({"thread": name, "number": number}, key=name, on_delivery=reports)
        producer.flush()

    threads = [threading.Thread(target=work, args=(f"t{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert producer.flush() == 0
    assert len(reports) == 800
    assert len(broker.messages(pipeline)) == 800

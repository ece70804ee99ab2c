"""The broker that the other tests rely on is real: it checks tokens, certificates and permissions."""

import confluent_kafka
import jwt
import pytest
from confluent_kafka import KafkaError

from harness.broker import Broker
from harness.waiting import wait_until


def deliver(config: dict, topic: str, value: bytes = b"hello") -> KafkaError | None:
    """Sends one message and returns what became of it."""
    outcome = []
    producer = confluent_kafka.Producer(config | {"message.timeout.ms": 15000})
    producer.produce(topic, value, on_delivery=lambda error, _: outcome.append(error))
    producer.flush(20)
    return outcome[0]


def login_error(broker: Broker, token: str) -> KafkaError:
    """The error that a client with this token meets."""
    errors = []
    producer = confluent_kafka.Producer(broker.client_config(token, error_cb=errors.append))

    def authentication_failed() -> bool:
        producer.poll(0.05)
        return any(error.code() == KafkaError._AUTHENTICATION for error in errors)

    wait_until(authentication_failed, 15, "the broker to refuse the token")
    return next(error for error in errors if error.code() == KafkaError._AUTHENTICATION)


@pytest.mark.parametrize("ssl", [True, False], ids=["SASL_SSL", "SASL_PLAINTEXT"])
def test_good_token_may_produce(broker, ssl):
    pipeline = broker.create_topic()
    config = broker.client_config(broker.issuer.mint(), ssl=ssl)

    assert deliver(config, f"localhost.{pipeline}", b"hello") is None
    assert [message.value() for message in broker.messages(pipeline)] == [b"hello"]


def test_token_of_the_sandbox_is_accepted(broker):
    assert deliver(broker.client_config(broker.token_from_sandbox()), "localhost.test") is None


@pytest.mark.parametrize("option", [["--subject", "supervisor"], ["--subject=supervisor"], []])
def test_token_of_the_sandbox_has_the_subject_that_is_asked_for(broker, option):
    claims = jwt.decode(broker.token_from_sandbox(*option), options={"verify_signature": False})

    assert claims["sub"] == ("supervisor" if option else "pipeline")


def test_good_token_may_consume(broker):
    pipeline = broker.create_topic()
    config = broker.client_config(broker.issuer.mint(subject="supervisor"))
    assert deliver(config, f"localhost.{pipeline}", b"to be read") is None

    consumer = confluent_kafka.Consumer(config | {"group.id": "any name", "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([f"localhost.{pipeline}"])
        message = wait_until(lambda: consumer.poll(0.2), 20, "the message")
        assert message.value() == b"to be read"
    finally:
        consumer.close()


BAD_TOKENS = {
    "wrong key": lambda issuer: issuer.impostor().mint(),
    "unsigned": lambda issuer: issuer.mint_unsigned(),
    "expired": lambda issuer: issuer.mint(lifetime=-60),
    "wrong audience": lambda issuer: issuer.mint(audience="https://kafka.example.org"),
    "wrong issuer": lambda issuer: issuer.mint(iss="https://issuer.example.org"),
    "without subject": lambda issuer: issuer.mint(sub=""),
    "not a token": lambda issuer: "x.y.z",
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_bad_token_is_refused(broker, kind):
    error = login_error(broker, BAD_TOKENS[kind](broker.issuer))

    assert "invalid_token" in error.str() or "Authentication" in error.str()


def test_certificate_is_checked(broker):
    errors = []
    config = broker.client_config(broker.issuer.mint(), error_cb=errors.append)
    del config["ssl.ca.location"]
    producer = confluent_kafka.Producer(config)

    def refused() -> bool:
        producer.poll(0.05)
        return any(error.code() == KafkaError._SSL for error in errors)

    wait_until(refused, 15, "the client to refuse the certificate")


@pytest.mark.parametrize(
    ("topic", "subject", "code"),
    [
        ("forbidden", "pipeline", KafkaError.TOPIC_AUTHORIZATION_FAILED),
        ("readonly", "pipeline", KafkaError.TOPIC_AUTHORIZATION_FAILED),
        ("test", "stranger", KafkaError.TOPIC_AUTHORIZATION_FAILED),
        ("missing", "pipeline", KafkaError.UNKNOWN_TOPIC_OR_PART),
    ],
)
def test_permission_is_checked(broker, topic, subject, code):
    config = broker.client_config(broker.issuer.mint(subject=subject))

    assert deliver(config | {"topic.metadata.propagation.max.ms": 500}, f"localhost.{topic}").code() == code


def test_broker_comes_back_with_its_messages(own_broker):
    config = own_broker.client_config(own_broker.issuer.mint())
    address = own_broker.sasl_ssl
    assert deliver(config, "localhost.test", b"before the stop") is None

    own_broker.stop()
    own_broker.start()
    assert deliver(config, "localhost.test", b"before the crash") is None

    own_broker.kill()
    own_broker.start()

    assert own_broker.sasl_ssl == address
    assert [message.value() for message in own_broker.messages("test")] == [b"before the stop", b"before the crash"]

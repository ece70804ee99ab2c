"""Token discovery and refresh in Python."""

import threading
import time

import pytest

from gracedb_kafka.kafka import GraceDbKafkaProducer, KafkaTokenError
from gracedb_kafka.kafka.auth import SciTokenRefreshManager, create_oauth_callback, get_scitoken_for_kafka
from harness.waiting import wait_until


@pytest.fixture
def token(broker, monkeypatch) -> str:
    """The only token that the discovery finds."""
    token = broker.issuer.mint(audience="kafka.ligo.org", lifetime=3600)
    monkeypatch.delenv("BEARER_TOKEN_FILE")
    monkeypatch.setenv("BEARER_TOKEN", token)
    return token


def test_finds_a_token_for_a_broker(token):
    assert get_scitoken_for_kafka("kafka.ligo.org:9092") == token
    assert get_scitoken_for_kafka("elsewhere:9092", scope="kafka.consume", audience="kafka.ligo.org") == token


def test_without_a_token_the_error_lists_the_places_searched(monkeypatch):
    monkeypatch.delenv("BEARER_TOKEN_FILE")
    with pytest.raises(KafkaTokenError, match=r"BEARER_TOKEN_FILE(.|\n)*htgettoken") as caught:
        get_scitoken_for_kafka("kafka.ligo.org:9092")
    assert "eyJ" not in str(caught.value)


def test_a_broker_url_without_a_host_is_a_value_error(token):
    with pytest.raises(ValueError):
        get_scitoken_for_kafka("")
    with pytest.raises(ValueError):
        SciTokenRefreshManager("kafka.ligo.org:9092", refresh_buffer=-1)


def test_callbacks_return_the_token_and_its_expiry(token):
    for callback in (
        create_oauth_callback("kafka.ligo.org:9092"),
        create_oauth_callback("kafka.ligo.org:9092", scope="kafka.produce", audience="kafka.ligo.org"),
        SciTokenRefreshManager("kafka.ligo.org:9092").create_callback(),
    ):
        found, expiry = callback("")
        assert found == token
        assert abs(expiry - time.time() - 3600) < 60


def test_confluent_kafka_accepts_the_callback(broker, pipeline):
    import confluent_kafka

    config = broker.client_config(None) | {"oauth_cb": create_oauth_callback("localhost:9092")}
    producer = confluent_kafka.Producer(config)
    producer.produce(f"localhost.{pipeline}", "a")
    assert producer.flush(20) == 0


def test_the_producer_accepts_the_callback(connection, pipeline):
    options = connection | {"oauth_cb": create_oauth_callback("localhost:9092")}
    with GraceDbKafkaProducer(topic=pipeline, **options) as producer:
        assert producer.ping()["topic"] == f"localhost.{pipeline}"


def test_the_refresh_manager_takes_a_newer_token_before_expiry(broker, monkeypatch, tmp_path):
    file = tmp_path / "bearer"
    file.write_text(broker.issuer.mint(lifetime=200))
    file.chmod(0o600)
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(file))
    manager = SciTokenRefreshManager("kafka.ligo.org:9092", refresh_buffer=300)
    first = manager.get_token()
    assert first == file.read_text()
    file.write_text(broker.issuer.mint(lifetime=3600))
    assert wait_until(lambda: manager.get_token() != first and manager.get_token(), 20) == file.read_text()


def test_threads_can_share_a_refresh_manager(token):
    manager = SciTokenRefreshManager("kafka.ligo.org:9092")
    found = []
    threads = [threading.Thread(target=lambda: found.append(manager.get_token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [token] * 8

"""The producer in the reference's GraceDb client, so that a pipeline can change that import only."""

import pytest
from ligo.gracedb.kafka.exceptions import KafkaError as ReferenceKafkaError
from ligo.gracedb.kafka.exceptions import KafkaMessageDeliveryError as ReferenceDeliveryError
from ligo.gracedb.rest import GraceDb as ReferenceGraceDb
from scitokens.utils import keycache

from gracedb_kafka.kafka import GraceDbKafkaProducer, KafkaMessageDeliveryError
from harness.paths import EXAMPLES
from harness.stack import client_environment
from harness.waiting import wait_until

COINC = EXAMPLES / "coinc.xml"


@pytest.fixture
def reference_client(gracedb, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(
        keycache, "KEYCACHE_INSTANCE", None
    )  # the sandbox's key, as the client verifies tokens
    issuer = gracedb.issuer
    keycache.KeyCache.getinstance().addkeyinfo(issuer.url, issuer.key_id, issuer.public_key, cache_timer=3600)
    with ReferenceGraceDb(
        service_url=gracedb.service_url, use_auth="scitoken", fail_if_noauth=True
    ) as client:
        yield client


@pytest.fixture
def our_producer(gracedb, connection):
    del connection["instance_name"]
    with GraceDbKafkaProducer(service_url=gracedb.service_url, **connection) as producer:
        yield producer


def test_an_event_of_the_reference_client_is_completed(
    reference_client, our_producer, gracedb, broker, supervisor
):
    supervisor(client_environment(gracedb, broker), "--topic", "mly")
    response = reference_client.create_event("CBC", "MLy", str(COINC), search="AllSky", kafka=our_producer)
    graceid = response.json()["graceid"]
    wait_until(lambda: gracedb.is_complete(graceid), 20, "the event")
    assert gracedb.file(graceid, "coinc.xml") == COINC.read_bytes()
    assert our_producer.pending_messages == 0


def test_the_reference_client_falls_back_to_http(reference_client, dead_broker, gracedb):
    producer = GraceDbKafkaProducer(**dead_broker, flush_timeout=0.3)
    with pytest.warns(RuntimeWarning, match="still pending"):
        response = reference_client.create_event(
            "Test", "gstlal", "a.xml", filecontents=b"<a/>", kafka=producer, http_fallback=True
        )
    assert gracedb.is_complete(response.json()["graceid"])
    producer.close(timeout=0)


def test_our_errors_are_caught_as_those_of_the_reference(reference_client, dead_broker):
    producer = GraceDbKafkaProducer(**dead_broker, flush_timeout=0.3)
    with pytest.raises(ReferenceDeliveryError) as caught:
        reference_client.create_event("Test", "gstlal", "a.xml", filecontents=b"<a/>", kafka=producer)
    assert isinstance(caught.value, KafkaMessageDeliveryError)
    assert isinstance(caught.value, ReferenceKafkaError)
    producer.close(timeout=0)

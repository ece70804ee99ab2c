"""Our producer in the hands of the reference's own client: a pipeline may change that one import alone."""

import pytest
from ligo.gracedb.kafka.exceptions import KafkaError as TheirKafkaError
from ligo.gracedb.kafka.exceptions import KafkaMessageDeliveryError as TheirDeliveryError
from ligo.gracedb.rest import GraceDb as TheirGraceDb
from scitokens.utils import keycache

from gracedb_kafka.kafka import GraceDbKafkaProducer, KafkaMessageDeliveryError
from harness.paths import EXAMPLES
from harness.stack import client_environment
from harness.waiting import wait_until

COINC = EXAMPLES / "coinc.xml"


@pytest.fixture
def their_client(gracedb, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(keycache, "KEYCACHE_INSTANCE", None)  # it checks signatures
    issuer = gracedb.issuer
    keycache.KeyCache.getinstance().addkeyinfo(issuer.url, issuer.key_id, issuer.public_key, cache_timer=3600)
    with TheirGraceDb(service_url=gracedb.service_url, use_auth="scitoken", fail_if_noauth=True) as client:
        yield client


@pytest.fixture
def our_producer(gracedb, connection):
    del connection["instance_name"]
    with GraceDbKafkaProducer(service_url=gracedb.service_url, **connection) as producer:
        yield producer


def test_its_event_goes_the_whole_way(their_client, our_producer, gracedb, broker, supervisor):
    supervisor(client_environment(gracedb, broker), "--topic", "mly")
    response = their_client.create_event("CBC", "MLy", str(COINC), search="AllSky", kafka=our_producer)
    graceid = response.json()["graceid"]
    wait_until(lambda: gracedb.is_complete(graceid), 20, "the event")
    assert gracedb.file(graceid, "coinc.xml") == COINC.read_bytes()
    assert our_producer.pending_messages == 0


def test_it_falls_back_to_http_where_our_producer_fails(their_client, dead_broker, gracedb):
    producer = GraceDbKafkaProducer(**dead_broker, flush_timeout=0.3)
    with pytest.warns(RuntimeWarning, match="1 messages are still pending"):
        response = their_client.create_event(
            "Test", "gstlal", "a.xml", filecontents=b"<a/>", kafka=producer, http_fallback=True
        )
    assert gracedb.is_complete(response.json()["graceid"])
    producer.close(timeout=0)


def test_our_errors_are_caught_as_its_own(their_client, dead_broker):
    producer = GraceDbKafkaProducer(**dead_broker, flush_timeout=0.3)
    with pytest.raises(TheirDeliveryError) as caught:
        their_client.create_event("Test", "gstlal", "a.xml", filecontents=b"<a/>", kafka=producer)
    assert isinstance(caught.value, KafkaMessageDeliveryError)
    assert isinstance(caught.value, TheirKafkaError)
    producer.close(timeout=0)

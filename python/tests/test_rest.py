"""The REST client with the sandbox and a real broker."""

import threading
import uuid

import pytest

from gracedb_kafka.kafka import GraceDbKafkaProducer, KafkaMessageDeliveryError
from gracedb_kafka.rest import CredentialError, GraceDb, HTTPConnectionError, HTTPError
from harness.messages import content_id
from harness.paths import EXAMPLES
from harness.stack import client_environment
from harness.waiting import wait_until

COINC = EXAMPLES / "coinc.xml"


@pytest.fixture
def event_producer(client, connection):
    """A producer for events of `client`."""
    del connection["instance_name"]
    with client.create_kafka_producer(**connection) as producer:
        yield producer


@pytest.fixture
def dead_producer(dead_broker):
    producer = GraceDbKafkaProducer(**dead_broker, flush_timeout=0.3)
    yield producer
    producer.close(timeout=0)


@pytest.fixture
def event(client):
    """The graceid of an event."""
    return client.create_event("Test", "gstlal", COINC, search="AllSky").json()["graceid"]


def test_an_event_is_published_and_completed(gracedb, client, event_producer, broker, supervisor):
    supervisor(client_environment(gracedb, broker), "--topic", "spiir")
    response = client.create_event(
        "CBC", "spiir", str(COINC), search="AllSky", labels="INJ", kafka=event_producer
    )

    assert (response.status_code, response.status, response.reason) == (201, 201, "Created")
    graceid = response.json()["graceid"]
    wait_until(lambda: gracedb.is_complete(graceid), 20, "the event")
    assert gracedb.file(graceid, "coinc.xml") == COINC.read_bytes()
    assert client.event(graceid).json()["search"] == "AllSky"
    assert [label["name"] for label in client.labels(graceid).json()["labels"]] == ["INJ"]


def test_the_message_contains_the_event(client, event_producer, broker):
    contents = f"<{uuid.uuid4()}/>"
    response = client.create_event("Test", "pycbc", "a.xml", filecontents=contents, kafka=event_producer)
    mark = content_id(contents.encode()).encode()
    (message,) = [message for message in broker.messages("test") if mark in message.value()]
    assert message.key() == response.json()["graceid"].encode()


def test_filecontents_can_be_bytes_or_str(client, gracedb):
    for contents in (b"\x00\xff", "ä"):
        response = client.create_event("Test", "gstlal", "dir/data.bin", filecontents=contents)
        graceid = response.json()["graceid"]
        expected = contents if isinstance(contents, bytes) else contents.encode()
        assert gracedb.file(graceid, "data.bin") == expected


def test_without_gracedb_upload_gracedb_receives_no_request(client, event_producer, broker, gracedb):
    response = client.create_event(
        "Test", "gstlal", "only-kafka.xml", filecontents="<only/>", kafka=event_producer,
        gracedb_upload=False, skip_supervisor=True,
    )  # fmt: skip
    assert response is None
    assert gracedb.records() == {}
    assert any(b"only-kafka.xml" in message.value() for message in broker.messages("test"))


def test_a_delivery_error_names_the_reserved_graceid(client, dead_producer, gracedb):
    with pytest.raises(KafkaMessageDeliveryError) as caught:
        client.create_event("Test", "gstlal", "a.xml", filecontents="<a/>", kafka=dead_producer)
    (graceid,) = gracedb.records()
    assert graceid in str(caught.value)
    assert dead_producer.pending_messages == 0


def test_http_fallback_completes_the_event(client, dead_producer, gracedb):
    response = client.create_event(
        "Test", "gstlal", "a.xml", filecontents="<a/>", kafka=dead_producer, http_fallback=True
    )
    assert response.ok
    (graceid,) = gracedb.records()
    assert gracedb.is_complete(graceid)


def test_upload_reserved_event_completes_the_event(client, gracedb):
    graceid = gracedb.reserve(b"<a/>")
    response = client.upload_reserved_event(
        graceid, "a.xml", filecontents=b"<a/>", labels=["INJ"], kafka_topic="t"
    )
    assert response.ok
    assert gracedb.file(graceid, "a.xml") == b"<a/>"


def test_create_kafka_producer_uses_the_instance_of_the_client(client, broker, gracedb):
    options = {"ca_cert_path": str(broker.ca_cert), "broker.address.family": "v4"}
    with client.create_kafka_producer(
        bootstrap_servers=broker.sasl_ssl, topic="gstlal", **options
    ) as producer:
        assert producer.instance_name == "localhost"
        assert producer.ping()["topic"] == "localhost.gstlal"
    with client.create_kafka_producer(broker.sasl_ssl, instance_name="localhost", **options) as producer:
        assert producer.ping()["topic"] == "localhost.test"


def test_unknown_groups_pipelines_and_labels_are_value_errors(client, tmp_path):
    with pytest.raises(ValueError, match="group 'Nope'"):
        client.create_event("Nope", "gstlal", COINC)
    with pytest.raises(ValueError, match="label 'NOPE'"):
        client.create_event("Test", "gstlal", COINC, labels="NOPE")
    with pytest.raises(ValueError, match="did you mean 'gstlal'"):
        client.create_event("Test", "GstLAL", COINC)
    with pytest.raises(ValueError, match="replay_id"):
        client.create_event("Test", "gstlal", COINC, replay_id="not good")
    with pytest.raises(FileNotFoundError):
        client.create_event("Test", "gstlal", tmp_path / "none.xml")
    with pytest.raises(TypeError, match="kafka must be a GraceDbKafkaProducer"):
        client.create_event("Test", "gstlal", COINC, kafka=object())


def test_an_error_status_raises_with_its_response(client):
    with pytest.raises(HTTPError, match="404") as caught:
        client.event("T9999")
    response = caught.value.response
    assert (response.status_code, response.reason) == (404, "Not Found")
    assert response.headers["Content-Type"] == response.headers["content-type"]
    assert response.content and response.text == response.content.decode()
    assert not response.ok and not response
    with pytest.raises(HTTPError):
        response.raise_for_status()


def test_an_error_status_is_caught_as_the_error_of_requests(client):
    import requests

    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client.event("T9999")
    assert caught.value.response.status_code == 404
    assert isinstance(caught.value, HTTPError)


def test_an_unreachable_server_raises_a_connection_error(unused_port):
    import requests

    client = GraceDb(f"http://127.0.0.1:{unused_port}/api/", retries=0)
    with pytest.raises(HTTPConnectionError, match="127.0.0.1") as caught:
        client.ping()
    assert isinstance(caught.value, requests.exceptions.ConnectionError)


def test_a_response_that_is_not_json_is_a_value_error(client, event):
    file = client.files(event, "coinc.xml")
    assert file.read() == file.content == COINC.read_bytes()
    with pytest.raises(ValueError, match="not JSON"):
        file.json()


def test_logs_files_and_labels_can_be_added(client, event):
    assert client.write_log(
        event, "a remark", filename="note.txt", filecontents="text", tag_name="analyst_comments"
    ).status_code == 201  # fmt: skip
    logs = client.logs(event).json()["logs"]
    remark = next(log for log in logs if log["comment"] == "a remark")
    assert remark["tag_names"] == ["analyst_comments"]
    assert client.logs(event, remark["N"]).json()["filename"] == "note.txt"
    assert client.files(event, "note.txt").content == b"text"
    assert "coinc.xml" in str(client.files(event).json())

    assert client.writeLabel(event, "DQV").ok
    assert "DQV" in client.labels(event, "DQV").text
    assert client.removeLabel(event, "DQV").status_code == 204


def test_events_are_requested_page_by_page(client):
    graceids = [
        client.create_event("Test", "gstlal", "a.xml", filecontents=f"<a{i}/>").json()["graceid"]
        for i in range(105)
    ]
    assert client.num_events("group: Test") == 105
    found = [event["graceid"] for event in client.events("group: Test", orderby="created")]
    assert sorted(found) == sorted(graceids)
    assert len(list(client.events("group: Test", max_results=7))) == 7
    assert len(list(client.events("group: Test", max_results=102))) == 102
    assert list(client.events("group: Burst")) == []


def test_properties_return_the_names_that_gracedb_accepts(client):
    assert "CBC" in client.groups
    assert "gstlal" in client.pipelines
    assert "AllSky" in client.searches
    assert "INJ" in client.allowed_labels
    assert client.links["self"] == client.service_info["links"]["self"]
    assert "event-detail-template" in client.templates
    assert client.server_version
    assert client.ping().status_code == 200
    assert client.get_user_info().json()["username"] == "pipeline"
    assert client.service_url.endswith("/api/")


def test_show_credentials_hides_the_token(client, capsys, broker):
    shown = client.show_credentials()
    assert "pipeline" in shown["credential"]
    assert "eyJ" not in capsys.readouterr().out


def test_fail_if_noauth_raises_without_a_credential(gracedb, monkeypatch):
    monkeypatch.delenv("BEARER_TOKEN_FILE")
    with pytest.raises(CredentialError):
        GraceDb(gracedb.service_url, fail_if_noauth=True)
    with pytest.raises(HTTPError) as caught:
        GraceDb(gracedb.service_url, force_noauth=True).create_event("Test", "gstlal", COINC)
    assert caught.value.response.status_code in (401, 403)


def test_unsupported_options_are_value_errors(gracedb):
    with pytest.raises(ValueError, match="use_auth"):
        GraceDb(gracedb.service_url, use_auth="x509")
    with pytest.raises(ValueError, match="retry_codes"):
        GraceDb(gracedb.service_url, retry_codes=[500])
    with pytest.raises(ValueError):
        GraceDb("ftp://nowhere/")
    GraceDb(gracedb.service_url, retry_codes=[502, 503, 504, 408], api_version="v2", reload_certificate=True)


def test_threads_can_share_a_client(client):
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(client.ping().status_code)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8


def test_a_client_works_in_a_with_block(gracedb):
    with GraceDb(gracedb.service_url) as client:
        assert client.ping().ok


def test_an_unknown_method_is_an_attribute_error(client):
    with pytest.raises(AttributeError, match="no_such_method"):
        client.no_such_method()

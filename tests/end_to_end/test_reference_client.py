"""The client that the field has used so far, beside ours: what one of them writes the other reads."""

import json
import uuid

import pytest
from ligo.gracedb.exceptions import HTTPError
from ligo.gracedb.kafka import GraceDbKafkaConsumer, GraceDbKafkaProducer
from ligo.gracedb.kafka.schema import validate_message
from ligo.gracedb.rest import GraceDb
from scitokens.utils import keycache

from harness.messages import content_id
from harness.paths import EXAMPLES, REFERENCE_EVENTS
from harness.stack import client_environment
from harness.waiting import wait_until

COINC = EXAMPLES / "coinc.xml"


@pytest.fixture(autouse=True)
def reference_environment(kafka_stack, monkeypatch, tmp_path):
    """What the reference client finds where it looks for credentials."""
    for name in ("SCITOKEN", "SCITOKEN_FILE", "BEARER_TOKEN", "_CONDOR_CREDS", "X509_USER_PROXY", "X509_USER_CERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BEARER_TOKEN_FILE", kafka_stack.env["BEARER_TOKEN_FILE"])
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    # It checks signatures, and would fetch the issuer's key from a web server.
    issuer = kafka_stack.sandbox.issuer
    monkeypatch.setattr(keycache, "KEYCACHE_INSTANCE", None)
    keycache.KeyCache.getinstance().addkeyinfo(issuer.url, issuer.key_id, issuer.public_key, cache_timer=3600)


@pytest.fixture
def client(kafka_stack) -> GraceDb:
    return GraceDb(service_url=kafka_stack.sandbox.service_url, use_auth="scitoken", fail_if_noauth=True)


@pytest.fixture
def producer(kafka_stack, broker):
    producer = GraceDbKafkaProducer(
        bootstrap_servers=broker.sasl_ssl,
        service_url=kafka_stack.sandbox.service_url,
        ca_cert_path=str(broker.ca_cert),
        **{"broker.address.family": "v4", "log_level": 0},  # it outlives close(), and the broker
    )
    yield producer
    producer.close()


@pytest.fixture
def consumer(kafka_stack, broker):
    def start(pipeline: str) -> GraceDbKafkaConsumer:
        made.append(
            GraceDbKafkaConsumer(
                bootstrap_servers=broker.sasl_ssl,
                topics=pipeline,
                service_url=kafka_stack.sandbox.service_url,
                ca_cert_path=str(broker.ca_cert),
                group_id=f"reference-{uuid.uuid4()}",
                auto_offset_reset="earliest",
                **{"broker.address.family": "v4"},
            )
        )
        return made[-1]

    made: list[GraceDbKafkaConsumer] = []
    yield start
    for each in made:
        each.close()


def find(consumer: GraceDbKafkaConsumer, matches) -> dict:
    """The first JSON object that it receives of which `matches` is true."""

    def received() -> dict | None:
        message = consumer.poll(0.2)
        value = message and message["value"]
        return value if isinstance(value, dict) and matches(value) else None

    return wait_until(received, 20, "the message at the reference's consumer")


# ---- its events, completed by our supervisor


@pytest.mark.parametrize(
    ("group", "pipeline", "file"),
    [
        ("Test", "gstlal", REFERENCE_EVENTS / "cbc-lm.xml"),
        ("CBC", "gstlal", COINC),
        ("Burst", "CWB", REFERENCE_EVENTS / "burst-cwb.txt"),
    ],
    ids=["Test", "CBC", "Burst"],
)
def test_its_event_is_completed_by_our_supervisor(kafka_stack, client, producer, group, pipeline, file):
    answer = client.create_event(group, pipeline, file.name, filecontents=file.read_bytes(), kafka=producer)

    graceid = answer.json()["graceid"]
    wait_until(lambda: kafka_stack.sandbox.is_complete(graceid), 20, f"{graceid} to be complete")
    assert kafka_stack.sandbox.file(graceid, file.name) == file.read_bytes()
    assert kafka_stack.sandbox.record(graceid)["content_id"] == content_id(file.read_bytes())


def test_its_labels_are_applied_by_our_supervisor(kafka_stack, client, producer):
    contents = COINC.read_bytes()

    answer = client.create_event("Test", "gstlal", "coinc.xml", filecontents=contents, labels=["INJ"], kafka=producer)

    graceid = answer.json()["graceid"]
    wait_until(lambda: kafka_stack.sandbox.is_complete(graceid), 20, f"{graceid} to be complete")
    assert kafka_stack.sandbox.event(graceid)["labels"] == ["INJ"]


def test_its_wish_to_skip_the_supervisor_is_heard(kafka_stack, client, producer):
    contents = COINC.read_bytes()
    skipped = client.create_event(
        "Test", "gstlal", "coinc.xml", filecontents=contents, kafka=producer, skip_supervisor=True
    ).json()["graceid"]

    later = client.create_event("Test", "gstlal", "coinc.xml", filecontents=contents, kafka=producer).json()["graceid"]

    wait_until(lambda: kafka_stack.sandbox.is_complete(later), 20, f"{later} to be complete")
    assert not kafka_stack.sandbox.is_complete(skipped)


def test_its_ping_is_ignored_by_our_supervisor_and_read_by_our_consumer(run_cli, kafka_stack, producer):
    sent = producer.ping(topic="test")

    done = run_cli(
        *("consume", "-t", "test", "--from", "earliest", "-e", "--json", "--parsed"), env=kafka_stack.env
    )

    assert done.returncode == 0, done.stderr
    (found,) = [line for line in done.lines if line["offset"] == sent["offset"]]
    assert found["payload"] == sent["message"]
    assert not list(kafka_stack.spool.glob(f"*.test-*-{sent['offset']}.json"))


# ---- our messages, read by its consumer


def test_our_upload_is_read_by_its_consumer_and_valid_by_its_schema(run_cli, kafka_stack, consumer):
    done = run_cli("upload", "CBC", "gstlal", COINC, "--label", "INJ", "--json", env=kafka_stack.env)
    assert done.returncode == 0, done.stderr
    result = done.lines[0]
    ours = {"gracedb_server": kafka_stack.sandbox.service_url, "graceid": result["graceid"]}

    message = find(consumer("gstlal"), lambda message: all(message.get(name) == value for name, value in ours.items()))

    validate_message(message)
    assert (message["submitter"], message["pipeline"], message["labels"]) == ("pipeline", "gstlal", ["INJ"])
    assert message["content_id"] == result["content_id"] == content_id(COINC.read_bytes())
    assert message["eventFile"][0] == "coinc.xml"


@pytest.mark.parametrize("option", ["--no-gracedb-upload", "--skip-supervisor"])
def test_our_message_is_valid_by_its_schema_with(run_cli, kafka_stack, broker, option):
    done = run_cli("upload", "Test", "gstlal", COINC, option, "--json", env=kafka_stack.env)
    assert done.returncode == 0, done.stderr

    message = json.loads(broker.message("test", done.lines[0]["offset"]).value())

    validate_message(message)
    assert message["gracedb_upload"] is (option != "--no-gracedb-upload")
    assert message["skip_supervisor"] is (option == "--skip-supervisor")


def test_our_ping_is_read_by_its_consumer_and_valid_by_its_schema(run_cli, kafka_stack, consumer):
    done = run_cli("ping", "--json", env=kafka_stack.env)
    assert done.returncode == 0, done.stderr
    sent = done.lines[0]["message"]

    message = find(consumer("test"), lambda message: message == sent)

    validate_message(message)
    assert (message["client"], message["sub"]) == ("gracedb-kafka", "pipeline")


# ---- its REST calls, answered by the sandbox


@pytest.fixture
def event(client) -> str:
    """An event that the reference has created over HTTP alone."""
    answer = client.create_event("Test", "gstlal", "coinc.xml", filecontents=COINC.read_bytes(), search="AllSky")
    assert answer.status_code == 201
    return answer.json()["graceid"]


def test_its_event_and_events(client, event):
    assert client.event(event).json()["gpstime"] == pytest.approx(1412546713.141357)
    assert [each["graceid"] for each in client.events(f"graceid: {event}")] == [event]
    with pytest.raises(HTTPError) as refusal:
        client.event("T987654")
    assert refusal.value.status_code == 404


def test_its_events_follow_the_pages(client, event):
    more = [
        client.create_event("Test", "gstlal", "coinc.xml", filecontents=COINC.read_bytes()).json()["graceid"]
        for _ in range(2)
    ]

    found = [each["graceid"] for each in client.events("group: Test", max_results=1000)]

    assert {event, *more} <= set(found)
    assert len(found) == len(set(found))


def test_its_files(client, event):
    listed = client.files(event).json()["files"]

    assert "coinc.xml" in [each["filename"] if isinstance(each, dict) else each for each in listed]
    assert client.files(event, "coinc.xml").read() == COINC.read_bytes()


def test_its_logs(client, event):
    client.write_log(event, "A note", filename="note.txt", filecontents="text of it", tag_name=["data_quality"])

    notes = [log for log in client.logs(event).json()["logs"] if log["comment"] == "A note"]

    assert [(note["filename"], note["tag_names"]) for note in notes] == [("note.txt", ["data_quality"])]
    assert client.files(event, "note.txt").read() == b"text of it"


def test_its_labels(client, event):
    client.write_label(event, "INJ")
    assert [label["name"] for label in client.labels(event).json()["labels"]] == ["INJ"]

    client.remove_label(event, "INJ")
    assert client.labels(event).json()["labels"] == []


def test_its_ping_and_what_it_reads_in_the_api_root(client):
    assert client.ping().status_code == 200
    assert "gstlal" in client.pipelines
    assert {"Test", "CBC", "Burst"} <= set(client.groups)
    assert "INJ" in client.allowed_labels


def test_its_upload_of_a_reserved_event(kafka_stack, client):
    contents = COINC.read_bytes()
    graceid = kafka_stack.sandbox.reserve(contents)

    client.upload_reserved_event(graceid, "coinc.xml", filecontents=contents, labels=["INJ"])

    record = kafka_stack.sandbox.record(graceid)
    assert (record["state"], record["labels"]) == ("complete", ["INJ"])


def test_its_replay_id_finds_the_event(client):
    mark = f"replay-{uuid.uuid4().hex[:12]}"
    made = client.create_event("Test", "gstlal", "coinc.xml", filecontents=COINC.read_bytes(), replay_id=mark).json()

    assert [each["graceid"] for each in client.events(f"group: Test replay_id: {mark}")] == [made["graceid"]]


def test_anonymous_user_is_refused(kafka_stack):
    anonymous = GraceDb(service_url=kafka_stack.sandbox.service_url, force_noauth=True)

    with pytest.raises(HTTPError) as refusal:
        anonymous.create_event("Test", "gstlal", "coinc.xml", filecontents=COINC.read_bytes())

    assert refusal.value.status_code == 403


def test_our_client_and_its_see_the_same_event_in_a_gracedb_with_tls(workshop, broker, monkeypatch):
    pem = broker.folder / "server.pem"
    gracedb = workshop.sandbox("--tls-cert", pem, "--tls-key", pem, broker=broker)
    env = client_environment(gracedb, broker) | {"GRACEDB_KAFKA_GRACEDB_CA_CERT": str(broker.ca_cert)}
    assert gracedb.service_url.startswith("https://")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(broker.ca_cert))
    monkeypatch.setenv("BEARER_TOKEN_FILE", env["BEARER_TOKEN_FILE"])

    done = workshop.run_cli("upload", "Test", "gstlal", COINC, "--http", "--json", env=env)

    assert done.returncode == 0, done.stderr
    client = GraceDb(service_url=gracedb.service_url, use_auth="scitoken", fail_if_noauth=True)
    assert client.event(done.lines[0]["graceid"]).json()["submitter"] == "pipeline"
    distrustful = workshop.run_cli(
        "upload", "Test", "gstlal", COINC, "--http", env=env | {"GRACEDB_KAFKA_GRACEDB_CA_CERT": "/etc/hostname"}
    )
    assert distrustful.returncode == 4

"""An event file goes the whole way: command, reservation, a real Kafka with tokens, supervisor, GraceDB."""

import hashlib
import json

import pytest

from harness.messages import content_id
from harness.paths import EXAMPLES, REFERENCE_EVENTS
from harness.stack import Stack
from harness.waiting import wait_until

EVENTS = {
    "a coinc file of ours": (
        "CBC",
        "gstlal",
        EXAMPLES / "coinc.xml",
        {"gpstime": 1412546713.141357, "far": 3.17e-11, "instruments": "H1,L1,V1", "nevents": 3},
    ),
    "a coinc file of the reference": (
        "Test",
        "gstlal",
        REFERENCE_EVENTS / "cbc-lm.xml",
        {"gpstime": 971609248.151741, "far": 0.0003680075621499241, "instruments": "H1,L1,V1", "nevents": 3},
    ),
    "a cWB file of ours": (
        "Burst",
        "CWB",
        EXAMPLES / "cwb.txt",
        {"gpstime": 1412546713.1414, "far": 1.31207e-08, "instruments": "H1,L1", "nevents": 1},
    ),
    "a cWB file of the reference": (
        "Test",
        "CWB",
        REFERENCE_EVENTS / "burst-cwb.txt",
        {"gpstime": 1042312876.509, "far": 0.00019265, "instruments": "H1,L1", "nevents": 1},
    ),
}


def submit(run_cli, stack: Stack, *arguments: object) -> dict:
    """Uploads with --wait and returns the result, whose event is complete."""
    done = run_cli("upload", *arguments, "--wait=20s", "--json", env=stack.env)
    assert done.returncode == 0, done.stderr
    (result,) = done.lines
    assert result["complete"]
    return result


@pytest.mark.parametrize("kind", EVENTS)
def test_event_file_arrives_byte_for_byte(run_cli, kafka_stack, kind):
    group, pipeline, file, facts = EVENTS[kind]

    result = submit(run_cli, kafka_stack, group, pipeline, file)

    graceid, gracedb = result["graceid"], kafka_stack.sandbox
    assert gracedb.file(graceid, file.name) == file.read_bytes()
    event = gracedb.event(graceid)
    assert (event["graceid"], event["group"], event["pipeline"]) == (graceid, group, pipeline)
    assert event["submitter"] == "pipeline"
    assert event["instruments"] == facts["instruments"]
    for name in ("gpstime", "far", "nevents"):
        assert event[name] == result["event"][name] == pytest.approx(facts[name], rel=1e-12), name


def test_event_is_the_one_that_was_reserved(run_cli, kafka_stack):
    contents = (EXAMPLES / "coinc.xml").read_bytes()

    result = submit(run_cli, kafka_stack, "CBC", "gstlal", EXAMPLES / "coinc.xml", "--search", "AllSky")

    record = kafka_stack.sandbox.record(result["graceid"])
    assert record["content_id"] == result["content_id"] == content_id(contents)
    assert record["sha256"] == hashlib.sha256(contents).hexdigest()
    assert record["upload_count"] == 1
    assert record["search"] == "AllSky"
    assert record["reserved"] <= record["completed"]
    assert record["kafka_server"] == kafka_stack.env["GRACEDB_KAFKA_BOOTSTRAP_SERVERS"]
    assert record["kafka_topic"] == result["topic"] == "localhost.gstlal"


def test_labels_are_applied(run_cli, kafka_stack):
    result = submit(run_cli, kafka_stack, "Test", "gstlal", EXAMPLES / "coinc.xml", "--label", "INJ", "--label", "MOCK")

    labels = kafka_stack.sandbox.get(f"events/{result['graceid']}/labels/").json()["labels"]
    assert sorted(label["name"] for label in labels) == ["INJ", "MOCK"]
    assert sorted(result["event"]["labels"]) == ["INJ", "MOCK"]


def test_only_the_name_of_the_file_is_sent_and_no_path(run_cli, kafka_stack, broker, tmp_path):
    file = tmp_path / "of somebody" / "candidate.xml"
    file.parent.mkdir()
    file.write_bytes((EXAMPLES / "coinc.xml").read_bytes())

    result = submit(run_cli, kafka_stack, "Test", "gstlal", file)

    assert kafka_stack.sandbox.record(result["graceid"])["file_name"] == "candidate.xml"
    message = broker.message("test", result["offset"])
    assert message.key() == result["graceid"].encode()
    assert json.loads(message.value())["eventFile"][0] == "candidate.xml"
    assert str(tmp_path).encode() not in message.value()


def test_event_from_standard_input(run_cli, kafka_stack):
    contents = (EXAMPLES / "cwb.txt").read_bytes()

    done = run_cli(
        *("upload", "Test", "CWB", "-", "--filename", "trigger.txt", "--wait=20s", "--json"),
        env=kafka_stack.env,
        stdin=contents,
    )

    assert done.returncode == 0, done.stderr
    assert kafka_stack.sandbox.file(done.lines[0]["graceid"], "trigger.txt") == contents


def test_text_output_begins_with_the_graceid_and_shows_each_step(run_cli, kafka_stack):
    done = run_cli("upload", "Test", "gstlal", EXAMPLES / "coinc.xml", "--wait=20s", env=kafka_stack.env)

    assert (done.returncode, done.stderr) == (0, "")
    graceid, *steps = done.stdout.splitlines()
    assert kafka_stack.sandbox.is_complete(graceid)
    for step in ("content id", "connected", "reserved", "confirmed", "complete"):
        assert any(line.strip().startswith(step) for line in steps), step


def test_alert_is_published_after_the_upload_and_once(run_cli, kafka_stack):
    result = submit(run_cli, kafka_stack, "Test", "gstlal", EXAMPLES / "coinc.xml")

    (alert,) = wait_until(lambda: kafka_stack.sandbox.alerts(result["graceid"]), 10, "the alert")
    assert alert["topic"] == "localhost.test_gstlal"
    assert alert["payload"]["alert_type"] == "new"
    assert alert["payload"]["object"]["gpstime"] == result["event"]["gpstime"]
    record = kafka_stack.sandbox.record(result["graceid"])
    assert alert["created"] >= record["completed"] >= record["reserved"]


def test_alert_reaches_its_topic_on_the_broker(workshop, broker):
    if "localhost.test_pycbc" not in broker.admin.list_topics(timeout=10).topics:
        broker.create_topic("test_pycbc")
    stack = workshop.stack(broker, "test")

    result = submit(workshop.run_cli, stack, "Test", "pycbc", EXAMPLES / "coinc.xml")

    link = result["event"]["links"]["self"]

    def published() -> list[dict]:
        alerts = [json.loads(message.value()) for message in broker.messages("test_pycbc")]
        return [alert for alert in alerts if alert["object"]["links"]["self"] == link]

    (alert,) = wait_until(published, 10, "the alert on the broker")
    assert (alert["alert_type"], alert["uid"]) == ("new", result["graceid"])


def test_reservation_alone_publishes_no_alert(run_cli, kafka_stack):
    file = EXAMPLES / "coinc.xml"
    done = run_cli("upload", "Test", "gstlal", file, "--skip-supervisor", "--json", env=kafka_stack.env)
    assert done.returncode == 0, done.stderr
    skipped = done.lines[0]["graceid"]

    later = submit(run_cli, kafka_stack, "Test", "gstlal", file)

    assert kafka_stack.sandbox.record(skipped)["state"] == "reserved"
    assert kafka_stack.sandbox.get(f"events/{skipped}").status_code == 404
    assert wait_until(lambda: kafka_stack.sandbox.alerts(later["graceid"]), 10, "the later event's alert")
    assert kafka_stack.sandbox.alerts(skipped) == []


def test_message_without_gracedb_upload_reserves_nothing_and_is_left_alone(run_cli, kafka_stack, broker):
    before = set(kafka_stack.sandbox.records())
    file = EXAMPLES / "coinc.xml"

    done = run_cli("upload", "Test", "gstlal", file, "--no-gracedb-upload", "--json", env=kafka_stack.env)

    assert done.returncode == 0, done.stderr
    (result,) = done.lines
    assert result["graceid"] is None
    message = broker.message("test", result["offset"])
    assert message.key() is None
    content = json.loads(message.value())
    assert (content["graceid"], content["gracedb_upload"]) == (None, False)
    later = submit(run_cli, kafka_stack, "Test", "gstlal", file)
    assert set(kafka_stack.sandbox.records()) - before == {later["graceid"]}


def test_event_through_the_embedded_broker(workshop):
    stack = workshop.stack()

    result = submit(workshop.run_cli, stack, "CBC", "gstlal", EXAMPLES / "coinc.xml")

    assert stack.sandbox.file(result["graceid"], "coinc.xml") == (EXAMPLES / "coinc.xml").read_bytes()

"""What happens to an event where GraceDB or Kafka fails on its way."""

import pytest

from harness.paths import EXAMPLES
from harness.sandbox import Sandbox
from harness.waiting import wait_until

COINC = EXAMPLES / "coinc.xml"


@pytest.fixture
def dead_port(unused_port) -> str:
    return f"localhost:{unused_port}"


def submit(run_cli, env, *options: object, group: str = "Test", pipeline: str = "gstlal", file=COINC):
    return run_cli("upload", group, pipeline, file, "--json", *options, env=env)


def new_records(gracedb: Sandbox, before: dict) -> list[dict]:
    return [record for graceid, record in gracedb.records().items() if graceid not in before]


def test_reservation_fails_and_the_event_goes_by_http(run_cli, gracedb, env):
    gracedb.set_faults("500@reserve")

    done = submit(run_cli, env, "--http-fallback", "--label", "INJ")

    assert done.returncode == 0, done.stderr
    (result,) = done.lines
    assert result["route"] == "http"
    assert "topic" not in result
    assert "reserved" in done.stderr
    assert gracedb.file(result["graceid"], "coinc.xml") == COINC.read_bytes()
    assert gracedb.event(result["graceid"])["labels"] == ["INJ"]


@pytest.mark.parametrize("fault", ["500@reserve", "503@reserve", "hang-up@reserve"])
def test_reservation_fails_and_without_fallback_nothing_is_created(run_cli, gracedb, env, fault):
    before = gracedb.records()
    gracedb.set_faults(fault)

    done = submit(run_cli, env)

    assert done.returncode == (7 if fault.startswith("500") else 4)
    assert new_records(gracedb, before) == []


@pytest.mark.parametrize(("status", "code"), [(401, 3), (403, 7)])
def test_refused_credential_is_never_papered_over(run_cli, gracedb, env, status, code):
    before = gracedb.records()
    gracedb.set_faults(f"{status}@reserve")

    done = submit(run_cli, env, "--http-fallback")

    assert (done.returncode, done.stdout) == (code, "")
    assert str(status) in done.stderr
    assert new_records(gracedb, before) == []


def test_refusal_by_kafka_after_the_reservation_is_told_with_the_graceid(run_cli, gracedb, env, broker):
    before = gracedb.records()

    with broker.refusing_messages("sgnl"):
        done = run_cli("upload", "CBC", "SGNL", COINC, env=env)

    assert (done.returncode, done.stdout) == (6, "")
    (record,) = new_records(gracedb, before)
    assert record["state"] == "reserved"
    assert len(done.stderr.splitlines()) == 1
    assert f"graceid {record['graceid']} is reserved" in done.stderr
    assert gracedb.alerts(record["graceid"]) == []


def test_refusal_by_kafka_after_the_reservation_falls_back_to_http(run_cli, gracedb, env, broker):
    before = gracedb.records()

    with broker.refusing_messages("sgnl"):
        done = submit(run_cli, env, "--http-fallback", "--label", "INJ", group="CBC", pipeline="SGNL")

    assert done.returncode == 0, done.stderr
    (result,) = done.lines
    (record,) = new_records(gracedb, before)
    assert (result["route"], result["graceid"]) == ("http_completion", record["graceid"])
    assert (record["state"], record["upload_count"], record["labels"]) == ("complete", 1, ["INJ"])
    assert (record["kafka_server"], record["kafka_topic"]) == ("kafka delivery failed, reverted to http", None)
    assert gracedb.file(record["graceid"], "coinc.xml") == COINC.read_bytes()


def test_unreachable_broker_falls_back_to_http(run_cli, gracedb, env, dead_port):
    before = gracedb.records()

    done = submit(run_cli, env, "--http-fallback", "--timeout", "1s", "-b", dead_port)

    assert done.returncode == 0, done.stderr
    (record,) = new_records(gracedb, before)
    assert (done.lines[0]["route"], record["state"]) == ("http_completion", "complete")


def test_unreachable_broker_is_found_out_before_anything_is_reserved(run_cli, gracedb, env, dead_port):
    before = gracedb.records()

    done = submit(run_cli, env, "-b", dead_port, "--timeout", "2s")

    assert done.returncode == 4
    assert dead_port in done.stderr
    assert new_records(gracedb, before) == []


def test_message_that_was_given_up_does_not_arrive_later(workshop, gracedb, env, broker):
    before = gracedb.records()
    sent_before = len(broker.messages("pygrb"))

    with broker.frozen():
        done = submit(
            workshop.run_cli, env, "--http-fallback", "--timeout", "1500ms", group="CBC", pipeline="PyGRB"
        )

    assert done.returncode == 0, done.stderr
    (record,) = new_records(gracedb, before)
    assert done.lines[0]["route"] == "http_completion"
    later = submit(workshop.run_cli, env, group="CBC", pipeline="PyGRB")
    assert later.returncode == 0, later.stderr
    keys = [message.key().decode() for message in broker.messages("pygrb")[sent_before:]]
    assert keys == [later.lines[0]["graceid"]]
    assert gracedb.record(record["graceid"])["upload_count"] == 1


def test_message_that_arrives_all_the_same_is_found_complete(workshop, gracedb, env, broker):
    """As if it had been on its way already when the client gave it up and completed the event over HTTP."""
    topic = broker.create_topic()
    with broker.refusing_messages("sgnl"):
        done = submit(workshop.run_cli, env, "--http-fallback", group="CBC", pipeline="SGNL")
    graceid = done.lines[0]["graceid"]
    late = workshop.run_cli("upload", "CBC", "gstlal", COINC, "--skip-supervisor", "--json", env=env)
    assert late.returncode == 0, late.stderr
    message = broker.message("gstlal", late.lines[0]["offset"])
    value = message.value().replace(late.lines[0]["graceid"].encode(), graceid.encode())
    broker.produce(topic, value.replace(b'"skip_supervisor":true', b'"skip_supervisor":false'), key=graceid)

    supervisor = workshop.supervisor(env, "--topic", topic)

    supervisor.wait_for_log(f"duplicate graceid={graceid}")
    record = gracedb.record(graceid)
    assert (record["state"], record["upload_count"]) == ("complete", 2)
    assert len(gracedb.alerts(graceid)) == 1


def test_too_large_a_file_is_refused_before_anything_is_reserved(run_cli, gracedb, env, tmp_path):
    before = gracedb.records()
    file = tmp_path / "large.xml"
    file.write_bytes(b"x" * 8_000_000)

    done = submit(run_cli, env, file=file)

    assert (done.returncode, done.stdout) == (2, "")
    assert "8000000" in done.stderr
    assert "10485760" in done.stderr
    assert new_records(gracedb, before) == []


def test_http_alone_needs_no_broker(run_cli, gracedb, env):
    without_kafka = {name: value for name, value in env.items() if not name.startswith("GRACEDB_KAFKA_")}

    done = submit(run_cli, without_kafka, "--http")

    assert done.returncode == 0, done.stderr
    assert gracedb.is_complete(done.lines[0]["graceid"])


def test_lost_answer_to_an_http_upload_is_not_a_second_event(run_cli, gracedb, env, broker):
    before = gracedb.records()
    gracedb.set_faults("drop-answer@upload*1")

    with broker.refusing_messages("sgnl"):
        done = submit(run_cli, env, "--http-fallback", group="CBC", pipeline="SGNL")

    assert done.returncode == 0, done.stderr
    (record,) = wait_until(lambda: new_records(gracedb, before), 5, "the event")
    assert record["state"] == "complete"
    assert len(gracedb.alerts(record["graceid"])) == 1

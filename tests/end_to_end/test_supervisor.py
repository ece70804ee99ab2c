"""The supervisor loses nothing, doubles nothing, and goes on whatever it meets."""

import json
import signal
import socket
import uuid

import pytest

from harness.messages import ping_message, upload_message
from harness.sender import COINC, Sender
from harness.stack import client_environment
from harness.waiting import wait_until

TELLING_OF_PICK_UPS = ("--log-level", "debug")


@pytest.fixture
def group() -> str:
    return f"supervisor-{uuid.uuid4()}"


def test_killed_between_upload_and_commit_the_event_is_there_once(
    supervisor, gracedb, env, broker, topic, group, sender
):
    options = ("--topic", topic, "--group-id", group, "-X", "session.timeout.ms=6000", *TELLING_OF_PICK_UPS)
    # The first upload gets into GraceDB, but its answer is lost; whatever follows is never answered.
    gracedb.set_faults("drop-answer@upload*1", "hang@upload")
    first = supervisor(env, *options)
    uploaded = sender.send()
    sender.wait_until_complete(uploaded)
    under_way = sender.send()
    first.wait_for_log(f"picked up {under_way}")

    first.kill()

    assert not gracedb.is_complete(under_way)
    assert broker.committed(group, topic) is None
    gracedb.set_faults()
    second = supervisor(env, *options)
    sender.wait_until_complete(under_way)
    second.wait_for_log(f"duplicate graceid={uploaded}")
    assert gracedb.record(under_way)["upload_count"] == 1
    assert gracedb.record(uploaded)["upload_count"] == 2
    assert [len(gracedb.alerts(graceid)) for graceid in (uploaded, under_way)] == [1, 1]
    assert gracedb.file(uploaded, "coinc.xml,1") is None, "a second version of the file"
    wait_until(lambda: broker.committed(group, topic) == 2, 10, "the commit")


def test_nothing_is_committed_before_gracedb_has_answered(supervisor, gracedb, env, broker, topic, group, sender):
    gracedb.set_faults("hang@upload*1")
    first = supervisor(env, "--topic", topic, "--group-id", group, "--upload-timeout", "60s")
    waiting = sender.send()
    wait_until(lambda: not gracedb.faults(), 20, "the first upload to hang")
    overtaking = sender.send()

    sender.wait_until_complete(overtaking)

    assert not gracedb.is_complete(waiting)
    assert broker.committed(group, topic) is None
    first.kill()


BROKEN = {
    "not JSON": b"hello \xff\x00 world",
    "empty": b"",
    "a list": b"[1, 2, 3]",
    "no type": b'{"graceid": "T0001"}',
    "half a message": upload_message("http://localhost/api/", "T0001", COINC)[:2000],
    "file is not base64": upload_message("{url}", "T0001", b"", eventFile=["coinc.xml", "%%%"]),
    "file is empty": upload_message("{url}", "T0001", b""),
    "no graceid": upload_message("{url}", None, COINC),
    "graceid leads elsewhere": upload_message("{url}", "../../../user-info", COINC),
    "graceid is a number": upload_message("{url}", 17, COINC),
    "label leads elsewhere": upload_message("{url}", "T0001", COINC, labels=["INJ/../.."]),
    "unknown event": upload_message("{url}", "T987654", COINC),
}


def test_broken_messages_are_set_aside_with_the_reason_and_the_stream_goes_on(
    supervisor, gracedb, env, broker, topic, group, sender, tmp_path
):
    spool = tmp_path / "spool"
    values = [
        value if isinstance(value, bytes) else value.replace("{url}", gracedb.service_url).encode()
        for value in BROKEN.values()
    ]
    for value in values:
        sender.send_raw(value)
    good = sender.send()

    running = supervisor(env, "--topic", topic, "--group-id", group, "--spool-dir", spool)

    sender.wait_until_complete(good)
    wait_until(lambda: broker.committed(group, topic) == len(values) + 1, 10, "the commit")
    for offset, (kind, value) in enumerate(zip(BROKEN, values, strict=True)):
        stem = spool / f"localhost.{topic}-0-{offset}"
        assert stem.with_name(stem.name + ".value").read_bytes() == value, kind
        description = json.loads(stem.with_name(stem.name + ".json").read_text())
        assert (description["topic"], description["offset"]) == (f"localhost.{topic}", offset)
        assert description["reason"] and description["detail"], kind
    assert running.is_running


def test_message_for_another_gracedb_is_sent_nowhere(supervisor, gracedb, env, topic, sender, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        url = f"http://localhost:{elsewhere.getsockname()[1]}/api/"
        foreign = gracedb.reserve(COINC)
        sender.send_raw(upload_message(url, foreign, COINC), foreign)
        good = sender.send()

        supervisor(env, "--topic", topic, "--spool-dir", tmp_path / "spool")

        sender.wait_until_complete(good)
        description = tmp_path / "spool" / f"localhost.{topic}-0-0.json"
        wait_until(description.exists, 10, "the message to be set aside")
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert "another GraceDB" in description.read_text()
    assert gracedb.record(foreign)["state"] == "reserved"


def test_alias_of_the_gracedb_is_taken_for_it(supervisor, gracedb, env, topic, sender):
    alias = "https://gracedb.example.org/api/"

    supervisor(env, "--topic", topic, "--server-alias", alias)

    sender.wait_until_complete(sender.send(gracedb_server=alias))


def test_pings_are_ignored(supervisor, env, topic, sender, tmp_path):
    for _ in range(3):
        sender.send_raw(ping_message())
    good = sender.send()

    supervisor(env, "--topic", topic, "--spool-dir", tmp_path / "spool")

    sender.wait_until_complete(good)
    assert list((tmp_path / "spool").iterdir()) == []


def test_event_waits_while_gracedb_answers_503(supervisor, gracedb, env, broker, topic, group, sender, tmp_path):
    gracedb.set_faults("503@upload")
    running = supervisor(env, "--topic", topic, "--group-id", group, "--spool-dir", tmp_path / "spool")
    graceids = [sender.send() for _ in range(3)]
    for graceid in graceids:
        running.wait_for_log(f"{graceid}: attempt 2 failed: 503")
    assert broker.committed(group, topic) is None

    gracedb.set_faults()

    for graceid in graceids:
        assert sender.wait_until_complete(graceid)["upload_count"] == 1
    wait_until(lambda: broker.committed(group, topic) == 3, 10, "the commit")
    assert list((tmp_path / "spool").iterdir()) == []


def test_event_waits_while_gracedb_is_away(workshop, broker, topic):
    gracedb = workshop.sandbox(broker=broker)
    env = client_environment(gracedb, broker)
    running = workshop.supervisor(env, "--topic", topic)
    running.wait_for_log("is there; authenticated by")
    graceid = gracedb.reserve(COINC)
    gracedb.process.stop()
    broker.produce(topic, upload_message(gracedb.service_url, graceid, COINC), graceid)
    running.wait_for_log(f"{graceid}: attempt 1 failed")

    address = gracedb.service_url.removeprefix("http://").split("/")[0].replace("localhost", "127.0.0.1")
    again = workshop.sandbox("--listen", address, state_dir=gracedb.state_dir, broker=broker)

    wait_until(lambda: again.is_complete(graceid), 20, "the event to be complete")
    assert again.record(graceid)["upload_count"] == 1


def test_term_finishes_what_is_under_way(supervisor, gracedb, env, broker, topic, group, sender):
    gracedb.set_faults("slow=700ms@upload")
    running = supervisor(env, "--topic", topic, "--group-id", group, *TELLING_OF_PICK_UPS)
    graceids = [sender.send() for _ in range(2)]
    for graceid in graceids:
        running.wait_for_log(f"picked up {graceid}")

    running.send(signal.SIGTERM)

    assert running.wait() == 0
    assert all(gracedb.is_complete(graceid) for graceid in graceids)
    assert broker.committed(group, topic) == 2
    assert running.stdout == ""


def test_second_signal_ends_it_at_once_and_the_event_is_not_lost(supervisor, gracedb, env, topic, group, sender):
    gracedb.set_faults("hang@upload")
    options = ("--topic", topic, "--group-id", group, "-X", "session.timeout.ms=6000", *TELLING_OF_PICK_UPS)
    running = supervisor(env, *options)
    graceid = sender.send()
    running.wait_for_log(f"picked up {graceid}")

    running.send(signal.SIGINT)
    running.wait_for_log("stopping")
    running.send(signal.SIGINT)

    assert running.wait(2) == 130
    gracedb.set_faults()
    supervisor(env, *options)
    assert sender.wait_until_complete(graceid)["upload_count"] == 1


def test_two_supervisors_share_the_work_and_each_event_is_there_once(supervisor, env, broker, group, gracedb):
    topic = broker.create_topic(partitions=4)
    sender = Sender(gracedb, broker, topic)
    both = [supervisor(env, "--topic", topic, "--group-id", group) for _ in range(2)]
    for running in both:
        running.wait_for_log(f"reading localhost.{topic}[")

    graceids = [sender.send(partition=number % 4) for number in range(16)]

    records = [sender.wait_until_complete(graceid) for graceid in graceids]
    assert [record["upload_count"] for record in records] == [1] * 16
    for running in both:
        assert "uploaded graceid=" in running.stderr
    for graceid in graceids:
        assert sum(f"uploaded graceid={graceid} " in running.stderr for running in both) == 1


def test_event_is_there_once_where_another_supervisor_joins_meanwhile(supervisor, env, broker, group, gracedb):
    topic = broker.create_topic(partitions=4)
    sender = Sender(gracedb, broker, topic)
    first = supervisor(env, "--topic", topic, "--group-id", group)
    graceids = [sender.send(partition=number % 4) for number in range(8)]

    second = supervisor(env, "--topic", topic, "--group-id", group)
    graceids += [sender.send(partition=number % 4) for number in range(8)]

    for graceid in graceids:
        sender.wait_until_complete(graceid)
        assert len(gracedb.alerts(graceid)) == 1
        assert gracedb.file(graceid, "coinc.xml,1") is None, "a second version of the file"
    assert first.stop() == 0
    assert second.stop() == 0
    assert sum(broker.committed(group, topic, partition) or 0 for partition in range(4)) == len(graceids)


def test_work_of_one_that_leaves_goes_to_the_other(supervisor, env, broker, group, gracedb):
    topic = broker.create_topic(partitions=2)
    sender = Sender(gracedb, broker, topic)
    leaving, staying = (supervisor(env, "--topic", topic, "--group-id", group) for _ in range(2))

    assert leaving.stop() == 0

    for partition in range(2):
        assert sender.wait_until_complete(sender.send(partition=partition))["upload_count"] == 1
    assert staying.is_running


def test_other_content_for_a_complete_event_is_set_aside(supervisor, gracedb, env, broker, topic, sender, tmp_path):
    supervisor(env, "--topic", topic, "--spool-dir", tmp_path / "spool")
    graceid = sender.send()
    sender.wait_until_complete(graceid)

    other = COINC.replace(b"H1", b"K1")
    sender.send_raw(upload_message(gracedb.service_url, graceid, other), graceid)

    description = tmp_path / "spool" / f"localhost.{topic}-0-1.json"
    wait_until(description.exists, 10, "the message to be set aside")
    assert "409" in description.read_text()
    assert gracedb.file(graceid, "coinc.xml") == COINC


def test_refused_token_is_waited_out_and_nothing_is_lost(supervisor, gracedb, env, topic, sender, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text(gracedb.issuer.mint(scope="kafka.consume"))
    token_file.chmod(0o600)
    running = supervisor(env | {"BEARER_TOKEN_FILE": str(token_file)}, "--topic", topic)
    graceid = sender.send()
    running.wait_for_log(f"{graceid}: attempt 1 failed: 403")

    token_file.write_text(gracedb.issuer.mint())

    sender.wait_until_complete(graceid)


def test_configuration_can_be_checked_without_connecting(spawn, env):
    checked = spawn("gracedb-kafka-supervisor", "--check-config", "--topic", "gstlal", env=env)
    wrong = spawn("gracedb-kafka-supervisor", "--check-config", "--max-in-flight", "0", env=env)

    assert checked.wait() == 0
    assert wrong.wait() == 2
    assert "--max-in-flight" in wrong.stderr

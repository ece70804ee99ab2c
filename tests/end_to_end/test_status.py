"""What the supervisor shows of itself: metrics, probes, the log, and what it tells systemd."""

import contextlib
import json
import signal
import socket
import time
import uuid
from itertools import pairwise

import jwt
import pytest

from harness.messages import ping_message, upload_message
from harness.sender import COINC
from harness.stack import client_environment
from harness.status import Status
from harness.waiting import wait_until

DEFAULT_PORT = 9463


def test_metrics_tell_what_has_become_of_the_messages(supervisor, gracedb, env, topic, sender):
    gracedb.set_faults("503@upload*2")
    status = Status(supervisor(env, "--topic", topic))
    for _ in range(3):
        sender.send(_producer_timestamp=time.time() - 2)
    sender.send_raw(ping_message())
    sender.send_raw("not JSON")
    full_topic = f"localhost.{topic}"

    wait_until(lambda: sum(status.samples("messages_total").values()) == 5, 20, "five messages")

    assert status.samples("messages_total") == {
        ("uploaded", full_topic): 3,
        ("ignored", full_topic): 1,
        ("dead_letter", full_topic): 1,
    }
    assert status.samples("retries_total") == {("503",): 2}
    assert status.samples("dead_letters_total")[("schema",)] == 1
    assert status.value("upload_duration_seconds_count") == 5
    assert status.value("event_latency_seconds_count") == 3
    assert 6 < status.value("event_latency_seconds_sum") < 60
    assert status.value("in_flight") == 0
    assert status.value("in_flight_bytes") == 0
    wait_until(lambda: status.samples("consumer_lag") == {("0", full_topic): 0}, 10, "no lag")
    token = jwt.decode(gracedb.token_file.read_text().strip(), options={"verify_signature": False})
    assert status.value("token_expiry_timestamp_seconds") == token["exp"]
    assert list(status.samples("build_info").values()) == [1]


def test_lag_grows_while_gracedb_takes_nothing(supervisor, gracedb, env, topic, sender):
    gracedb.set_faults("503@upload")
    status = Status(supervisor(env, "--topic", topic, "--max-in-flight", "1"))
    full_topic = f"localhost.{topic}"
    sender.send()
    wait_until(lambda: status.value("in_flight") == 1, 20, "an upload")
    for _ in range(4):
        sender.send()

    wait_until(lambda: status.samples("consumer_lag") == {("0", full_topic): 5}, 30, "a lag of five")

    gracedb.set_faults()
    wait_until(lambda: status.samples("consumer_lag") == {("0", full_topic): 0}, 30, "no lag")


def test_supervisor_is_not_ready_while_gracedb_is_away(workshop, broker, topic):
    gracedb = workshop.sandbox(broker=broker)
    status = Status(workshop.supervisor(client_environment(gracedb, broker), "--topic", topic))
    wait_until(lambda: status.is_ready, 20, "readiness")
    graceid = gracedb.reserve(COINC)
    gracedb.process.stop()
    broker.produce(topic, upload_message(gracedb.service_url, graceid, COINC), graceid)

    wait_until(lambda: status.failing() == {"gracedb"}, 20, "GraceDB to be missed")
    assert status.get("readyz").status_code == 503
    assert status.is_alive

    address = gracedb.service_url.removeprefix("http://").split("/")[0].replace("localhost", "127.0.0.1")
    workshop.sandbox("--listen", address, state_dir=gracedb.state_dir, broker=broker)
    wait_until(lambda: status.is_ready, 30, "readiness")


def test_supervisor_is_not_ready_while_its_token_is_refused(supervisor, gracedb, env, topic, sender, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text(gracedb.issuer.mint())
    token_file.chmod(0o600)
    spool = tmp_path / "spool"
    running = supervisor(env | {"BEARER_TOKEN_FILE": str(token_file)}, "--topic", topic, "--spool-dir", spool)
    status = Status(running)
    wait_until(lambda: status.is_ready, 20, "readiness")

    gracedb.set_faults("401@upload")
    graceid = sender.send()
    wait_until(lambda: status.failing() == {"token"}, 20, "the token to be refused")
    assert status.is_alive

    gracedb.set_faults()
    wait_until(lambda: status.is_ready, 30, "readiness")
    sender.wait_until_complete(graceid)
    assert list(spool.iterdir()) == []


def test_supervisor_without_a_partition_stands_by_and_is_ready(supervisor, env, topic):
    group = f"supervisor-{uuid.uuid4()}"
    both = [Status(supervisor(env, "--topic", topic, "--group-id", group)) for _ in range(2)]

    def partitions() -> list[str]:
        return sorted(status.get("readyz?verbose").text.splitlines()[0] for status in both)

    expected = ["[+] partitions: reading 1", "[+] partitions: standing by: the group has more members than partitions"]
    wait_until(lambda: partitions() == expected, 30, "one to read and one to stand by")
    assert all(status.is_ready for status in both)


def test_supervisor_is_not_ready_once_it_is_told_to_stop(supervisor, gracedb, env, topic, sender):
    gracedb.set_faults("hang@upload")
    running = supervisor(env, "--topic", topic, "--log-level", "debug")
    status = Status(running)
    graceid = sender.send()
    running.wait_for_log(f"picked up {graceid}")

    running.send(signal.SIGTERM)

    wait_until(lambda: "running" in status.failing(), 10, "the end of readiness")
    gracedb.set_faults()
    running.kill()


def test_broker_that_goes_away_ends_readiness_until_it_is_back(workshop, own_broker):
    gracedb = workshop.sandbox(broker=own_broker)
    topic = own_broker.create_topic()
    env = client_environment(gracedb, own_broker)
    options = ("--topic", topic, "-X", "session.timeout.ms=6000")
    status = Status(workshop.supervisor(env, *options))
    wait_until(lambda: status.is_ready, 20, "readiness")

    own_broker.kill()
    wait_until(lambda: status.failing() == {"partitions"}, 40, "the partitions to be lost")
    assert status.is_alive

    own_broker.restart()
    wait_until(lambda: status.is_ready, 60, "readiness")


def test_port_that_is_taken_is_named(spawn, env):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        refused = spawn("gracedb-kafka-supervisor", "--listen", address, env=env)

        assert refused.wait() == 1
        assert refused.stderr.splitlines()[-1].startswith(f"gracedb-kafka-supervisor: cannot listen on {address}")


def test_second_supervisor_of_a_machine_finds_a_port_by_itself(spawn, env, tmp_path):
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # somebody has it already
            stack.enter_context(socket.create_server(("127.0.0.1", DEFAULT_PORT)))

        running = spawn("gracedb-kafka-supervisor", "--spool-dir", tmp_path / "spool", env=env)

        running.wait_for_log("taking a free one")
        running.wait_for_log("status page at")
        assert Status(running).is_alive


@pytest.mark.parametrize("source", ["option", "environment", "file"])
def test_address_is_checked_wherever_it_comes_from(spawn, env, tmp_path, source):
    config = tmp_path / "config.toml"
    config.write_text('[supervisor]\nlisten = "nowhere"\n')
    options = {"option": ("--listen", "nowhere"), "environment": (), "file": ("--config", config)}[source]
    variables = {"GRACEDB_KAFKA_SUPERVISOR_LISTEN": "nowhere"} if source == "environment" else {}

    checked = spawn("gracedb-kafka-supervisor", "--check-config", *options, env=env | variables)

    assert checked.wait() == 2
    assert "--listen 'nowhere': give HOST:PORT" in checked.stderr


def test_nothing_is_served_where_nobody_wants_it(supervisor, env, topic):
    running = supervisor(env, "--topic", topic, "--listen", "none")

    assert "status page" not in running.stderr


def test_systemd_is_told_of_the_start_the_state_and_the_end(supervisor, env, topic, sender, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        notify = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        running = supervisor(env | notify, "--topic", topic)
        sender.wait_until_complete(sender.send())
        told: list[tuple[float, str]] = []

        def listen_for(text: str) -> None:
            while not any(text in each for _, each in told):
                message = systemd.recv(4096).decode()
                told.append((time.monotonic(), message))

        for text in ("READY=1", "STATUS=ready; 0 in flight, lag 0; 1 uploaded"):
            listen_for(text)
        running.send(signal.SIGTERM)
        listen_for("STOPPING=1")
    fed = [moment for moment, text in told if text == "WATCHDOG=1"]
    gaps = [later - sooner for sooner, later in pairwise(fed)]
    assert max(gaps) < 1, f"the watchdog waits for two seconds: {gaps}"


def test_log_as_json_has_a_line_for_each_event(supervisor, env, topic, sender):
    running = supervisor(env, "--topic", topic, "--log-format", "json")
    graceid = sender.send(_producer_timestamp=time.time())
    sender.send_raw("not JSON", "T0007")
    sender.wait_until_complete(graceid)
    running.wait_for_log('"outcome":"dead_letter"')
    running.wait_for_log('"outcome":"uploaded"')

    lines = [json.loads(line) for line in running.stderr.splitlines()]
    events = {line["outcome"]: line for line in lines if "outcome" in line}
    uploaded, rejected = events["uploaded"], events["dead_letter"]
    assert (uploaded["graceid"], uploaded["topic"]) == (graceid, f"localhost.{topic}")
    assert (uploaded["partition"], uploaded["offset"], uploaded["attempts"]) == (0, 0, 1)
    assert 0 < uploaded["ms"] <= uploaded["latency_ms"] + 50
    assert (rejected["graceid"], rejected["reason"]) == ("T0007", "schema")

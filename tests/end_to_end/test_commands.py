"""The commands of gracedb-kafka with a real broker: output and exit codes."""

import json
import os
import re
import signal
import subprocess
import time
import uuid

import pytest

from harness.paths import EXAMPLES, program
from harness.waiting import wait_until

COINC = EXAMPLES / "coinc.xml"


@pytest.fixture(scope="module")
def topic(broker) -> str:
    return broker.create_topic()


@pytest.fixture
def token_file(tmp_path, env):
    """Writes a token to a file, and returns an environment with this file as $BEARER_TOKEN_FILE."""

    def write(token: str) -> dict[str, str]:
        path = tmp_path / "own-token"
        path.write_text(token + "\n")
        path.chmod(0o600)
        return env | {"BEARER_TOKEN_FILE": str(path)}

    return write


def assert_fails(result, code: int, *words: str, while_trying: str | None = None) -> None:
    """Asserts the exit code, one line on standard error that contains the words, and no standard output.

    `while_trying` is in the log lines that may precede that line while a command retries.
    """
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if while_trying is None or while_trying not in line]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("gracedb-kafka: ")
    for word in words:
        assert word in lines[0]


# ---- produce and consume


def test_consume_prints_a_produced_message(run_cli, env, topic):
    mark = uuid.uuid4().hex

    sent = run_cli("produce", "-t", topic, "-k", "T0001", "-H", "source=shell", "--value", mark, "--json", env=env)
    read = run_cli("consume", "-t", topic, "--from", "earliest", "-e", "--json", env=env)

    assert (sent.returncode, sent.stderr) == (0, "")
    assert (read.returncode, read.stderr) == (0, "")
    (delivered,) = sent.lines
    assert (delivered["topic"], delivered["partition"]) == (f"localhost.{topic}", 0)
    (found,) = [line for line in read.lines if line["payload"] == mark]
    assert found["offset"] == delivered["offset"]
    assert (found["key"], found["headers"]) == ("T0001", ["source", "shell"])
    assert abs(found["ts"] / 1000 - time.time()) < 60


def test_produce_sends_a_file_standard_input_or_its_lines(run_cli, env, broker):
    topic = broker.create_topic()

    one = run_cli("produce", "-t", topic, COINC, env=env)
    whole = run_cli("produce", "-t", topic, env=env, stdin=b"a\nb\n")
    lines = run_cli("produce", "-t", topic, "--lines", env=env, stdin=b"first\nsecond\nthird")

    assert [done.returncode for done in (one, whole, lines)] == [0, 0, 0]
    values = [message.value() for message in broker.messages(topic)]
    assert values == [COINC.read_bytes(), b"a\nb\n", b"first", b"second", b"third"]
    assert "3 messages confirmed" in lines.stdout


def test_binary_value_is_kept(run_cli, env, broker):
    topic = broker.create_topic()
    value = bytes(range(256))
    assert run_cli("produce", "-t", topic, env=env, stdin=value).returncode == 0

    (message,) = broker.messages(topic)
    (line,) = run_cli("consume", "-t", topic, "--from", "earliest", "-e", "--json", env=env).lines

    assert message.value() == value
    assert line["payload_encoding"] == "base64"


def test_consume_starts_at_from(run_cli, env, broker):
    topic = broker.create_topic()
    for value in ("one", "two"):
        broker.produce(topic, value)
    time_between = broker.messages(topic)[-1].timestamp()[1] / 1000 + 0.001
    wait_until(lambda: time.time() > time_between + 0.01)
    for value in ("three", "four"):
        broker.produce(topic, value)

    def read(*options: object) -> list[str]:
        done = run_cli("consume", "-t", topic, "-e", "--raw", *options, env=env)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.split()

    assert read("--from", "earliest") == ["one", "two", "three", "four"]
    assert read("--from", "earliest", "-c", "2") == ["one", "two"]
    assert read("--from", "latest") == []
    assert read("--from", f"{time_between:.3f}") == ["three", "four"]
    assert read("--from", "1h") == ["one", "two", "three", "four"]


def test_group_resumes_at_its_committed_offset(run_cli, env, broker):
    topic, group = broker.create_topic(), f"reader-{uuid.uuid4()}"
    for value in ("one", "two", "three"):
        broker.produce(topic, value)

    def read(*options: object) -> list[str]:
        return run_cli(
            *("consume", "-t", topic, "-G", group, "--from", "earliest", "--raw", "-e", *options), env=env
        ).stdout.split()

    assert read("-c", "1") == ["one"]
    assert read() == ["two", "three"]
    assert read() == []


def test_consume_prints_messages_as_they_arrive(spawn, env, broker, topic):
    mark = uuid.uuid4().hex
    consumer = spawn("gracedb-kafka", "consume", "-t", topic, "-c", "1", "--json", "-vv", env=env)
    consumer.wait_for_log(f"reading localhost.{topic}[0]")

    def arrived() -> bool:
        broker.produce(topic, mark)
        return not consumer.is_running

    wait_until(arrived, 15, "the message to be consumed")
    assert consumer.wait() == 0
    assert json.loads(consumer.stdout)["payload"] == mark


def test_consume_saves_event_files(run_cli, env, tmp_path):
    sent = run_cli("upload", "Test", "gstlal", COINC, "--skip-supervisor", "--json", env=env)
    graceid, offset = sent.lines[0]["graceid"], sent.lines[0]["offset"]
    assert offset >= 0

    done = run_cli("consume", "-t", "test", "--from", "5m", "-e", "--save", tmp_path / "events", "-q", env=env)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "events" / graceid / "coinc.xml").read_bytes() == COINC.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_consume_ends_within_300_ms_of_a_signal(spawn, env, topic, number):
    consumer = spawn("gracedb-kafka", "consume", "-t", topic, "-v", env=env)
    consumer.wait_for_log(f"reading localhost.{topic}[0]")

    start = time.monotonic()
    consumer.send(number)
    code = consumer.wait()

    assert time.monotonic() - start < 0.3
    assert code == 128 + number
    assert consumer.stdout == ""


def test_consume_ends_within_300_ms_of_a_signal_without_a_broker(spawn, env, unused_port):
    consumer = spawn("gracedb-kafka", "consume", "-t", "test", "-v", "-b", f"localhost:{unused_port}", env=env)
    consumer.wait_for_log("token found")

    start = time.monotonic()
    consumer.send(signal.SIGINT)

    assert consumer.wait() == 130
    assert time.monotonic() - start < 0.3


def test_interrupted_wait_reports_that_the_event_is_submitted(spawn, env):
    upload = spawn("gracedb-kafka", "upload", "Test", "gstlal", COINC, "--wait", env=env)
    graceid = upload.wait_for(lambda: upload.stdout.split("\n")[:-1], "the graceid")[0]
    upload.wait_for(lambda: "confirmed" in upload.stdout, "the confirmation")

    upload.send(signal.SIGINT)

    assert upload.wait() == 130
    assert f"stopped by SIGINT while waiting for {graceid}" in upload.stderr
    assert "submitted" in upload.stderr


def test_ignored_signals_stay_ignored(spawn, env, topic):
    """Like under nohup, and in a background job of a script, which ignores SIGINT."""
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGINT)}
    try:
        consumer = spawn("gracedb-kafka", "consume", "-t", topic, "-v", env=env)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    consumer.wait_for_log(f"reading localhost.{topic}[0]")

    consumer.send(signal.SIGHUP)
    consumer.send(signal.SIGINT)
    consumer.send(signal.SIGTERM)

    assert consumer.wait() == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in consumer.stderr


def test_consume_subscribes_to_a_repeated_topic_once(run_cli, env, broker):
    topic = broker.create_topic()
    broker.produce(topic, "one")
    topics = ("-t", topic, "-t", topic, "-t", f"localhost.{topic}")

    done = run_cli("consume", *topics, "--from", "earliest", "-e", "--raw", env=env)

    assert (done.returncode, done.stdout, done.stderr) == (0, "one\n", "")


def test_produce_names_closed_standard_input(workshop, env, topic):
    command = [str(program("gracedb-kafka")), "produce", "-t", topic, "-"]

    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command],
        env=workshop.environment | env,
        capture_output=True,
        timeout=20,
        check=False,
    )

    assert (done.returncode, done.stderr) == (2, b"gracedb-kafka: standard input is closed\n")


# ---- ping, topics, token


def test_ping_is_confirmed(run_cli, env, broker):
    done = run_cli("ping", "--json", env=env)

    assert (done.returncode, done.stderr) == (0, "")
    (result,) = done.lines
    assert result["topic"] == "localhost.test"
    stored = json.loads(broker.message("test", result["offset"]).value())
    assert stored == result["message"]
    assert (stored["type"], stored["client"], stored["sub"]) == ("ping", "gracedb-kafka", "pipeline")


def test_topics_lists_only_topics_that_the_token_may_see(run_cli, env, topic):
    done = run_cli("topics", "--json", env=env)

    assert (done.returncode, done.stderr) == (0, "")
    names = [line["topic"] for line in done.lines]
    assert {"localhost.test", "localhost.gstlal", f"localhost.{topic}"} <= set(names)
    assert "localhost.forbidden" not in names
    assert "localhost.test" in run_cli("topics", env=env).stdout


def test_token_shows_the_claims_but_not_the_token(run_cli, env, gracedb):
    done = run_cli("token", "--json", env=env)

    assert (done.returncode, done.stderr) == (0, "")
    (result,) = done.lines
    assert result["source"] == f"$BEARER_TOKEN_FILE ({gracedb.token_file})"
    assert (result["subject"], result["audience"]) == ("pipeline", ["ANY"])
    assert result["scope"] == ["gracedb.read", "kafka.produce", "kafka.consume"]
    assert 0 < result["seconds_left"] <= 3600
    assert result["suits"] is True
    text = run_cli("token", "-v", env=env).stdout
    assert "$_CONDOR_CREDS" in text and "pipeline" in text


def test_token_of_htcondor_is_used(run_cli, env, gracedb, tmp_path):
    creds = tmp_path / "creds"
    creds.mkdir()
    (creds / "igwn.use").write_text(gracedb.issuer.mint())
    (creds / "igwn.use").chmod(0o600)
    env = {name: value for name, value in env.items() if name != "BEARER_TOKEN_FILE"}

    done = run_cli("ping", "--json", env=env | {"_CONDOR_CREDS": str(creds)})

    assert done.returncode == 0, done.stderr


# ---- exit codes


def test_usage_errors_are_2(run_cli, env):
    assert_fails(run_cli(env=env), 2, "command")
    assert_fails(run_cli("sumbit", env=env), 2, "sumbit")
    assert_fails(run_cli("upload", env=env), 2, "GROUP")
    assert_fails(run_cli("upload", "Test", "gstlal", COINC, "--colour", env=env), 2, "--colour")
    assert_fails(run_cli("upload", "Test", "gstlal", COINC, "--timeout", "soon", env=env), 2, "soon")
    assert_fails(run_cli("upload", "Test", "gstlal", COINC, "--http", "--http-fallback", env=env), 2, "--http")
    assert_fails(run_cli("upload", "Test", "gstlal", "-", env=env, stdin=b"x"), 2, "--filename")
    assert_fails(run_cli("upload", "Test", "gstlal", COINC, "--wait", "--skip-supervisor", env=env), 2, "--wait")
    assert_fails(run_cli("consume", "-t", "test", "--from", "teatime", env=env), 2, "teatime")
    assert_fails(run_cli("consume", "-t", "test", "-c", "0", env=env), 2, "--count")
    assert_fails(run_cli("ping", "-X", "no.such.property=1", env=env), 2, "no.such.property")


def test_missing_settings_are_2(run_cli, env):
    def without(*names: str) -> dict[str, str]:
        return {name: value for name, value in env.items() if name not in names}

    assert_fails(run_cli("ping", env=without("GRACEDB_KAFKA_BOOTSTRAP_SERVERS")), 2, "no bootstrap servers configured")
    assert_fails(run_cli("ping", env=without("GRACEDB_SERVICE_URL")), 2, "no GraceDB instance configured")
    assert_fails(run_cli("upload", "Test", "gstlal", COINC, env=without("GRACEDB_SERVICE_URL")), 2, "no service URL configured")


def test_unknown_group_pipeline_search_or_label_is_2_and_reserves_nothing(run_cli, gracedb, env):
    before = gracedb.records()

    assert_fails(run_cli("upload", "Nobody", "gstlal", COINC, env=env), 2, "Nobody")
    assert_fails(run_cli("upload", "Test", "nonesuch", COINC, env=env), 2, "nonesuch")
    assert_fails(run_cli("upload", "Test", "gstlal", COINC, "--search", "Lost", env=env), 2, "Lost")
    assert_fails(run_cli("upload", "Test", "gstlal", COINC, "--label", "NONE", env=env), 2, "NONE")

    assert gracedb.records() == before


def test_unreadable_file_is_named(run_cli, gracedb, env, tmp_path):
    before = gracedb.records()

    missing = run_cli("upload", "Test", "gstlal", tmp_path / "missing.xml", env=env)
    folder = run_cli("upload", "Test", "gstlal", tmp_path, env=env)

    for done in (missing, folder):
        assert_fails(done, done.returncode, str(tmp_path))
        assert done.returncode in (1, 2)
    assert gracedb.records() == before


@pytest.mark.parametrize(
    "command",
    [["ping"], ["topics"], ["consume", "-t", "test", "-e"], ["upload", "Test", "gstlal", COINC]],
    ids=lambda command: command[0],
)
def test_missing_token_is_3_and_lists_every_location(run_cli, env, command):
    env = {name: value for name, value in env.items() if name != "BEARER_TOKEN_FILE"}

    done = run_cli(*command, env=env)

    assert (done.returncode, done.stdout) == (3, "")
    for place in ("$SCITOKEN", "$_CONDOR_CREDS", "$BEARER_TOKEN", "bt_u"):
        assert place in done.stderr
    assert "htgettoken" in done.stderr


def test_expired_token_is_3_and_the_error_has_its_expiry(run_cli, token_file, gracedb):
    done = run_cli("ping", env=token_file(gracedb.issuer.mint(lifetime=-120)))

    assert (done.returncode, done.stdout) == (3, "")
    assert re.search(r"expired (at|on) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", done.stderr)
    assert "htgettoken" in done.stderr


@pytest.mark.parametrize("kind", ["wrong key", "wrong issuer"])
@pytest.mark.parametrize("command", [["ping"], ["consume", "-t", "test", "-e"]], ids=["ping", "consume"])
def test_token_rejected_by_the_broker_is_3(run_cli, token_file, gracedb, kind, command):
    issuer = gracedb.issuer
    token = issuer.impostor().mint() if kind == "wrong key" else issuer.mint(iss="https://issuer.example.org")

    done = run_cli(*command, env=token_file(token), timeout=20)

    assert_fails(done, 3)
    assert done.seconds < 15


def test_token_rejected_by_gracedb_is_3(run_cli, token_file, gracedb):
    done = run_cli("upload", "Test", "gstlal", COINC, env=token_file(gracedb.issuer.mint(scope="kafka.produce")))

    assert_fails(done, 3, "403")


@pytest.mark.parametrize(
    "command",
    [["ping"], ["produce", "-t", "test", "--value", "x"], ["topics"], ["consume", "-t", "test", "-e"]],
    ids=lambda command: command[0],
)
def test_unreachable_broker_is_4(run_cli, env, unused_port, command):
    timeout = [] if command[0] == "consume" else ["--timeout", "2s"]

    done = run_cli(*command, *timeout, "-b", f"localhost:{unused_port}", env=env)

    assert_fails(done, 4, str(unused_port), while_trying="retrying in")


def test_unreachable_gracedb_is_4(run_cli, env, unused_port):
    url = f"http://localhost:{unused_port}/api/"

    done = run_cli("upload", "Test", "gstlal", COINC, "-s", url, env=env)

    assert_fails(done, 4, str(unused_port), while_trying="retrying in")


def test_untrusted_broker_certificate_is_4(run_cli, env, gracedb):
    without_ca = {name: value for name, value in env.items() if name != "GRACEDB_KAFKA_CA_CERT"}

    assert_fails(run_cli("ping", "--timeout", "3s", env=without_ca), 4, "certificate")


@pytest.mark.parametrize(
    ("command", "topic"),
    [
        (["ping", "-t"], "missing"),
        (["ping", "-t"], "forbidden"),
        (["ping", "-t"], "readonly"),
        (["produce", "--value", "x", "-t"], "missing"),
        (["produce", "--value", "x", "-t"], "readonly"),
        (["consume", "-e", "-t"], "missing"),
        (["consume", "-e", "-t"], "forbidden"),
    ],
    ids=lambda part: part if isinstance(part, str) else part[0],
)
def test_missing_or_forbidden_topic_is_5(run_cli, env, command, topic):
    assert_fails(run_cli(*command, topic, env=env), 5, f"localhost.{topic}")


def test_message_rejected_by_the_broker_is_6(run_cli, env, broker):
    with broker.refusing_messages("olib"):
        done = run_cli("produce", "-t", "olib", COINC, env=env)

    assert_fails(done, 6)


def test_unconfirmed_message_is_6(spawn, env, broker, tmp_path):
    topic = broker.create_topic()
    lines = tmp_path / "lines"
    os.mkfifo(lines)
    producer = spawn("gracedb-kafka", "produce", "-t", topic, "--lines", "--timeout", "1s", lines, env=env)
    with lines.open("w") as writer:
        print("confirmed", file=writer, flush=True)
        wait_until(lambda: broker.messages(topic), 10, "the first message")

        with broker.frozen():
            print("not confirmed", file=writer, flush=True)
            writer.close()
            code = producer.wait()

    assert (code, producer.stdout) == (6, "")
    assert producer.stderr.splitlines()[-1].startswith("gracedb-kafka: 1 of 2 messages not delivered")


def test_rejection_by_gracedb_is_7(run_cli, gracedb, env):
    gracedb.set_faults("400@reserve")

    assert_fails(run_cli("upload", "Test", "gstlal", COINC, env=env), 7, "400")


def test_errors_are_json_with_json_option(run_cli, env):
    done = run_cli("ping", "-t", "missing", "--json", env=env)

    assert (done.returncode, done.stdout) == (5, "")
    failure = json.loads(done.stderr)
    assert failure["code"] == 5
    assert "localhost.missing" in failure["error"]


def test_wait_that_times_out_reports_that_the_event_is_submitted(run_cli, gracedb, env):
    done = run_cli("upload", "Test", "gstlal", COINC, "--wait=300ms", "--json", env=env)

    assert done.returncode == 1
    (result,) = done.lines
    assert result["complete"] is False
    error = json.loads(done.stderr)["error"]
    assert result["graceid"] in error
    assert "do not submit it again" in error


def test_help_lists_exit_codes_and_version_lists_libraries(run_cli):
    help_text = run_cli("--help").stdout
    version = run_cli("--version").stdout

    assert "Exit codes" in help_text
    for command in ("upload", "produce", "consume", "ping", "topics", "token", "doctor"):
        assert command in help_text
        assert run_cli(command, "--help").returncode == 0
    assert "librdkafka" in version


def test_broken_pipe_ends_consume(workshop, env, broker):
    """Like `gracedb-kafka consume | head -n 1`."""
    topic = broker.create_topic()
    broker.produce(topic, "x" * 1000)
    reading, writing = os.pipe()
    os.close(reading)
    command = [str(program("gracedb-kafka")), "consume", "-t", topic, "--from", "earliest", "--raw"]

    done = subprocess.run(
        command, env=workshop.environment | env, stdout=writing, stderr=subprocess.PIPE, timeout=20, check=False
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (141, b"")

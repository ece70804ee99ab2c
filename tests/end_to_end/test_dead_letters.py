"""Messages that cannot be processed are set aside, once and durably, and an operator gets them back."""

import json
import uuid
from pathlib import Path

import pytest

from harness.broker import INSTANCE
from harness.command import Result, run
from harness.leaks import check_no_token
from harness.messages import upload_message
from harness.paths import EXAMPLES, ROOT, program
from harness.stack import client_environment
from harness.tokens import Issuer
from harness.waiting import wait_until

COINC = (EXAMPLES / "coinc.xml").read_bytes()
ELSEWHERE = "https://gracedb.example.org/api/"


@pytest.fixture
def env(gracedb, broker) -> dict[str, str]:
    return client_environment(gracedb, broker)


@pytest.fixture
def dead_letters(broker) -> str:
    return broker.create_topic()


@pytest.fixture
def group() -> str:
    return f"supervisor-{uuid.uuid4()}"


@pytest.fixture
def spool(tmp_path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def letters(workshop, env, spool):
    """Runs dead-letters: letters("list", "--json") gives a Result."""

    def run_letters(*arguments: object) -> Result:
        command = [program("gracedb-kafka-supervisor"), "dead-letters", *arguments, "--spool-dir", spool]
        result = run(command, env=workshop.environment | env)
        check_no_token(result.stdout + result.stderr, env)
        assert "<?xml" not in result.stdout, "the file is shown"
        return result

    return run_letters


def wait_for_letters(broker, dead_letters: str, count: int) -> list:
    return wait_until(
        lambda: found if len(found := broker.messages(dead_letters)) >= count else None, 20, f"{count} dead letters"
    )


def foreign(broker, topic: str, graceid: str = "G1") -> bytes:
    value = upload_message(ELSEWHERE, graceid, COINC)
    broker.produce(topic, value, graceid, headers=[("trace", b"\x00\xff"), ("__connect.errors.offset", b"77")])
    return value.encode()


def test_dead_letter_has_all_of_the_message_and_the_headers_of_kafka_connect(
    supervisor, env, broker, topic, dead_letters, group, spool
):
    value = foreign(broker, topic)
    (original,) = broker.messages(topic)
    supervisor(
        env, "--topic", topic, "--group-id", group, "--dead-letter-topic", dead_letters, "--spool-dir", spool
    )

    (letter,) = wait_for_letters(broker, dead_letters, 1)
    wait_until(lambda: broker.committed(group, topic) == 1, 10, "the commit")

    assert (letter.value(), letter.key(), letter.timestamp()) == (value, b"G1", original.timestamp())
    assert letter.headers()[:2] == original.headers()
    said = {name.removeprefix("__connect.errors."): text.decode() for name, text in letter.headers()[2:]}
    assert said.pop("task.id")
    assert "another GraceDB" in said.pop("exception.message")
    assert said == {
        "topic": f"{INSTANCE}.{topic}",
        "partition": "0",
        "offset": "0",
        "connector.name": group,
        "stage": "VALUE_CONVERTER",
        "class.name": "gracedb-kafka-supervisor",
        "exception.class.name": "foreign_server",
    }
    assert list(spool.iterdir()) == []


def test_kills_while_it_writes_dead_letters_lose_none_and_list_shows_each_once(
    supervisor, env, broker, topic, dead_letters, group, letters
):
    options = ("--topic", topic, "--group-id", group, "--dead-letter-topic", dead_letters)
    options += ("-X", "group.instance.id=the-only-one")  # who comes next need not wait for its session to end
    sent = []
    for _ in range(4):
        running = supervisor(env, *options)
        seen = len(broker.messages(dead_letters))
        for _ in range(25):
            sent.append(f"G{len(sent) + 1}")
            foreign(broker, topic, sent[-1])
        wait_for_letters(broker, dead_letters, seen + 1)
        running.kill()

    supervisor(env, *options)

    wait_until(lambda: broker.committed(group, topic) == len(sent), 60, "the commit")
    assert {letter.key().decode() for letter in broker.messages(dead_letters)} == set(sent)
    listed = letters("list", "--json", "--dead-letter-topic", dead_letters).lines
    assert sorted(line["key"] for line in listed) == sorted(sent)


def copy_of(broker, dead_letters: str) -> None:
    """Writes the first dead letter again, as a supervisor does that was killed before it committed."""
    (first, *_) = broker.messages(dead_letters)
    broker.produce(
        dead_letters, first.value().decode(), first.key().decode(), headers=first.headers(), timestamp=first.timestamp()[1]
    )


@pytest.mark.parametrize("command", ["redrive", "drop"])
def test_redrive_and_drop_handle_every_copy(supervisor, env, broker, topic, dead_letters, group, letters, command):
    where = ("--dead-letter-topic", dead_letters)
    running = supervisor(env, "--topic", topic, "--group-id", group, *where)
    foreign(broker, topic)
    wait_until(lambda: broker.committed(group, topic) == 1, 20, "the commit")
    assert running.stop() == 0
    copy_of(broker, dead_letters)
    assert len(broker.messages(dead_letters)) == 2
    assert [line["id"] for line in letters("list", "--json", *where).lines] == [f"{INSTANCE}.{topic}-0-0"]

    done = letters(command, "--all", "--json", *where)

    assert (done.returncode, len(done.lines)) == (0, 1), done.stderr
    assert letters("list", "--json", *where).lines == []
    assert len(broker.messages(topic)) == (2 if command == "redrive" else 1)


def test_message_behind_an_event_is_set_aside_once_the_event_is_settled(
    supervisor, env, broker, gracedb, topic, dead_letters, group
):
    gracedb.set_faults("503@upload")
    running = supervisor(env, "--topic", topic, "--group-id", group, "--dead-letter-topic", dead_letters)
    graceid = gracedb.reserve(COINC)
    broker.produce(topic, upload_message(gracedb.service_url, graceid, COINC), graceid)
    foreign(broker, topic)
    foreign(broker, topic, "G2")
    running.wait_for_log("503")
    assert broker.messages(dead_letters) == []
    gracedb.set_faults()

    wait_for_letters(broker, dead_letters, 2)
    assert [letter.key() for letter in broker.messages(dead_letters)] == [b"G1", b"G2"]
    assert gracedb.is_complete(graceid)


def test_letter_goes_to_the_spool_where_the_topic_does_not_take_it(
    supervisor, env, broker, topic, dead_letters, group, spool
):
    with broker.refusing_messages(dead_letters):
        foreign(broker, topic)
        running = supervisor(
            env, "--topic", topic, "--group-id", group, "--dead-letter-topic", dead_letters, "--spool-dir", spool
        )
        wait_until((spool / f"{INSTANCE}.{topic}-0-0.json").exists, 20, "the message in the spool")
        wait_until(lambda: broker.committed(group, topic) == 1, 10, "the commit")
    foreign(broker, topic, "G2")

    wait_for_letters(broker, dead_letters, 1)
    assert len(list(spool.iterdir())) == 2
    assert "not to topic" in running.stderr


def test_topic_that_is_missing_is_named_at_the_start(supervisor, env, topic, spool):
    running = supervisor(env, "--topic", topic, "--dead-letter-topic", "nowhere", "--spool-dir", spool)

    running.wait_for_log(f"there is no topic {INSTANCE}.nowhere")


def test_dead_letters_are_not_read_as_events(supervisor, env, broker, gracedb, dead_letters, spool):
    letter = upload_message(ELSEWHERE, "G1", COINC)
    broker.produce(dead_letters, letter, "G1")
    topic = broker.create_topic()
    running = supervisor(env, "--dead-letter-topic", dead_letters, "--spool-dir", spool)
    graceid = gracedb.reserve(COINC)
    broker.produce(topic, upload_message(gracedb.service_url, graceid, COINC), graceid)

    wait_until(lambda: gracedb.is_complete(graceid), 60, "an event of another topic")

    assert f"topic={INSTANCE}.{dead_letters} " not in running.stderr


def test_nothing_is_taken_while_neither_topic_nor_spool_works_and_then_it_goes_on(
    supervisor, env, broker, gracedb, topic, dead_letters, group, tmp_path
):
    spool = tmp_path / "spool"
    running = supervisor(
        env, "--topic", topic, "--group-id", group, "--dead-letter-topic", dead_letters, "--spool-dir", spool
    )
    spool.rename(tmp_path / "elsewhere")
    spool.write_text("in the way")
    with broker.refusing_messages(dead_letters):
        foreign(broker, topic)
        running.wait_for_log("no message is taken until it is written")
        graceid = gracedb.reserve(COINC)
        broker.produce(topic, upload_message(gracedb.service_url, graceid, COINC), graceid)
        assert broker.committed(group, topic) is None
    assert not gracedb.is_complete(graceid)

    wait_until(lambda: gracedb.is_complete(graceid), 20, "the event behind it")
    wait_until(lambda: broker.committed(group, topic) == 2, 10, "the commit")
    assert len(broker.messages(dead_letters)) == 1


@pytest.mark.parametrize("on_topic", [True, False], ids=["topic", "spool"])
def test_operator_lists_shows_redrives_and_drops(
    supervisor, env, broker, gracedb, topic, dead_letters, group, spool, letters, on_topic
):
    where = ("--dead-letter-topic", dead_letters) if on_topic else ()
    taken_for_ours = ("--topic", topic, "--group-id", group, "--spool-dir", spool, *where)
    first = supervisor(env, *taken_for_ours)
    graceid = gracedb.reserve(COINC)
    foreign(broker, topic, graceid)
    foreign(broker, topic, "G2")
    broker.produce(topic, b"no event " + Issuer.from_state_dir(broker.issuer_dir).mint().encode(), "G3")
    wait_until(lambda: broker.committed(group, topic) == 3, 20, "the commit")
    assert first.stop() == 0
    ids = [f"{INSTANCE}.{topic}-0-{offset}" for offset in range(3)]
    wanted, unwanted, broken = ids

    listed = letters("list", *where)
    assert listed.returncode == 0, listed.stderr
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["id", *ids]
    assert [line["reason"] for line in letters("list", "--json", *where).lines] == [
        "foreign_server",
        "foreign_server",
        "schema",
    ]
    assert [line["id"] for line in letters("list", "--json", "--reason", "schema", *where).lines] == [broken]

    assert [line["id"] for line in letters("show", wanted, broken, "--json", *where).lines] == [wanted, broken]
    (shown,) = letters("show", wanted, "--json", *where).lines
    assert (shown["key"], shown["contents"]["gracedb_server"]) == (graceid, ELSEWHERE)
    assert shown["store"] == ("topic" if on_topic else "spool")
    assert letters("show", broken, *where).returncode == 0

    refused = letters("drop", "nothing-0-1", unwanted, *where)
    assert (refused.returncode, "there is no letter nothing-0-1" in refused.stderr) == (2, True)
    assert letters("drop", *where).returncode == 2
    assert "would be dropped" in letters("drop", "--dry-run", "--all", *where).stdout
    assert len(letters("list", "--json", *where).lines) == 3
    assert letters("drop", unwanted, *where).returncode == 0
    assert [line["id"] for line in letters("list", "--json", *where).lines] == [wanted, broken]

    # The reason is gone: now the other name of this GraceDB is known.
    supervisor(env, *taken_for_ours, "--server-alias", ELSEWHERE)
    redriven = letters("redrive", wanted, "--json", *where)
    assert redriven.returncode == 0, redriven.stderr
    assert redriven.lines[0] | {"offset": 3} == redriven.lines[0]
    wait_until(lambda: gracedb.is_complete(graceid), 20, "the event")
    assert gracedb.file(graceid, "coinc.xml") == COINC
    (original, again) = (broker.message(topic, 0), broker.message(topic, 3))
    assert (again.key(), again.value(), again.headers()) == (original.key(), original.value(), original.headers())
    assert [line["id"] for line in letters("list", "--json", *where).lines] == [broken]

    # What is broken still comes back as another letter.
    assert letters("redrive", "--all", *where).returncode == 0
    wait_until(lambda: broker.committed(group, topic) == 5, 20, "the commit")
    assert [line["id"] for line in letters("list", "--json", *where).lines] == [f"{INSTANCE}.{topic}-0-4"]


COMPLETIONS = {
    ("",): {"dead-letters"},
    ("dead-letters", ""): {"list", "show", "redrive", "drop"},
    ("dead-letters", "re"): {"redrive"},
    ("dead-letters", "drop", "--dr"): {"--dry-run"},
    ("--drain",): {"--drain-timeout"},
}


@pytest.mark.parametrize("words", COMPLETIONS, ids=" ".join)
def test_bash_completes_commands_and_options(workshop, words):
    name = program("gracedb-kafka-supervisor")
    script = (
        f"source {ROOT}/packaging/completions/gracedb-kafka.bash; "
        f"COMP_WORDS=({name} {' '.join(repr(word) for word in words)}); COMP_CWORD={len(words)}; "
        f"_gracedb_kafka {name} {words[-1]!r} x; printf '%s\n' \"${{COMPREPLY[@]}}\""
    )
    completed = run(["bash", "-c", script], env=workshop.environment)
    assert set(completed.stdout.split()) == COMPLETIONS[words], completed.stderr


def test_dead_letters_of_another_instance_are_not_redriven(letters, spool):
    spool.mkdir()
    description = {
        "topic": "gracedb.gstlal",
        "partition": 0,
        "offset": 7,
        "key": None,
        "headers": [],
        "timestamp_ms": None,
        "value_bytes": 3,
        "reason": "schema",
        "detail": "not JSON",
        "set_aside_at": "2026-11-22 03:04:05 UTC",
    }
    (spool / "gracedb.gstlal-0-7.json").write_text(json.dumps(description))
    (spool / "gracedb.gstlal-0-7.value").write_text("abc")

    refused = letters("redrive", "--all")

    assert refused.returncode == 2
    assert "another instance" in refused.stderr
    assert len(list(spool.iterdir())) == 2

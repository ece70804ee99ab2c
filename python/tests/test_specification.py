"""Programs that make the calls of the specification's examples, with its keywords, as they import `ligo.gracedb`."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.paths import EXAMPLES
from harness.process import Process
from harness.stack import client_environment
from harness.waiting import wait_until

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def environment(python_environment, broker, gracedb, pipeline, unused_port):
    return python_environment | {
        "BROKER": broker.sasl_ssl,
        "CA": str(broker.ca_cert),
        "SERVICE_URL": gracedb.service_url,
        "PIPELINE": pipeline,
        "EVENT": str(EXAMPLES / "coinc.xml"),
        "DEAD_BROKER": f"127.0.0.1:{unused_port}",
    }


@pytest.fixture
def run(environment):
    """Runs a program with gracedb_kafka as ligo.gracedb; its output."""

    def run(name: str) -> str:
        command = [sys.executable, "-X", "dev", "-m", "gracedb_kafka", PROGRAMS / name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_topics(run):
    run("topics.py")


def test_produce(run, broker, pipeline):
    run("produce.py")
    first, second, ping = broker.messages(pipeline)
    assert json.loads(first.value()) == {"graceid": "G1", "group": "CBC"}
    assert (json.loads(second.value()), second.key()) == ({"graceid": "G2"}, b"G2")
    assert json.loads(ping.value())["type"] == "ping"


def test_produce_in_a_block(run, broker, pipeline):
    run("produce_in_a_block.py")
    assert len(broker.messages(pipeline)) == 1


def test_create_event(run, gracedb, broker, supervisor):
    supervisor(client_environment(gracedb, broker), "--topic", "gstlal", "--topic", "test")
    output = run("create_event.py")
    graceids = [line.split()[1] for line in output.splitlines()]
    assert len(graceids) == 2
    assert len(gracedb.records()) == 3
    wait_until(lambda: all(map(gracedb.is_complete, gracedb.records())), 20, "the events")
    assert gracedb.file(graceids[0], "coinc.xml") == (EXAMPLES / "coinc.xml").read_bytes()


def test_stream(environment, broker, pipeline, tmp_path):
    command = [sys.executable, "-X", "dev", "-m", "gracedb_kafka", PROGRAMS / "stream.py"]
    process = Process(command, env=environment, log_dir=tmp_path)
    try:

        def has_seen():
            broker.produce(pipeline, '{"graceid": "G1"}')
            return process.stdout

        process.wait_for(has_seen, "a message", 30)
        process.send(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout.startswith("{'graceid': 'G1'}\n")
        assert process.stdout.endswith("ended\n")
        assert process.stderr == ""
    finally:
        process.kill()


def test_replay(run, broker, pipeline):
    for number in range(4):
        broker.produce(pipeline, f'{{"number": {number}}}')
    assert run("replay.py").splitlines() == [f"{number} {{'number': {number}}}" for number in range(4)]


def test_poll(run, broker, pipeline):
    for value in ('{"a": 1}', "text", "5", "[true]"):
        broker.produce(pipeline, value)
    assert run("poll.py") == "{'a': 1} text 5 [True]\n"


def test_errors(run):
    run("errors.py")

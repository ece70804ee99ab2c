"""The calls of the specification's examples, with their keywords, in programs that import `ligo.gracedb`."""

import json
import signal
import subprocess
import sys

import pytest

from harness.paths import EXAMPLES
from harness.process import Process
from harness.stack import client_environment
from harness.waiting import wait_until

PRODUCER = """
import os
from ligo.gracedb.kafka import GraceDbKafkaProducer
options = dict(
    bootstrap_servers=os.environ["BROKER"],
    service_url=os.environ["SERVICE_URL"],
    ca_cert_path=os.environ["CA"],
)
"""

CONSUMER = """
import os
from ligo.gracedb.kafka import GraceDbKafkaConsumer
options = dict(
    bootstrap_servers=os.environ["BROKER"],
    service_url=os.environ["SERVICE_URL"],
    ca_cert_path=os.environ["CA"],
)
"""


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
def command(tmp_path):
    """The command that runs a program with gracedb_kafka as ligo.gracedb."""

    def command(program: str) -> list[str]:
        file = tmp_path / "program.py"
        file.write_text(program)
        return [sys.executable, "-X", "dev", "-m", "gracedb_kafka", str(file)]

    return command


@pytest.fixture
def run(command, environment):
    """Runs a program; its output."""

    def run(program: str) -> str:
        done = subprocess.run(
            command(program), check=False, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_topic_names_contain_the_instance(run):
    run("""
from ligo.gracedb.kafka import derive_instance_name, make_topic_name, parse_topic_name
assert derive_instance_name("https://gracedb-dev.ligo.org/api/") == "gracedb-dev"
assert derive_instance_name("https://gracedb.ligo.org/api/") == "gracedb"
assert derive_instance_name("https://localhost:8080/api/") == "localhost"
assert make_topic_name("gracedb-dev", "gstlal") == "gracedb-dev.gstlal"
assert parse_topic_name("gracedb-dev.gstlal") == ("gracedb-dev", "gstlal")
""")


def test_a_producer_sends_to_its_default_topic_and_to_a_given_one(run, broker, pipeline):
    run(
        PRODUCER
        + """
producer = GraceDbKafkaProducer(topic=os.environ["PIPELINE"], **options)
producer.produce({"graceid": "G1", "group": "CBC"})
producer.produce(value={"graceid": "G2"}, topic=os.environ["PIPELINE"], key="G2")
assert producer.flush() == 0

result = producer.ping(topic=os.environ["PIPELINE"])
assert result["topic"] == "localhost." + os.environ["PIPELINE"], result
assert result["partition"] == 0 and result["offset"] == 2, result
assert result["message"]["type"] == "ping", result
producer.close()
"""
    )
    first, second, ping = broker.messages(pipeline)
    assert json.loads(first.value()) == {"graceid": "G1", "group": "CBC"}
    assert (json.loads(second.value()), second.key()) == ({"graceid": "G2"}, b"G2")
    assert json.loads(ping.value())["type"] == "ping"


def test_a_producer_without_token_reload_is_a_context_manager(run, broker, pipeline):
    run(
        PRODUCER
        + """
with GraceDbKafkaProducer(
    topic=os.environ["PIPELINE"], reload_cred=False, skip_hostname_verification=True, **options
) as producer:
    producer.produce({"graceid": "G1", "group": "CBC"})
"""
    )
    assert len(broker.messages(pipeline)) == 1


def test_create_event_submits_with_and_without_kafka(run, gracedb, broker, supervisor):
    supervisor(client_environment(gracedb, broker), "--topic", "gstlal", "--topic", "test")
    output = run(
        PRODUCER
        + """
from ligo.gracedb.rest import GraceDb

client = GraceDb(os.environ["SERVICE_URL"], api_version="v2")
producer = GraceDbKafkaProducer(flush_timeout=30, **options)
response = client.create_event(
    "CBC", "gstlal", os.environ["EVENT"],
    search="AllSky",
    kafka=producer,
)
print("kafka", response.json()["graceid"])
producer.close()

producer = client.create_kafka_producer(
    bootstrap_servers=os.environ["BROKER"],
    topic="test",
    ca_cert_path=os.environ["CA"],
)
with open(os.environ["EVENT"], "rb") as file:
    response = client.create_event(
        group="Test", pipeline="gstlal", filename="coinc.xml", filecontents=file.read(), kafka=producer
    )
print("factory", response.json()["graceid"])
client.create_event(
    "Test", "gstlal", os.environ["EVENT"], kafka=producer, gracedb_upload=False, skip_supervisor=True
)
producer.close()

producer = GraceDbKafkaProducer(
    bootstrap_servers=os.environ["DEAD_BROKER"],
    service_url=os.environ["SERVICE_URL"],
    flush_timeout=1,
    check_for_topics=False,
)
response = client.create_event("CBC", "gstlal", os.environ["EVENT"], kafka=producer, http_fallback=True)
assert response.status_code in (200, 201)
producer.close(timeout=0)
"""
    )
    graceids = [line.split()[1] for line in output.splitlines()]
    assert len(graceids) == 2
    assert len(gracedb.records()) == 3
    wait_until(lambda: all(map(gracedb.is_complete, gracedb.records())), 20, "the events")
    assert gracedb.file(graceids[0], "coinc.xml") == (EXAMPLES / "coinc.xml").read_bytes()


def test_a_stream_ends_at_sigint(command, environment, broker, pipeline, tmp_path):
    program = (
        CONSUMER
        + """
with GraceDbKafkaConsumer(topics=os.environ["PIPELINE"], **options) as consumer:
    for msg in consumer.stream():
        print(msg["value"], flush=True)
print("ended", flush=True)
"""
    )
    process = Process(command(program), env=environment, log_dir=tmp_path)
    try:

        def has_output():
            broker.produce(pipeline, '{"graceid": "G1"}')
            return process.stdout

        process.wait_for(has_output, "a message", 30)
        process.send(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout.startswith("{'graceid': 'G1'}\n")
        assert process.stdout.endswith("ended\n")
        assert process.stderr == ""
    finally:
        process.kill()


def test_a_group_starts_at_the_earliest_message_and_resumes(run, broker, pipeline):
    for number in range(4):
        broker.produce(pipeline, f'{{"number": {number}}}')
    output = run(
        CONSUMER
        + """
for _ in range(2):
    with GraceDbKafkaConsumer(
        topics=os.environ["PIPELINE"],
        group_id="group-of-" + os.environ["PIPELINE"],
        auto_offset_reset="earliest",
        **options,
    ) as consumer:
        for msg in consumer.stream(count=2):
            print(msg["offset"], msg["value"], flush=True)
"""
    )
    assert output.splitlines() == [f"{number} {{'number': {number}}}" for number in range(4)]


def test_poll_returns_messages_one_by_one(run, broker, pipeline):
    for value in ('{"a": 1}', "text", "5", "[true]"):
        broker.produce(pipeline, value)
    output = run(
        CONSUMER
        + """
consumer = GraceDbKafkaConsumer(auto_offset_reset="earliest", **options, **{"enable.auto.commit": False})
consumer.subscribe(os.environ["PIPELINE"])

seen = []
while len(seen) < 4:
    msg = consumer.poll(timeout=1.0)
    if msg is not None:
        seen.append(msg)
assert [set(msg) for msg in seen] == [
    {"topic", "partition", "offset", "key", "value", "timestamp", "headers"}
] * 4
print(*(msg["value"] for msg in seen))
consumer.close()
"""
    )
    assert output == "{'a': 1} text 5 [True]\n"


def test_errors_and_token_functions_match_the_specification(run):
    run("""
from ligo.gracedb.kafka import (
    GraceDbKafkaProducer,
    KafkaAuthenticationError,
    KafkaConnectionError,
    KafkaConsumerError,
    KafkaError,
    KafkaMessageDeliveryError,
    KafkaProducerError,
    KafkaTokenError,
)
from ligo.gracedb.kafka.auth import SciTokenRefreshManager, create_oauth_callback, get_scitoken_for_kafka

assert issubclass(KafkaTokenError, KafkaAuthenticationError)
assert issubclass(KafkaAuthenticationError, KafkaError)
assert issubclass(KafkaMessageDeliveryError, KafkaProducerError)
assert issubclass(KafkaProducerError, KafkaError)
assert issubclass(KafkaConsumerError, KafkaError)
assert issubclass(KafkaConnectionError, KafkaError)

token = get_scitoken_for_kafka("localhost:9092", scope="kafka.produce", audience=None)
assert create_oauth_callback("localhost:9092", scope="kafka.produce", audience=None)("")[0] == token
manager = SciTokenRefreshManager("localhost:9092", scope="kafka.produce", audience=None, refresh_buffer=300)
assert manager.get_token() == token
assert manager.create_callback()("")[0] == token

try:
    GraceDbKafkaProducer(bootstrap_servers="localhost:9092")
except ValueError as error:
    assert "instance_name" in str(error)
else:
    raise AssertionError("neither instance_name nor service_url, and no ValueError")
""")

"""A real Kafka broker (broker/kafka), and clients of it that know nothing of this project."""

import contextlib
import os
import shlex
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import confluent_kafka
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from harness.paths import BUILD, ROOT
from harness.tokens import Issuer
from harness.waiting import wait_until

INSTANCE = "localhost"


def _is_stopped(pid: int) -> bool:
    """Whether the signal has reached every thread."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)


class Broker:
    """One broker in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, *options: str, fast: bool = True) -> None:
        self._run("start", *(["--fast"] if fast else []), *options)

    def stop(self) -> None:
        self._run("stop")

    def kill(self) -> None:
        """SIGKILL: a broker that goes away without a word. Its messages, keys and ports stay."""
        self._run("stop", "--kill")

    def restart(self) -> None:
        self._run("restart")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """While this lasts the broker takes connections but does not answer. Keep it under three seconds."""
        pid = self.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: _is_stopped(pid), 10, "the broker to stand still")
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @property
    def pid(self) -> int:
        return int((self.folder / "kafka.pid").read_text())

    @property
    def env(self) -> dict[str, str]:
        """What a client's environment needs, as the broker wrote it down."""
        lines = (self.folder / "env").read_text().splitlines()
        words = [word for line in lines for word in shlex.split(line) if "=" in word]
        return dict(word.split("=", 1) for word in words)

    @property
    def sasl_ssl(self) -> str:
        return self.env["GRACEDB_KAFKA_BOOTSTRAP_SERVERS"]

    @property
    def sasl_plaintext(self) -> str:
        return self.env["GRACEDB_KAFKA_BOOTSTRAP_SERVERS_SASL_PLAINTEXT"]

    @property
    def plaintext(self) -> str:
        return self.env["GRACEDB_KAFKA_BOOTSTRAP_SERVERS_PLAINTEXT"]

    @property
    def ca_cert(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def log(self) -> str:
        return (self.folder / "kafka.log").read_text(errors="replace")

    @property
    def issuer_dir(self) -> Path:
        """The state of the issuer whose tokens it accepts, for gracedb-sandbox."""
        return self.folder / "issuer"

    @property
    def issuer(self) -> Issuer:
        return Issuer.from_state_dir(self.issuer_dir)

    def token_from_sandbox(self, *options: str) -> str:
        """A token as gracedb-sandbox mints it."""
        return Path(self._run("token", *options).strip()).read_text().strip()

    def create_topic(self, pipeline: str | None = None, partitions: int = 1) -> str:
        """Makes a topic of the instance and returns its pipeline; by default one that nobody else uses."""
        pipeline = pipeline or f"t{uuid.uuid4().hex[:12]}"
        topic = NewTopic(f"{INSTANCE}.{pipeline}", partitions, 1)
        admin = self.admin  # its answers are lost with it
        for created in admin.create_topics([topic]).values():
            created.result(timeout=30)
        return pipeline

    @property
    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.plaintext, "broker.address.family": "v4"})

    @contextlib.contextmanager
    def refusing_messages(self, pipeline: str) -> Iterator[None]:
        """While this lasts the topic takes only messages so small that no event fits into one."""
        self._set_largest_message(pipeline, AlterConfigOpType.SET)
        try:
            yield
        finally:
            self._set_largest_message(pipeline, AlterConfigOpType.DELETE)

    def _set_largest_message(self, pipeline: str, operation: AlterConfigOpType) -> None:
        entry = ConfigEntry("max.message.bytes", "500", incremental_operation=operation)
        topic = ConfigResource(ConfigResource.Type.TOPIC, f"{INSTANCE}.{pipeline}", incremental_configs=[entry])
        admin = self.admin
        for altered in admin.incremental_alter_configs([topic]).values():
            altered.result(timeout=30)

    def produce(
        self,
        pipeline: str,
        value: bytes | str,
        key: str | None = None,
        partition: int = -1,
        headers: list[tuple[str, bytes]] | None = None,
        timestamp: int = 0,
    ) -> None:
        """Puts a message on a topic as the administrator, and waits until it is there."""
        outcome = []
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": self.plaintext, "broker.address.family": "v4", "message.max.bytes": 10485760}
        )
        topic = f"{INSTANCE}.{pipeline}"
        producer.produce(
            topic,
            value,
            key=key,
            partition=partition,
            headers=headers,
            timestamp=timestamp,
            on_delivery=lambda error, _: outcome.append(error),
        )
        producer.flush(20)
        if outcome != [None]:
            raise RuntimeError(f"the message did not reach {topic}: {outcome}")

    def committed(self, group: str, pipeline: str, partition: int = 0) -> int | None:
        """The offset that a group has committed, or None."""
        topic = confluent_kafka.TopicPartition(f"{INSTANCE}.{pipeline}", partition)
        request = confluent_kafka.ConsumerGroupTopicPartitions(group, [topic])
        admin = self.admin
        (answer,) = admin.list_consumer_group_offsets([request]).values()
        offset = answer.result(timeout=30).topic_partitions[0].offset
        return offset if offset >= 0 else None

    def message(self, pipeline: str, offset: int) -> confluent_kafka.Message:
        """The message at an offset of a topic with one partition."""
        return next(message for message in self.messages(pipeline) if message.offset() == offset)

    def messages(self, pipeline: str) -> list[confluent_kafka.Message]:
        """Every message on a topic of the instance, as the administrator sees it, in order of each partition."""
        consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": self.plaintext,
                "broker.address.family": "v4",
                "group.id": f"reader-{uuid.uuid4()}",
                "enable.partition.eof": True,
            }
        )
        try:
            topic = f"{INSTANCE}.{pipeline}"
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            start = confluent_kafka.OFFSET_BEGINNING
            consumer.assign([confluent_kafka.TopicPartition(topic, number, start) for number in partitions])
            found, ended = [], 0
            while ended < len(partitions):
                message = consumer.poll(10)
                if message is None:
                    raise TimeoutError(f"the broker did not answer about {topic}")
                if message.error() is None:
                    found.append(message)
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    ended += 1
                else:
                    raise confluent_kafka.KafkaException(message.error())
            return found
        finally:
            consumer.close()

    def client_config(
        self, token: str | None, *, ssl: bool = True, error_cb: Callable | None = None
    ) -> dict[str, object]:
        """Settings for a confluent-kafka client that logs in with `token`."""
        config = {
            "bootstrap.servers": self.sasl_ssl if ssl else self.sasl_plaintext,
            "broker.address.family": "v4",
            "security.protocol": "SASL_SSL" if ssl else "SASL_PLAINTEXT",
            "sasl.mechanism": "OAUTHBEARER",
            "oauth_cb": lambda _: (token, time.time() + 3600),
        }
        if ssl:
            config["ssl.ca.location"] = str(self.ca_cert)
        if error_cb:
            config["error_cb"] = error_cb
        return config

    def _run(self, command: str, *options: str) -> str:
        done = subprocess.run(
            [ROOT / "broker" / "kafka", command, self.folder, *options],
            env=os.environ | {"GRACEDB_BUILD_DIR": str(BUILD)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(f"broker/kafka {command} failed: {done.stderr}")
        return done.stdout

"""The run itself: events are sent, supervisors complete them, and everything around them fails."""

import base64
import contextlib
import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import confluent_kafka
import requests

from harness.broker import INSTANCE, Broker
from harness.command import run
from harness.messages import content_id, upload_message
from harness.paths import program
from harness.process import Process
from harness.sandbox import Sandbox
from harness.waiting import wait_until
from harness.workshop import Workshop
from soak.plan import FAULTS, Plan
from soak.proxy import Proxy

PIPELINE = "gstlal"
DEAD_LETTERS = "dead-letters"
GROUP = "soak"
_NO_TOKEN = 3  # exit code

Place = tuple[int, int]  # partition and offset


@dataclass
class Sent:
    """What was put on the topic."""

    events: dict[str, bytes] = field(default_factory=dict)  # the file of each graceid
    acknowledged: dict[str, float] = field(default_factory=dict)  # when the broker had it
    poisons: dict[Place, bytes] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)  # of messages that were then sent anew


@dataclass
class Happened:
    kills: int = 0
    restarts: int = 0  # of supervisors
    broker_restarts: int = 0
    cuts: int = 0
    slowdowns: int = 0
    tokens: int = 0
    faults: list[str] = field(default_factory=list)  # what a supervisor should not have done


class Supervisors:
    """Keeps so many running; one that is killed comes back a little later."""

    def __init__(self, workshop: Workshop, env: dict[str, str], plan: Plan, happened: Happened):
        self._workshop = workshop
        self._env = env
        self._happened = happened
        self.spool = workshop.folder / "spool"
        self._lock = threading.Lock()  # two breakdowns may meet
        self._killed: set[int] = set()  # and not back yet
        self.all: list[Process] = []
        self._running: list[Process] = [self._start() for _ in range(plan.supervisors)]

    def kill_one(self, draw: random.Random) -> None:
        wait_until(lambda: any(each.is_running for each in self._running), 30, "a supervisor to kill")
        with self._lock:
            place = draw.choice([place for place, each in enumerate(self._running) if each.is_running])
            victim = self._running[place]
            victim.kill()
            self._killed.add(victim.pid)
            self._happened.kills += 1
        time.sleep(draw.uniform(0, 2))
        with self._lock:
            if self._running[place] is victim:
                self._running[place] = self._start()
                self._happened.restarts += 1

    def restart_those_without_token(self) -> None:
        """What systemd does: one that has found no token at its start (exit code 3) is started again."""
        with self._lock:
            for place, each in enumerate(self._running):
                if each.is_running or each.pid in self._killed:
                    continue
                if each.wait() != _NO_TOKEN:
                    self._happened.faults.append(f"a supervisor ended with {each.wait()}: {each.stderr[-600:]}")
                self._running[place] = self._start()
                self._happened.restarts += 1

    def listed_dead_letters(self) -> list[Place]:
        """The origins that `dead-letters list` shows."""
        command = [program("gracedb-kafka-supervisor"), "dead-letters", "list", "--json"]
        command += ["--dead-letter-topic", DEAD_LETTERS, "--spool-dir", self.spool]
        result = run(command, env=self._workshop.environment | self._env)
        if result.returncode != 0:
            self._happened.faults.append(f"dead-letters list: {result.stderr[-600:]}")
            return []
        return [(line["partition"], line["offset"]) for line in result.lines]

    def stop(self) -> None:
        for each in self._running:
            if (code := each.stop(60)) != 0:
                self._happened.faults.append(f"a supervisor ended with {code}: {each.stderr[-600:]}")

    def _start(self) -> Process:
        options = ("--topic", PIPELINE, "--group-id", GROUP, "--dead-letter-topic", DEAD_LETTERS)
        options += ("--spool-dir", self.spool, "--upload-timeout", "3s", "-X", "session.timeout.ms=6000")
        options += ("-X", "heartbeat.interval.ms=1000", "--listen", "none")
        started = self._workshop.spawn("gracedb-kafka-supervisor", *options, env=self._env)
        self.all.append(started)
        return started


class Tokens:
    """A token file whose tokens live a few seconds; now and then the next one comes too late."""

    def __init__(self, broker: Broker, path: Path, plan: Plan, draw: random.Random, happened: Happened):
        self._broker = broker
        self._path = path
        self._gaps = plan.token_gaps
        self._draw = draw
        self._happened = happened
        self._ended = threading.Event()
        self._write(20)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._write(3600)

    def _run(self) -> None:
        while not self._ended.wait(self._draw.choice(self._gaps)):
            self._write(20)

    def _write(self, lifetime: float) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_text(self._broker.issuer.mint(subject="supervisor", lifetime=lifetime))
        draft.chmod(0o600)
        os.replace(draft, self._path)
        self._happened.tokens += 1


class Sender:
    """Reserves events and puts them on the topic in the course of the run, with poison among them."""

    def __init__(self, gracedb: Sandbox, service_url: str, broker: Broker, plan: Plan, draw: random.Random):
        self.sent = Sent()
        self._gracedb = gracedb
        self._service_url = service_url
        self._plan = plan
        self._draw = draw
        self._session = requests.Session()
        self._refused: list[tuple] = []  # what _produce() was called with
        self._producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": broker.plaintext,
                "broker.address.family": "v4",
                "enable.idempotence": True,
                "max.in.flight": 1,  # or it takes a first request that the broker refused for delivered
                "message.timeout.ms": 0,
                "message.max.bytes": 10485760,
                "logger": _silent(),
            }
        )

    def run(self, give_up: threading.Event) -> None:
        total = self._plan.events + self._plan.poisons
        poisons = set(self._draw.sample(range(total), self._plan.poisons))
        begin = time.monotonic()
        for number in range(total):
            due = begin + self._plan.seconds * number / total
            if give_up.wait(max(0.0, due - time.monotonic())):
                break
            if number in poisons:
                self._send_poison(number)
            else:
                self._send_event(number)
            self._producer.poll(0)
            self._send_refused()
        while (left := self._producer.flush(120)) == 0 and self._refused:
            self._send_refused()
        if left:
            raise RuntimeError(f"the broker did not take {left} messages")

    def _send_event(self, number: int) -> None:
        contents = b"event %d " % number + self._draw.randbytes(self._draw.choice([10, 2_000, 14_000, 60_000]))
        graceid = self._reserve(contents)
        value = upload_message(
            self._service_url, graceid, contents, content_id=content_id(contents), eventFile=_file(contents)
        )

        def acknowledged(_: object) -> None:
            self.sent.acknowledged[graceid] = time.time()

        self.sent.events[graceid] = contents
        self._produce(value, graceid, number, acknowledged)

    def _send_poison(self, number: int) -> None:
        contents = b"poison %d" % number
        kinds: list[Callable[[], str | bytes]] = [
            lambda: b"not JSON \xff %d" % number,
            lambda: upload_message("https://gracedb.example.org/api/", "G1", contents),
            lambda: upload_message(self._service_url, "G1", contents, eventFile=["a", f"%{number}%"]),
            lambda: upload_message(self._service_url, "G1", contents, content_id=content_id(b"other")),
            lambda: upload_message(self._service_url, "G987654321", contents),
            lambda: upload_message(self._service_url, f"../{number}", contents),
        ]
        value = self._draw.choice(kinds)()
        value = value.encode() if isinstance(value, str) else value

        def acknowledged(message: confluent_kafka.Message) -> None:
            self.sent.poisons[(message.partition(), message.offset())] = value

        self._produce(value, "poison", number, acknowledged)

    def _reserve(self, contents: bytes) -> str:
        form = {"group": "Test", "pipeline": PIPELINE, "content_id": content_id(contents)}
        headers = {"Authorization": f"Bearer {self._gracedb.token_file.read_text().strip()}"}
        url = self._gracedb.service_url + "v2/events/reserve/"
        answer = self._session.post(url, data=form, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()["graceid"]

    def _send_refused(self) -> None:
        """A broker that is going down refuses a message now and then; a pipeline that is told so tries again."""
        refused, self._refused = self._refused, []
        for each in refused:
            self._produce(*each)

    def _produce(self, value: str | bytes, key: str, number: int, acknowledged: Callable) -> None:
        partition = number % self._plan.partitions
        topic = f"{INSTANCE}.{PIPELINE}"

        def reported(error: confluent_kafka.KafkaError | None, message: confluent_kafka.Message) -> None:
            if error is None:
                acknowledged(message)
            else:
                self.sent.refusals.append(str(error))
                self._refused.append((value, key, number, acknowledged))

        while True:
            with contextlib.suppress(BufferError):
                self._producer.produce(topic, value, key=key, partition=partition, on_delivery=reported)
                return
            self._producer.poll(0.1)


class Night:
    """Everything that takes part, from its start to its end."""

    def __init__(self, folder: Path, plan: Plan):
        self.plan = plan
        self.happened = Happened()
        self.workshop = Workshop(folder)
        self.broker = Broker(folder / "broker")
        self.broker.folder.mkdir()
        self._draw = random.Random(plan.seed)
        self._proxies: list[Proxy] = []
        self.sent = Sent()

    def __enter__(self) -> "Night":
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        try:
            self.workshop.close()
        finally:
            self.broker.kill()
            for proxy in self._proxies:
                proxy.close()

    def _set_up(self) -> None:
        self.broker.start("--topic", DEAD_LETTERS, "--partitions", str(self.plan.partitions))
        self.broker.stop()
        kafka = self._advertise_proxy()
        self.broker.start()
        self.gracedb = self.workshop.sandbox("--no-fsync", "--seed", self.plan.seed, issuer=self.broker)
        http = self._proxy(int(self.gracedb.service_url.split(":")[2].split("/")[0]))
        self.service_url = f"http://localhost:{http.port}/api/"
        self.token_file = self.workshop.folder / "token"
        self.env = {
            "GRACEDB_SERVICE_URL": self.service_url,
            "GRACEDB_KAFKA_BOOTSTRAP_SERVERS": f"localhost:{kafka.port}",
            "GRACEDB_KAFKA_CA_CERT": str(self.broker.ca_cert),
            "BEARER_TOKEN_FILE": str(self.token_file),
        }

    def _advertise_proxy(self) -> Proxy:
        """Clients that log in are told to come through a proxy; administrators go straight to the broker."""
        port = int(self.broker.sasl_ssl.split(":")[1])
        proxy = self._proxy(port)
        path = self.broker.folder / "server.properties"
        advertised = re.sub(
            rf"^(advertised\.listeners=.*SASL_SSL://localhost:){port}", rf"\g<1>{proxy.port}", path.read_text(), flags=re.M
        )
        path.write_text(advertised)
        return proxy

    def _proxy(self, port: int) -> Proxy:
        self._proxies.append(Proxy(port))
        return self._proxies[-1]

    def run(self) -> None:
        tokens = Tokens(self.broker, self.token_file, self.plan, random.Random(self._draw.random()), self.happened)
        self.supervisors = Supervisors(self.workshop, self.env, self.plan, self.happened)
        sender = Sender(self.gracedb, self.service_url, self.broker, self.plan, random.Random(self._draw.random()))
        self.sent = sender.sent
        self.gracedb.set_faults(*FAULTS)
        give_up = threading.Event()
        sending = threading.Thread(target=sender.run, args=(give_up,))
        sending.start()
        try:
            self._let_things_fail()
        except BaseException:
            give_up.set()
            raise
        finally:
            sending.join()
            tokens.end()
            for proxy in self._proxies:
                proxy.mend()
        self._wait_for_the_rest()
        self.supervisors.stop()

    def _let_things_fail(self) -> None:
        """All of it at random times, each so often as planned; breakdowns may meet."""
        plan, draw = self.plan, self._draw
        deeds: list[tuple[float, Callable[[], None]]] = []
        for count, deed in (
            (plan.kills, self._kill),
            (plan.broker_restarts, self._restart_broker),
            (plan.cuts, self._cut),
            (plan.slowdowns, self._slow),
        ):
            # Spread over the run, at a random moment of each share of it.
            share = plan.seconds * 0.9 / max(count, 1)
            deeds += [((number + draw.random()) * share, deed) for number in range(count)]
        begin = time.monotonic()
        busy = []
        for when, deed in sorted(deeds, key=lambda each: each[0]):
            while (left := begin + when - time.monotonic()) > 0:
                self.supervisors.restart_those_without_token()
                time.sleep(min(left, 1))
            worker = threading.Thread(target=self._noting_failure(deed))
            worker.start()
            busy.append(worker)
        for worker in busy:
            worker.join()

    def _noting_failure(self, deed: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                deed()
            except Exception as failure:  # it must not go unnoticed on a thread
                self.happened.faults.append(f"{deed.__name__}: {failure}")

        return run

    def _kill(self) -> None:
        self.supervisors.kill_one(self._draw)

    def _restart_broker(self) -> None:
        if self.happened.broker_restarts % 2 == 0:
            self.broker.stop()
        else:
            self.broker.kill()
        time.sleep(self._draw.uniform(1, 5))
        self.broker.start()
        self.happened.broker_restarts += 1

    def _cut(self) -> None:
        proxy = self._draw.choice(self._proxies)
        proxy.cut()
        time.sleep(self._draw.uniform(1, 5))
        proxy.mend()
        self.happened.cuts += 1

    def _slow(self) -> None:
        proxy = self._draw.choice(self._proxies)
        proxy.slow(self._draw.uniform(0.02, 0.2))
        time.sleep(self._draw.uniform(1, 5))
        proxy.mend()
        self.happened.slowdowns += 1

    def _wait_for_the_rest(self) -> None:
        def is_done() -> bool:
            self.supervisors.restart_those_without_token()
            try:
                return self.lag() == 0
            except confluent_kafka.KafkaException:  # a broker that has just started
                return False

        with contextlib.suppress(TimeoutError):  # the audit says what is missing
            wait_until(is_done, self.plan.patience, "the lag to be zero")

    def lag(self) -> int:
        """How many messages the group has not committed."""
        topic = f"{INSTANCE}.{PIPELINE}"
        consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": self.broker.plaintext, "broker.address.family": "v4", "group.id": GROUP}
        )
        try:
            partitions = [confluent_kafka.TopicPartition(topic, number) for number in range(self.plan.partitions)]
            lag = 0
            for each in consumer.committed(partitions, timeout=20):
                first, end = consumer.get_watermark_offsets(each, timeout=20)
                lag += end - max(each.offset, first)
            return lag
        finally:
            consumer.close()


def _file(contents: bytes) -> list[str]:
    return ["event.dat", base64.b64encode(contents).decode()]


def _silent() -> logging.Logger:
    logger = logging.getLogger("soak.sender")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return logger

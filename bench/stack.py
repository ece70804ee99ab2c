"""The broker and the GraceDB that the measured programs talk to, and the programs as processes."""

import contextlib
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.broker import Broker
from harness.environment import clean_environment
from harness.paths import REFERENCE_EVENTS, program
from harness.process import Process

REFERENCE = Path(__file__).with_name("reference.py")
COMMANDS: dict[str, list[object]] = {
    "ours": [program("bench-ours")],
    "ours in Python": [sys.executable, "-m", "gracedb_kafka", REFERENCE],
    "baseline": [program("bench-baseline")],
    "reference": [sys.executable, REFERENCE],
}
UPLOAD = [program("gracedb-kafka"), "upload", "CBC", "gstlal", "--search", "AllSky"]


@dataclass
class Stack:
    folder: Path
    env: dict[str, str]  # what a client needs

    def file(self, reference_name: str, name: str) -> str:
        """Copies an event file of the reference's own tests."""
        return str(shutil.copy(REFERENCE_EVENTS / reference_name, self.folder / name))

    @property
    def coinc(self) -> str:
        return self.file("cbc-lm.xml", "coinc.xml")

    @property
    def messages(self) -> str:
        """A file of 2,000 JSON objects of about 500 bytes, one per line."""
        path, source = self.folder / "messages.jsonl", random.Random(1)
        value = {"type": "status", "pipeline": "gstlal"}
        values = (value | {"number": number, "comment": source.randbytes(214).hex()} for number in range(2_000))
        path.write_text("".join(json.dumps(each) + "\n" for each in values))
        return str(path)

    def start(self, name: str, command: list[object]) -> subprocess.Popen[str]:
        pipe, words = subprocess.PIPE, [str(word) for word in command]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(words, env=self.env, stdin=pipe, stdout=pipe, stderr=log, text=True)

    @contextlib.contextmanager
    def drivers(self, *names: str) -> Iterator[dict[str, "Driver"]]:
        """Starts these programs and connects them."""
        running = {name: Driver(name, self.start(name, COMMANDS[name])) for name in names}
        try:
            for driver in running.values():
                driver.ask("open")
            yield running
        finally:
            for driver in running.values():
                driver.process.kill()
                driver.process.communicate()

    def seconds_to_first_line(self, name: str, command: list[object]) -> float:
        """Runs a command; returns the time from its start to its first line of output."""
        start = time.perf_counter()
        process = self.start(name, command)
        assert process.stdout
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
        process.communicate(timeout=30)
        if not line or process.returncode:
            raise RuntimeError(f"{name}: {command[0]} exited with {process.returncode}")
        return seconds


@dataclass
class Driver:
    """A measured program that executes commands."""

    name: str
    process: subprocess.Popen[str]

    def ask(self, do: str, **arguments: object) -> list[float]:
        """Returns the seconds that the work took."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"exit code {self.process.wait()}"}
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {do} failed: {answer['error']}")
        return list(answer["seconds"])

    def cost(self, do: str, count: int, **arguments: object) -> list[float]:
        """Returns seconds per event or message: one sample for each, or one for all of them together."""
        seconds = self.ask(do, count=count, **arguments)
        return [each * len(seconds) / count for each in seconds]

    def resident_mebibytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextlib.contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Starts a broker and a GraceDB in `folder` and stops them at the end."""
    with contextlib.ExitStack() as cleanup:
        broker = Broker(folder / "broker")
        broker.folder.mkdir()
        cleanup.callback(broker.kill)
        broker.start("--topic", "bench", fast=False)

        state, certificate, env = folder / "gracedb", broker.folder / "server.pem", clean_environment(folder / "home")
        state.mkdir()
        shutil.copy(broker.issuer_dir / "signing-key.pem", state)
        command = [program("gracedb-sandbox"), "--json", "--no-fsync", "--state-dir", state, "--token-lifetime", "12h"]
        command += ["--token-subject", "pipeline", "--tls-cert", certificate, "--tls-key", certificate]
        gracedb = Process(command, env=env, log_dir=folder / "gracedb-log")
        cleanup.callback(gracedb.stop)
        ready = gracedb.wait_for_json()

        env |= {
            "GRACEDB_SERVICE_URL": ready["service_url"].replace("127.0.0.1", "localhost"),
            "GRACEDB_KAFKA_BOOTSTRAP_SERVERS": broker.sasl_ssl,
            "BEARER_TOKEN_FILE": ready["token_file"],
            "BENCH_ISSUER_DIR": str(broker.issuer_dir),
        }
        trusting = ("GRACEDB_KAFKA_CA_CERT", "GRACEDB_KAFKA_GRACEDB_CA_CERT", "REQUESTS_CA_BUNDLE")
        yield Stack(folder, env | dict.fromkeys(trusting, str(broker.ca_cert)))

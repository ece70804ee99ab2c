"""The examples do what they say."""

import subprocess
import sys

from harness.command import run
from harness.paths import BUILD, EXAMPLES
from harness.waiting import wait_until


def test_coinc_file_is_what_its_script_writes(tmp_path):
    written = tmp_path / "coinc.xml"

    subprocess.run([sys.executable, EXAMPLES / "make_coinc.py", written], check=True, timeout=60)

    assert written.read_bytes() == (EXAMPLES / "coinc.xml").read_bytes()


def test_program_with_the_installed_library_submits_an_event(kafka_stack, broker, environment, tmp_path):
    installed, build = tmp_path / "installed", tmp_path / "build"
    for command in (
        ["cmake", "--install", BUILD, "--prefix", installed],
        ["cmake", "-G", "Ninja", "-S", EXAMPLES, "-B", build, f"-DCMAKE_PREFIX_PATH={installed}"],
        ["cmake", "--build", build],
    ):
        done = run(command, env=environment, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    submitted = run(
        [
            build / "submit",
            kafka_stack.sandbox.service_url,
            broker.sasl_ssl,
            EXAMPLES / "coinc.xml",
            broker.ca_cert,
        ],
        env=environment | {"BEARER_TOKEN_FILE": str(kafka_stack.sandbox.token_file)},
    )

    assert submitted.returncode == 0, submitted.stderr
    graceid = submitted.stdout.strip()
    contents = wait_until(lambda: kafka_stack.sandbox.file(graceid, "coinc.xml"), 20, "the file in GraceDB")
    assert contents == (EXAMPLES / "coinc.xml").read_bytes()

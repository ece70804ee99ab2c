"""The installed tree: other projects build with it, by CMake and by pkg-config, and systemd accepts its unit."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from harness.command import run
from harness.paths import BUILD, EXAMPLES, ROOT
from harness.waiting import wait_until

UNIT = "lib/systemd/system/gracedb-kafka-supervisor.service"

# The first test builds the shared libraries.
pytestmark = pytest.mark.timeout(600)


def must_run(*command: object, env: dict[str, str] | None = None) -> str:
    """Runs a build command and returns its output; fails with the output."""
    done = subprocess.run([str(word) for word in command], env=env, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def static_tree(tmp_path_factory) -> Path:
    """The release build, installed into a temporary prefix."""
    prefix = tmp_path_factory.mktemp("static")
    must_run("cmake", "--install", BUILD, "--prefix", prefix)
    return prefix


@pytest.fixture(scope="module")
def shared_tree(tmp_path_factory) -> Path:
    """The libraries alone, built with BUILD_SHARED_LIBS."""
    prefix = tmp_path_factory.mktemp("shared")
    must_run("cmake", "--preset", "shared", "-S", ROOT)
    must_run("nice", "cmake", "--build", ROOT / "build-shared", "--parallel", os.cpu_count())
    must_run("cmake", "--install", ROOT / "build-shared", "--prefix", prefix)
    return prefix


@pytest.fixture(params=["static", "shared"])
def tree(request) -> Path:
    return request.getfixturevalue(f"{request.param}_tree")


def build_by_cmake(tree: Path, folder: Path, environment: dict[str, str]) -> Path:
    must_run("cmake", "-G", "Ninja", "-S", EXAMPLES, "-B", folder, f"-DCMAKE_PREFIX_PATH={tree}", env=environment)
    must_run("cmake", "--build", folder, env=environment)
    return folder / "submit"


def build_by_pkg_config(tree: Path, folder: Path, environment: dict[str, str]) -> Path:
    static = [] if list(tree.glob("lib/libgracedb_*.so")) else ["--static"]
    environment = environment | {"PKG_CONFIG_PATH": str(tree / "lib/pkgconfig")}
    flags = must_run("pkg-config", "--cflags", "--libs", *static, "gracedb-kafka", env=environment)
    folder.mkdir()
    program = folder / "submit"
    must_run("c++", "-std=c++20", EXAMPLES / "submit.cpp", *shlex.split(flags), "-o", program, env=environment)
    return program


@pytest.mark.parametrize("build", [build_by_cmake, build_by_pkg_config], ids=["cmake", "pkg-config"])
def test_example_builds_with_the_installed_library_and_submits_an_event(
    build, tree, kafka_stack, broker, environment, tmp_path
):
    program = build(tree, tmp_path / "build", environment)

    submitted = run(
        [program, kafka_stack.sandbox.service_url, broker.sasl_ssl, EXAMPLES / "coinc.xml", broker.ca_cert],
        env=environment
        | {"BEARER_TOKEN_FILE": str(kafka_stack.sandbox.token_file), "LD_LIBRARY_PATH": str(tree / "lib")},
    )

    assert submitted.returncode == 0, submitted.stderr
    graceid = submitted.stdout.strip()
    contents = wait_until(lambda: kafka_stack.sandbox.file(graceid, "coinc.xml"), 20, "the file in GraceDB")
    assert contents == (EXAMPLES / "coinc.xml").read_bytes()


def test_systemd_accepts_the_installed_unit(static_tree, environment, tmp_path):
    # systemd-analyze reports a program that does not exist, so the unit must name the installed one.
    unit = tmp_path / "gracedb-kafka-supervisor.service"
    unit.write_text((static_tree / UNIT).read_text())

    verified = run(["systemd-analyze", "verify", "--man=no", unit], env=environment)

    assert verified.returncode == 0, verified.stderr
    assert "gracedb-kafka-supervisor" not in verified.stderr


def test_unit_starts_the_program_of_its_prefix(static_tree):
    (start,) = re.findall(r"^ExecStart=(\S+)", (static_tree / UNIT).read_text(), re.MULTILINE)

    assert Path(start) == static_tree / "bin/gracedb-kafka-supervisor"
    assert os.access(start, os.X_OK)

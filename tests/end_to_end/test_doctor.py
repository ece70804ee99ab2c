"""doctor reports the first step that fails, with a remedy, and writes no message."""

import pytest

from harness.stack import client_environment

STEPS = ["DNS", "TCP", "TLS", "token", "SASL", "topic", "GraceDB"]


@pytest.fixture
def env(gracedb, broker) -> dict[str, str]:
    return client_environment(gracedb, broker)


def examine(run_cli, env, *options: object):
    """Runs doctor; returns the state of each step, and the result of the command."""
    done = run_cli("doctor", "--json", "--timeout", "3s", *options, env=env)
    return {line["step"]: line["state"] for line in done.lines}, done


def failed_step(states: dict[str, str]) -> str:
    return next(step for step, state in states.items() if state == "failed")


def test_every_step_is_ok(run_cli, env, broker):
    before = len(broker.messages("gstlal"))

    states, done = examine(run_cli, env, "-t", "gstlal")

    assert (done.returncode, done.stderr) == (0, "")
    assert states == dict.fromkeys(STEPS, "ok")
    assert all(line["seconds"] >= 0 for line in done.lines)
    assert len(broker.messages("gstlal")) == before, "doctor wrote a message"


def test_text_has_a_line_for_each_step(run_cli, env):
    done = run_cli("doctor", env=env)

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == STEPS


def test_unknown_host(run_cli, env):
    states, done = examine(run_cli, env, "-b", "kafka.invalid:9092")

    assert (failed_step(states), done.returncode) == ("DNS", 4)
    assert "kafka.invalid" in done.stderr


def test_wrong_port(run_cli, env, unused_port):
    states, done = examine(run_cli, env, "-b", f"localhost:{unused_port}")

    assert (failed_step(states), done.returncode) == ("TCP", 4)
    assert (states["TLS"], states["SASL"], states["topic"]) == ("skipped", "skipped", "skipped")
    assert (states["token"], states["GraceDB"]) == ("ok", "ok")


def test_port_without_tls(run_cli, env, broker):
    with_login, first = examine(run_cli, env, "-b", broker.sasl_plaintext)
    without_login, second = examine(run_cli, env, "-b", broker.plaintext)

    assert (failed_step(with_login), first.returncode) == ("TLS", 4)
    assert "--no-ssl" in first.stderr
    assert (failed_step(without_login), second.returncode) == ("TLS", 4)
    assert "--plaintext" in second.stderr


def test_no_ssl_on_a_tls_port(run_cli, env):
    states, done = examine(run_cli, env, "--no-ssl")

    assert (failed_step(states), done.returncode) == ("listener", 4)
    assert "--no-ssl" in done.stderr


def test_no_ssl_on_a_port_without_tls(run_cli, env, broker):
    states, done = examine(run_cli, env, "--no-ssl", "-b", broker.sasl_plaintext)

    assert done.returncode == 0, done.stderr
    assert set(states.values()) == {"ok"}


def test_unknown_certificate_authority(run_cli, env):
    without_ca = {name: value for name, value in env.items() if name != "GRACEDB_KAFKA_CA_CERT"}

    states, done = examine(run_cli, without_ca)

    assert (failed_step(states), done.returncode) == ("TLS", 4)
    assert "--ca-cert" in done.stderr
    assert "gracedb-kafka test authority" in done.stderr


def test_no_token(run_cli, env):
    without_token = {name: value for name, value in env.items() if name != "BEARER_TOKEN_FILE"}

    states, done = examine(run_cli, without_token)

    assert (failed_step(states), done.returncode) == ("token", 3)
    assert states["SASL"] == "skipped"
    assert "htgettoken" in done.stderr


def test_token_rejected_by_the_broker(run_cli, env, gracedb, tmp_path):
    token = tmp_path / "token"
    token.write_text(gracedb.issuer.impostor().mint())
    token.chmod(0o600)

    states, done = examine(run_cli, env | {"BEARER_TOKEN_FILE": str(token)})

    assert (failed_step(states), done.returncode) == ("SASL", 3)
    assert (states["token"], states["GraceDB"]) == ("ok", "failed")


def test_token_without_scope_is_a_warning(run_cli, env, gracedb, tmp_path):
    token = tmp_path / "token"
    token.write_text(gracedb.issuer.mint(scope="gracedb.read"))
    token.chmod(0o600)

    states, done = examine(run_cli, env | {"BEARER_TOKEN_FILE": str(token)})

    assert states["token"] == "warning"
    assert any("kafka.produce" in line["detail"] for line in done.lines)


@pytest.mark.parametrize("topic", ["missing", "forbidden"])
def test_missing_or_forbidden_topic(run_cli, env, topic):
    states, done = examine(run_cli, env, "-t", topic)

    assert (failed_step(states), done.returncode) == ("topic", 5)
    assert topic in done.stderr


def test_gracedb_down(run_cli, env, unused_port):
    states, done = examine(run_cli, env, "-s", f"http://localhost:{unused_port}/api/")

    assert (failed_step(states), done.returncode) == ("GraceDB", 4)
    assert states["topic"] == "ok"


def test_gracedb_answers_503(run_cli, env, gracedb):
    gracedb.set_faults("503")
    states, done = examine(run_cli, env)
    gracedb.set_faults()

    assert (failed_step(states), done.returncode) == ("GraceDB", 4)


def test_without_service_url_gracedb_is_skipped(run_cli, env):
    without_url = {name: value for name, value in env.items() if name != "GRACEDB_SERVICE_URL"}

    states, done = examine(run_cli, without_url, "--instance-name", "localhost")

    assert done.returncode == 0, done.stderr
    assert states["GraceDB"] == "skipped"


def test_failure_is_one_line_on_standard_error(run_cli, env, unused_port):
    done = run_cli("doctor", "-b", f"localhost:{unused_port}", env=env)

    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("gracedb-kafka: TCP failed: ")

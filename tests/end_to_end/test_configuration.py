"""Sources of settings: command line, environment, configuration file."""

from pathlib import Path

import pytest

from harness.waiting import wait_until

WRONG = "localhost:1"


@pytest.fixture
def config(environment):
    """Writes the default configuration file."""

    def write(text: str):
        path = Path(environment["XDG_CONFIG_HOME"]) / "gracedb-kafka" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def token_env(broker) -> dict[str, str]:
    return {"BEARER_TOKEN_FILE": broker.env["BEARER_TOKEN_FILE"]}


def settings(broker, servers: str | None = None) -> str:
    return f"""
bootstrap_servers = "{servers or broker.sasl_ssl}"
instance_name = "localhost"
ca_cert = "{broker.ca_cert}"
[properties]
"linger.ms" = 1
"""


def test_file_alone_configures_a_command(run_cli, broker, config, token_env):
    config(settings(broker))

    done = run_cli("ping", env=token_env)

    assert (done.returncode, done.stderr) == (0, "")


def test_command_line_overrides_environment_and_environment_overrides_file(run_cli, broker, config, token_env):
    config(settings(broker, servers=WRONG))
    wrong = token_env | {"GRACEDB_KAFKA_BOOTSTRAP_SERVERS": WRONG}
    right = token_env | {"GRACEDB_KAFKA_BOOTSTRAP_SERVERS": broker.sasl_ssl}

    from_file = run_cli("ping", "--timeout", "1s", env=token_env)
    from_environment = run_cli("ping", env=right)
    from_flag = run_cli("ping", "-b", broker.sasl_ssl, env=wrong)

    assert from_file.returncode == 4 and WRONG in from_file.stderr
    assert from_environment.returncode == 0, from_environment.stderr
    assert from_flag.returncode == 0, from_flag.stderr


def test_config_option_and_variable_select_the_file(run_cli, broker, config, token_env, tmp_path):
    config("bootstrap_servers = 5")
    chosen = tmp_path / "chosen.toml"
    chosen.write_text(settings(broker))

    by_flag = run_cli("ping", "--config", chosen, env=token_env)
    by_environment = run_cli("ping", env=token_env | {"GRACEDB_KAFKA_CONFIG": str(chosen)})

    assert [by_flag.returncode, by_environment.returncode] == [0, 0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('bootstrap_server = "localhost:1"', ["config.toml:1", "bootstrap_server", "bootstrap_servers"]),
        ("bootstrap_servers = 5", ["config.toml:1", "a string"]),
        ('\nplaintext = "no"', ["config.toml:2", "true or false"]),
        ("this is no TOML", ["config.toml:1"]),
    ],
    ids=["unknown key", "number", "text for a flag", "not TOML"],
)
def test_error_in_the_file_has_its_location(run_cli, config, text, words):
    config(text)

    done = run_cli("ping", "-b", WRONG, "--instance-name", "localhost")

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr


def test_error_in_the_environment_names_the_variable(run_cli):
    done = run_cli("ping", "-b", WRONG, "--instance-name", "localhost", env={"GRACEDB_KAFKA_PLAINTEXT": "perhaps"})

    assert done.returncode == 2
    assert "$GRACEDB_KAFKA_PLAINTEXT" in done.stderr


def test_command_and_supervisor_share_one_file(workshop, broker, config, token_env, tmp_path):
    topic = broker.create_topic()
    gracedb = workshop.sandbox(broker=broker)
    ready = tmp_path / "ready"
    config(
        settings(broker).replace('instance_name = "localhost"', f'service_url = "{gracedb.service_url}"')
        + f"""
[supervisor]
topics = ["{topic}"]
spool_dir = "{tmp_path / "spool"}"
ready_file = "{ready}"
"""
    )

    running = workshop.spawn("gracedb-kafka-supervisor", env=token_env)

    running.wait_for(ready.exists, "the ready file")
    assert workshop.run_cli("ping", "-t", topic, env=token_env).returncode == 0
    wait_until(lambda: "ignored" in running.stderr, 10, "the ping")

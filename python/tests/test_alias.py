"""The alias ligo.gracedb, with and without the reference client installed."""

import importlib.util
from pathlib import Path

import pytest

import gracedb_kafka

INSTALL = "import gracedb_kafka\ngracedb_kafka.install_as_ligo_gracedb()\n"


@pytest.fixture(params=["reference installed", "reference not installed"])
def run(request, run_python, tmp_path):
    """Runs code with or without the reference client installed."""
    if request.param == "reference installed":
        assert importlib.util.find_spec("ligo.gracedb")
        return run_python
    (tmp_path / "gracedb_kafka").symlink_to(Path(gracedb_kafka.__file__).parent)
    path = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
    return lambda code, *options, **arguments: run_python(path + code, "-S", "-I", *options, **arguments)


def test_the_alias_provides_the_specified_names(run):
    done = run(
        INSTALL
        + """
from ligo.gracedb.kafka import (
    GraceDbKafkaConsumer, GraceDbKafkaProducer, KafkaAuthenticationError, KafkaConnectionError,
    KafkaConsumerError, KafkaError, KafkaMessageDeliveryError, KafkaProducerError, KafkaTokenError,
    derive_instance_name, make_topic_name, parse_topic_name,
)
from ligo.gracedb.rest import GraceDb, HTTPError
from ligo.gracedb.exceptions import HTTPError as SameError
from ligo.gracedb.kafka.producer import GraceDbKafkaProducer as SameProducer
from ligo.gracedb.kafka.consumer import GraceDbKafkaConsumer as SameConsumer
from ligo.gracedb.kafka.auth import SciTokenRefreshManager, create_oauth_callback, get_scitoken_for_kafka
from ligo.gracedb.kafka.exceptions import KafkaError as SameKafkaError
from ligo.gracedb.kafka.schema import validate_message
import ligo.gracedb.kafka.utils
import ligo.gracedb.rest as rest
import gracedb_kafka.kafka.producer, gracedb_kafka.rest

assert SameProducer is GraceDbKafkaProducer is gracedb_kafka.kafka.producer.GraceDbKafkaProducer
assert SameConsumer is GraceDbKafkaConsumer and SameKafkaError is KafkaError and SameError is HTTPError
assert rest is gracedb_kafka.rest and rest.GraceDb is GraceDb
assert ligo.gracedb.kafka.utils.make_topic_name is make_topic_name
print(GraceDb.__module__, SciTokenRefreshManager.__module__)
"""
    )
    assert done.stdout == "gracedb_kafka.rest gracedb_kafka.kafka.auth\n"
    assert done.stderr == ""


def test_a_second_install_does_nothing(run):
    run(
        INSTALL
        + "from ligo.gracedb.rest import GraceDb as first\n"
        + INSTALL
        + "from ligo.gracedb.rest import GraceDb as second\nassert first is second"
    )


def test_python_m_runs_an_unchanged_program(run, tmp_path):
    (tmp_path / "helper.py").write_text("value = 5\n")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, helper\nfrom ligo.gracedb.rest import GraceDb\n"
        "print(__name__, GraceDb.__module__, sys.argv[1:])\n"
    )
    done = run(
        f"import runpy, sys\nsys.argv[:] = ['x', {str(program)!r}, 'one', 'two']\n"
        "runpy.run_module('gracedb_kafka', run_name='__main__')"
    )
    assert done.stdout == "__main__ gracedb_kafka.rest ['one', 'two']\n"


def test_missing_modules_and_names_come_from_the_reference(run_python):
    done = run_python(
        INSTALL
        + """
import ligo.gracedb.cert, ligo.gracedb.utils, ligo.gracedb.rest, ligo.gracedb
print(ligo.gracedb.utils.__file__.endswith("ligo/gracedb/utils.py"))
print(ligo.gracedb.rest.DEFAULT_RETRY_CODES)
from ligo.gracedb.cli.client import GraceDb as used_by_the_command
print(used_by_the_command.__mro__[1].__module__.startswith("gracedb_kafka"), used_by_the_command.__module__)
"""
    )
    assert done.stdout.splitlines()[0] == "True"
    assert "502" in done.stdout.splitlines()[1]


def test_missing_methods_come_from_the_reference(run_python, gracedb):
    done = run_python(
        INSTALL
        + """
from ligo.gracedb.rest import GraceDb
client = GraceDb(os.environ["SERVICE_URL"])
graceid = client.create_event("Test", "gstlal", "a.xml", filecontents="<a/>").json()["graceid"]
print(client.templates is not None, client.superevent.__self__.__class__.__module__)
try:
    client.no_such_method
except AttributeError as error:
    print(error)
""",
        env={"SERVICE_URL": gracedb.service_url},
    )
    assert done.stdout == "True ligo.gracedb.rest\nGraceDb has no 'no_such_method'\n"


def test_without_the_reference_the_error_names_the_missing_part(run_python, tmp_path):
    (tmp_path / "gracedb_kafka").symlink_to(Path(gracedb_kafka.__file__).parent)
    done = run_python(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
        + INSTALL
        + """
from ligo.gracedb.rest import GraceDb
try:
    GraceDb("https://a.org/api/", force_noauth=True).superevents
except AttributeError as error:
    print(error)
for name in ("cli", "kafka.more"):
    try:
        __import__("ligo.gracedb." + name)
    except ModuleNotFoundError as error:
        print(error)
try:
    from ligo.gracedb.rest import DEFAULT_RETRY_CODES
except ImportError as error:
    print("cannot import" in str(error))
""",
        "-S",
        "-I",
    )
    assert done.stdout.splitlines() == [
        "GraceDb has no 'superevents'; install ligo-gracedb, which may have it",
        "No module named 'ligo.gracedb.cli'",
        "No module named 'ligo.gracedb.kafka.more'",
        "True",
    ]


def test_install_replaces_modules_that_were_imported_before(run_python):
    run_python(
        "import ligo.gracedb.rest, ligo.gracedb.kafka\nprevious = ligo.gracedb.rest.GraceDb\n"
        + INSTALL
        + "from ligo.gracedb.rest import GraceDb\n"
        "from ligo.gracedb.kafka.producer import GraceDbKafkaProducer\n"
        "assert GraceDb is not previous and GraceDb.__module__ == 'gracedb_kafka.rest'\n"
        "assert ligo.gracedb.rest.GraceDb is GraceDb\n"
        "assert GraceDbKafkaProducer.__module__ == 'gracedb_kafka.kafka.producer'"
    )

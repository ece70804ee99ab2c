"""The public interface of the package: names, signatures, documentation, import time."""

import ast
import doctest
import importlib
import importlib.metadata
import inspect
import pydoc
from pathlib import Path

import pytest

import gracedb_kafka
from gracedb_kafka import _core, kafka
from gracedb_kafka.kafka import exceptions, utils
from gracedb_kafka.kafka.auth import SciTokenRefreshManager, create_oauth_callback, get_scitoken_for_kafka
from gracedb_kafka.kafka.consumer import GraceDbKafkaConsumer
from gracedb_kafka.kafka.producer import GraceDbKafkaProducer
from gracedb_kafka.rest import GraceDb
from harness.paths import ROOT

SPECIFIED = {
    GraceDbKafkaProducer: "(bootstrap_servers, topic=None, instance_name=None, service_url=None, "
    "use_ssl=True, ca_cert_path=None, skip_hostname_verification=False, token_scope='kafka.produce', "
    "token_audience=None, "
    "reload_cred=True, reload_buffer=300, flush_timeout=10, guaranteed_delivery=True, "
    "auto_refresh_token=None, *, validate_token=True, check_for_topics=True, **kafka_config)",
    GraceDbKafkaProducer.produce: "(self, value, topic=None, key=None, headers=None, partition=None, "
    "on_delivery=None)",
    GraceDbKafkaProducer.flush: "(self, timeout=-1, strict=False)",
    GraceDbKafkaProducer.close: "(self, timeout=30)",
    GraceDbKafkaProducer.ping: "(self, topic=None, timeout=10)",
    GraceDbKafkaConsumer: "(bootstrap_servers, topics=None, instance_name=None, service_url=None, "
    "group_id=None, use_ssl=True, ca_cert_path=None, skip_hostname_verification=False, "
    "token_scope='kafka.consume', "
    "token_audience=None, reload_cred=True, reload_buffer=300, auto_refresh_token=None, "
    "auto_offset_reset='latest', *, validate_token=True, check_for_topics=True, **kafka_config)",
    GraceDbKafkaConsumer.poll: "(self, timeout=1.0)",
    GraceDbKafkaConsumer.stream: "(self, timeout=1.0, count=None)",
    GraceDbKafkaConsumer.subscribe: "(self, topics)",
    GraceDbKafkaConsumer.stop: "(self)",
    GraceDbKafkaConsumer.close: "(self)",
    get_scitoken_for_kafka: "(broker_url, scope='kafka.produce', audience=None)",
    create_oauth_callback: "(broker_url, scope='kafka.produce', audience=None)",
    SciTokenRefreshManager: "(broker_url, scope='kafka.produce', audience=None, refresh_buffer=300)",
    utils.derive_instance_name: "(service_url)",
    utils.make_topic_name: "(instance_name, pipeline)",
    utils.parse_topic_name: "(namespaced_topic)",
}


@pytest.mark.parametrize(
    ("what", "signature"), SPECIFIED.items(), ids=lambda value: getattr(value, "__qualname__", "")
)
def test_signatures_match_the_specification(what, signature):
    found = inspect.signature(what)
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in found.parameters.values()]
    assert str(inspect.Signature(plain)) == signature
    annotated = [parameter for parameter in plain if parameter.name != "self"]
    assert set(what.__init__.__annotations__ if inspect.isclass(what) else what.__annotations__) == {
        *(parameter.name for parameter in annotated),
        "return",
    }


def test_the_exception_tree_matches_the_specification():
    tree = {
        "KafkaError": Exception,
        "KafkaAuthenticationError": exceptions.KafkaError,
        "KafkaTokenError": exceptions.KafkaAuthenticationError,
        "KafkaProducerError": exceptions.KafkaError,
        "KafkaMessageDeliveryError": exceptions.KafkaProducerError,
        "KafkaTopicError": exceptions.KafkaMessageDeliveryError,
        "KafkaConsumerError": exceptions.KafkaError,
        "KafkaConnectionError": exceptions.KafkaError,
    }
    for name, base in tree.items():
        assert getattr(kafka, name) is getattr(exceptions, name)
        assert getattr(exceptions, name).__bases__ == (base,)


def test_errors_have_the_methods_of_confluent_kafka():
    error = exceptions.KafkaError("what happened")
    assert (error.code(), error.retriable(), error.fatal(), error.str()) == (0, False, False, "what happened")


def test_every_public_member_is_documented():
    for thing in (GraceDbKafkaProducer, GraceDbKafkaConsumer, GraceDb, SciTokenRefreshManager):
        assert thing.__doc__
        for name, member in inspect.getmembers(thing):
            if not name.startswith("_"):
                assert inspect.getdoc(member), f"{thing.__name__}.{name}"


def test_help_shows_the_signatures_without_internals():
    text = pydoc.render_doc(GraceDbKafkaProducer, renderer=pydoc.plaintext)
    assert "Publishes messages to" in text
    assert "produce(" in text and "value: '_Value'" in text
    assert "nanobind" not in text


def test_docstring_examples_are_correct():
    for name in ("gracedb_kafka.kafka.utils",):
        outcome = doctest.testmod(importlib.import_module(name))
        assert outcome.attempted and not outcome.failed


def test_type_information_is_installed():
    folder = Path(gracedb_kafka.__file__).parent
    assert (folder / "py.typed").exists()
    assert (folder / "_core.pyi").exists()


def test_the_stub_of_the_extension_has_its_names():
    stub = ast.parse((Path(gracedb_kafka.__file__).parent / "_core.pyi").read_text())
    for owner, body in [(_core, stub.body)] + [
        (getattr(_core, node.name), node.body) for node in stub.body if isinstance(node, ast.ClassDef)
    ]:
        defined = {node.name for node in body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        assert {name for name in defined if not name.startswith("_")} == {
            name for name in dir(owner) if not name.startswith("_")
        }


def test_the_version_is_that_of_the_project():
    assert f"VERSION {gracedb_kafka.__version__} " in (ROOT / "CMakeLists.txt").read_text()
    assert importlib.metadata.version("gracedb-kafka") == gracedb_kafka.__version__


def test_the_import_takes_less_than_60_ms(run_python):
    def seconds(code):
        # The minimum of many, so that other processes do not count.
        measure = "import time; start = time.perf_counter()\n" + code + "\nprint(time.perf_counter() - start)"
        return min(float(run_python(measure).stdout) for _ in range(15))

    everything = "import gracedb_kafka\nfrom gracedb_kafka import kafka, rest"
    assert seconds(everything) < 0.06


def test_the_import_loads_no_heavy_module(run_python):
    done = run_python(
        "import sys\nfrom gracedb_kafka import kafka, rest\n"
        "heavy = {'asyncio', 'requests', 'ssl', 'http.client', 'concurrent.futures', 'ligo', 'typing'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert done.stdout == "[]\n"


def test_topic_names_are_built_and_parsed():
    assert kafka.derive_instance_name("https://gracedb-dev.ligo.org/api/") == "gracedb-dev"
    assert kafka.make_topic_name("gracedb-dev", "gstlal") == "gracedb-dev.gstlal"
    assert kafka.parse_topic_name("gracedb-dev.gstlal") == ("gracedb-dev", "gstlal")
    for call, wrong in ((kafka.derive_instance_name, "no url"), (kafka.parse_topic_name, "nodot")):
        with pytest.raises(ValueError):
            call(wrong)

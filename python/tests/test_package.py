"""What the package is from outside: names, signatures, documentation, weight."""

import doctest
import importlib
import importlib.metadata
import inspect
import pydoc
from pathlib import Path

import pytest

import gracedb_kafka
from gracedb_kafka import kafka
from gracedb_kafka.kafka import exceptions, utils
from gracedb_kafka.kafka.auth import SciTokenRefreshManager, create_oauth_callback, get_scitoken_for_kafka
from gracedb_kafka.kafka.consumer import GraceDbKafkaConsumer
from gracedb_kafka.kafka.producer import GraceDbKafkaProducer
from gracedb_kafka.rest import GraceDb
from harness.paths import ROOT

SPECIFIED = {
    GraceDbKafkaProducer: "(bootstrap_servers, topic=None, instance_name=None, service_url=None, use_ssl=True, "
    "ca_cert_path=None, skip_hostname_verification=False, token_scope='kafka.produce', token_audience=None, "
    "reload_cred=True, reload_buffer=300, flush_timeout=10, guaranteed_delivery=True, auto_refresh_token=None, "
    "*, validate_token=True, check_for_topics=True, **kafka_config)",
    GraceDbKafkaProducer.produce: "(self, value, topic=None, key=None, headers=None, partition=None, on_delivery=None)",
    GraceDbKafkaProducer.flush: "(self, timeout=-1, strict=False)",
    GraceDbKafkaProducer.close: "(self, timeout=30)",
    GraceDbKafkaProducer.ping: "(self, topic=None, timeout=10)",
    GraceDbKafkaConsumer: "(bootstrap_servers, topics=None, instance_name=None, service_url=None, group_id=None, "
    "use_ssl=True, ca_cert_path=None, skip_hostname_verification=False, token_scope='kafka.consume', "
    "token_audience=None, reload_cred=True, reload_buffer=300, auto_refresh_token=None, auto_offset_reset='latest', "
    "*, validate_token=True, check_for_topics=True, **kafka_config)",
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


@pytest.mark.parametrize(("what", "signature"), SPECIFIED.items(), ids=lambda value: getattr(value, "__qualname__", ""))
def test_signatures_are_those_of_the_specification(what, signature):
    assert str(inspect.signature(what)) == signature


def test_the_exceptions_are_the_specified_tree():
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


def test_an_error_can_be_asked_as_that_of_confluent_kafka():
    error = exceptions.KafkaError("what happened")
    assert (error.code(), error.retriable(), error.fatal(), error.str()) == (0, False, False, "what happened")


def test_everything_is_documented():
    for thing in (GraceDbKafkaProducer, GraceDbKafkaConsumer, GraceDb, SciTokenRefreshManager):
        assert thing.__doc__
        for name, member in inspect.getmembers(thing):
            if not name.startswith("_"):
                assert inspect.getdoc(member), f"{thing.__name__}.{name}"


def test_help_reads_well():
    text = pydoc.render_doc(GraceDbKafkaProducer, renderer=pydoc.plaintext)
    assert "Publishes messages to" in text
    # Python 3.13 puts each parameter of a long signature on its own line.
    assert "produce(self,value,topic=None" in "".join(text.split())
    assert "nanobind" not in text


def test_examples_in_docstrings_hold():
    for name in ("gracedb_kafka.kafka.utils",):
        outcome = doctest.testmod(importlib.import_module(name))
        assert outcome.attempted and not outcome.failed


@pytest.mark.not_sanitized("the stub of the extension is made by importing it")
def test_stubs_and_marker_are_installed():
    folder = Path(gracedb_kafka.__file__).parent
    assert (folder / "py.typed").exists()
    assert (folder / "_core.pyi").exists()


def test_its_version_is_that_of_the_project():
    assert f"VERSION {gracedb_kafka.__version__} " in (ROOT / "CMakeLists.txt").read_text()
    assert importlib.metadata.version("gracedb-kafka") == gracedb_kafka.__version__


def test_importing_it_costs_less_than_60_ms(run_python):
    def seconds(code):
        # The best of many: what else the machine does is not the package's fault.
        measure = "import time; start = time.perf_counter()\n" + code + "\nprint(time.perf_counter() - start)"
        return min(float(run_python(measure).stdout) for _ in range(15))

    everything = "import gracedb_kafka\nfrom gracedb_kafka import kafka, rest"
    assert seconds(everything) < 0.06


def test_importing_it_loads_nothing_heavy(run_python):
    done = run_python(
        "import sys\nfrom gracedb_kafka import kafka, rest\n"
        "print(sorted({'asyncio', 'requests', 'ssl', 'http.client', 'concurrent.futures', 'ligo'} & set(sys.modules)))"
    )
    assert done.stdout == "[]\n"


def test_topic_names():
    assert kafka.derive_instance_name("https://gracedb-dev.ligo.org/api/") == "gracedb-dev"
    assert kafka.make_topic_name("gracedb-dev", "gstlal") == "gracedb-dev.gstlal"
    assert kafka.parse_topic_name("gracedb-dev.gstlal") == ("gracedb-dev", "gstlal")
    for call, wrong in ((kafka.derive_instance_name, "no url"), (kafka.parse_topic_name, "nodot")):
        with pytest.raises(ValueError):
            call(wrong)

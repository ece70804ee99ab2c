"""What packaging/ says about the programs is true of them."""

import re

import pytest
import yaml

from harness.paths import ROOT
from harness.stack import client_environment
from harness.status import Status

PACKAGING = ROOT / "packaging"


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict]:
    """The objects of the Kubernetes manifest by kind."""
    documents = yaml.safe_load_all((PACKAGING / "kubernetes.yaml").read_text())
    return {document["kind"]: document for document in documents}


@pytest.fixture(scope="module")
def pod(manifest) -> dict:
    return manifest["StatefulSet"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def container(pod) -> dict:
    (only,) = pod["containers"]
    return only


def test_settings_of_the_manifest_are_known_and_right(spawn, manifest):
    settings = manifest["ConfigMap"]["data"]
    known = spawn("gracedb-kafka-supervisor", "--help")
    assert known.wait() == 0
    for name in settings.keys() - {"BEARER_TOKEN_FILE"}:
        assert f"[${name}]" in known.stdout, name

    checked = spawn("gracedb-kafka-supervisor", "--check-config", env=settings)

    assert checked.wait() == 0, checked.stderr


def test_probes_of_the_manifest_are_answered(supervisor, sandbox, container, manifest):
    (port,) = container["ports"]
    assert manifest["ConfigMap"]["data"]["GRACEDB_KAFKA_SUPERVISOR_LISTEN"].endswith(f":{port['containerPort']}")
    status = Status(supervisor(client_environment(sandbox("--broker", "embedded"))))

    for probe in ("livenessProbe", "readinessProbe"):
        target = container[probe]["httpGet"]
        assert target["port"] == port["name"]
        assert status.get(target["path"].lstrip("/")).status_code in (200, 503), probe


def test_pod_has_time_to_drain(pod, manifest):
    drain = int(manifest["ConfigMap"]["data"]["GRACEDB_KAFKA_SUPERVISOR_DRAIN_TIMEOUT"].removesuffix("s"))

    assert pod["terminationGracePeriodSeconds"] > drain + 10


def test_pod_has_no_rights_but_its_volumes(pod, container):
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["name"] for mount in container["volumeMounts"]} == {"spool", "token"}


def test_unit_waits_longer_than_the_drain_and_is_watched():
    unit = (PACKAGING / "gracedb-kafka-supervisor.service.in").read_text()
    seconds = dict(re.findall(r"^(\w+)=(\d+)$", unit, re.MULTILINE))

    assert int(seconds["TimeoutStopSec"]) > 30 + 10
    assert int(seconds["WatchdogSec"]) > 90
    assert "Type=notify" in unit

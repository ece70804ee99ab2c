"""What a supervisor shows of itself over HTTP."""

import re

import requests
from prometheus_client.parser import text_string_to_metric_families

from harness.process import Process

PREFIX = "gracedb_supervisor_"


class Status:
    """The status server of a running supervisor."""

    def __init__(self, supervisor: Process):
        self._supervisor = supervisor

    @property
    def url(self) -> str:
        """Of the status page, as the log tells it."""
        return re.search(r"status page at (http://\S+/)", self._supervisor.stderr)[1]

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=10)

    @property
    def is_ready(self) -> bool:
        return self.get("readyz").status_code == 200

    @property
    def is_alive(self) -> bool:
        return self.get("livez").status_code == 200

    def failing(self) -> set[str]:
        """The checks that are red."""
        lines = self.get("readyz?verbose").text.splitlines()
        return {line.removeprefix("[-] ").split(":")[0] for line in lines if line.startswith("[-]")}

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of one metric by the values of their labels, in the order of the labels' names."""
        found = {}
        for family in text_string_to_metric_families(self.get("metrics").text):
            for sample in family.samples:
                if sample.name == PREFIX + name:
                    found[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
        return found

    def value(self, name: str) -> float | None:
        """The value of a metric without labels."""
        return self.samples(name).get(())

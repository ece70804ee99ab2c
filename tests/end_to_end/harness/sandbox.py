"""gracedb-sandbox as a test sees it: a GraceDB that can be looked into."""

from pathlib import Path

import requests

from harness.messages import content_id
from harness.process import Process
from harness.tokens import Issuer


class Sandbox:
    """A running gracedb-sandbox."""

    def __init__(self, process: Process):
        self.process = process
        self.ready = process.wait_for_json()

    @property
    def service_url(self) -> str:
        return self.ready["service_url"]

    @property
    def bootstrap_servers(self) -> str:
        """Of the embedded broker."""
        return self.ready["bootstrap_servers"]

    @property
    def state_dir(self) -> Path:
        return Path(self.ready["state_dir"])

    @property
    def token_file(self) -> Path:
        return Path(self.ready["token_file"])

    @property
    def issuer(self) -> Issuer:
        return Issuer.from_state_dir(self.state_dir)

    def get(self, path: str, **arguments: object) -> requests.Response:
        """GET below the service URL, e.g. get("events/T0001"), with the sandbox's own token."""
        return requests.get(self.service_url + path, headers=self._authorization, timeout=10, **arguments)

    def event(self, graceid: str) -> dict:
        answer = self.get(f"events/{graceid}")
        answer.raise_for_status()
        return answer.json()

    def events(self, query: str = "group: Test") -> list[dict]:
        answer = self.get("events/", params={"query": query})
        answer.raise_for_status()
        return answer.json()["events"]

    def record(self, graceid: str) -> dict:
        """What the sandbox has noted about an event, one that is only reserved included."""
        return self.records()[graceid]

    def records(self) -> dict[str, dict]:
        """Those of all events, by graceid."""
        return {record["graceid"]: record for record in self._look("events")["events"]}

    def is_complete(self, graceid: str) -> bool:
        return self.record(graceid)["state"] == "complete"

    def alerts(self, graceid: str) -> list[dict]:
        """The igwn-alert records about an event, in the order of their publication."""
        return [alert for alert in self._look("alerts")["alerts"] if alert["payload"]["uid"] == graceid]

    def set_faults(self, *specs: str) -> None:
        """Replaces the faults: set_faults("503@upload", "hang@reserve"); without any, all goes well."""
        requests.post(self._own_url("faults"), json=specs, timeout=10).raise_for_status()

    def faults(self) -> list[str]:
        """Those that are still to happen."""
        return self._look("faults")["faults"]

    def reserve(self, contents: bytes, group: str = "Test", pipeline: str = "gstlal") -> str:
        """Reserves a graceid as any client would, and returns it."""
        form = {"group": group, "pipeline": pipeline, "content_id": content_id(contents)}
        url = self.service_url + "v2/events/reserve/"
        answer = requests.post(url, data=form, headers=self._authorization, timeout=10)
        answer.raise_for_status()
        return answer.json()["graceid"]

    def file(self, graceid: str, name: str) -> bytes | None:
        """The contents of an event's file, or None where it is not there."""
        answer = self.get(f"events/{graceid}/files/{name}")
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return answer.content

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token_file.read_text().strip()}"}

    def _own_url(self, name: str) -> str:
        return self.service_url.removesuffix("api/") + f"sandbox/{name}"

    def _look(self, name: str) -> dict:
        answer = requests.get(self._own_url(name), timeout=10)
        answer.raise_for_status()
        return answer.json()

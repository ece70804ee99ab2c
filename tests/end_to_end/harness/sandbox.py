"""gracedb-sandbox as a test sees it: a GraceDB that can be looked into."""

from pathlib import Path

import requests

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
        headers = {"Authorization": f"Bearer {self.token_file.read_text().strip()}"}
        return requests.get(self.service_url + path, headers=headers, timeout=10, **arguments)

    def event(self, graceid: str) -> dict:
        answer = self.get(f"events/{graceid}")
        answer.raise_for_status()
        return answer.json()

    def events(self, query: str = "group: Test") -> list[dict]:
        answer = self.get("events/", params={"query": query})
        answer.raise_for_status()
        return answer.json()["events"]

    def file(self, graceid: str, name: str) -> bytes | None:
        """The contents of an event's file, or None where it is not there."""
        answer = self.get(f"events/{graceid}/files/{name}")
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return answer.content

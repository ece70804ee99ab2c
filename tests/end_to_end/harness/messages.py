"""Messages as the specification describes them, made without any code of the project or the reference."""

import base64
import hashlib
import json
import uuid


def content_id(contents: bytes) -> str:
    """A UUID of the first 16 bytes of the SHA-256 of a file."""
    return str(uuid.UUID(bytes=hashlib.sha256(contents).digest()[:16]))


def upload_message(service_url: str, graceid: object, contents: bytes, **fields: object) -> str:
    """An upload message; further fields replace what it would hold."""
    message = {
        "type": "upload",
        "gracedb_server": service_url,
        "graceid": graceid,
        "submitter": "pipeline",
        "pipeline": "gstlal",
        "gracedb_upload": True,
        "skip_supervisor": False,
        "labels": None,
        "eventFile": ["coinc.xml", base64.b64encode(contents).decode()],
    } | fields
    return json.dumps(message)


def ping_message() -> str:
    return json.dumps({"type": "ping", "timestamp": 1.5, "client": "test", "sub": None, "scope": None})

"""JSON schemas of the messages on GraceDB's topics, and a validator."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "MESSAGE_SCHEMAS",
    "PING_MESSAGE_SCHEMA",
    "UPLOAD_MESSAGE_SCHEMA",
    "schema_for_message",
    "validate_message",
]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

UPLOAD_MESSAGE_SCHEMA: dict[str, Any] = {
    "$schema": _DRAFT,
    "title": "An event to upload to GraceDB",
    "type": "object",
    "required": ["type", "gracedb_server", "pipeline", "gracedb_upload", "eventFile"],
    "properties": {
        "type": {"const": "upload"},
        "gracedb_server": {"type": "string", "description": "service URL, ending in a slash"},
        "graceid": {"type": ["string", "null"], "description": "the reserved id"},
        "submitter": {"type": ["string", "null"]},
        "pipeline": {"type": "string"},
        "group": {"type": ["string", "null"]},
        "search": {"type": ["string", "null"]},
        "gracedb_upload": {"type": "boolean"},
        "skip_supervisor": {"type": "boolean"},
        "labels": {"type": ["array", "null"], "items": {"type": "string"}},
        "eventFile": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 2,
            "maxItems": 2,
            "description": "file name, contents in base64",
        },
        "content_id": {
            "type": ["string", "null"],
            "description": "UUID of the first 16 bytes of the SHA-256",
        },
        "_producer_timestamp": {"type": "number", "description": "Unix time in seconds"},
    },
}

PING_MESSAGE_SCHEMA: dict[str, Any] = {
    "$schema": _DRAFT,
    "title": "A connection test",
    "type": "object",
    "required": ["type", "timestamp", "client"],
    "properties": {
        "type": {"const": "ping"},
        "timestamp": {"type": "number", "description": "Unix time in seconds"},
        "client": {"type": "string"},
        "sub": {"type": ["string", "null"]},
        "scope": {"type": ["string", "null"]},
    },
}

MESSAGE_SCHEMAS: dict[str, dict[str, Any]] = {"upload": UPLOAD_MESSAGE_SCHEMA, "ping": PING_MESSAGE_SCHEMA}

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "null": type(None),
    "boolean": bool,
    "number": (int, float),
    "array": (list, tuple),
    "object": dict,
}


def schema_for_message(message: object) -> dict[str, Any] | None:
    """The schema of a message, chosen by its ``type``; None for any other ``type``."""
    kind = message.get("type") if isinstance(message, dict) else None
    return MESSAGE_SCHEMAS.get(kind) if isinstance(kind, str) else None


def validate_message(message: object) -> None:
    """Validates a message that has a schema; accepts any other.

    Parameters:
        message (dict): the value of produce()

    Raises:
        ValueError: names the first invalid field and the reason
    """
    schema = schema_for_message(message)
    if schema is not None:
        _check(message, schema, f"{schema['properties']['type']['const']} message")


def _check(value: object, schema: dict[str, Any], path: str) -> None:
    expected = schema.get("type", [])
    expected = [expected] if isinstance(expected, str) else expected
    if expected and not any(_is(value, name) for name in expected):
        raise ValueError(f"{path}: must be {' or '.join(expected)}, not {type(value).__name__}")
    if "const" in schema and value != schema["const"]:
        raise ValueError(f"{path}: must be {schema['const']!r}")
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                raise ValueError(f"{path}: {name} is missing")
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                _check(value[name], inner, f"{path}: {name}")
    elif isinstance(value, (list, tuple)):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            raise ValueError(f"{path}: must have {schema['minItems']} items, not {len(value)}")
        for number, item in enumerate(value):
            _check(item, schema["items"], f"{path}[{number}]")


def _is(value: object, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))

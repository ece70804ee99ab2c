"""The messages on GraceDB's topics as JSON schemas, and a check of a message against them."""

__all__ = [
    "MESSAGE_SCHEMAS",
    "PING_MESSAGE_SCHEMA",
    "UPLOAD_MESSAGE_SCHEMA",
    "schema_for_message",
    "validate_message",
]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

UPLOAD_MESSAGE_SCHEMA = {
    "$schema": _DRAFT,
    "title": "An event on its way to GraceDB",
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
        "content_id": {"type": ["string", "null"], "description": "UUID of the first 16 bytes of the SHA-256"},
        "_producer_timestamp": {"type": "number", "description": "Unix time in seconds"},
    },
}

PING_MESSAGE_SCHEMA = {
    "$schema": _DRAFT,
    "title": "A test of the connection",
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

MESSAGE_SCHEMAS = {"upload": UPLOAD_MESSAGE_SCHEMA, "ping": PING_MESSAGE_SCHEMA}

_TYPES = {
    "string": str,
    "null": type(None),
    "boolean": bool,
    "number": (int, float),
    "array": (list, tuple),
    "object": dict,
}


def schema_for_message(message):
    """The schema (dict) of a message, judged by its ``type``; None where it has none of those known here."""
    kind = message.get("type") if isinstance(message, dict) else None
    return MESSAGE_SCHEMAS.get(kind) if isinstance(kind, str) else None


def validate_message(message):
    """Checks a message that has a schema; others pass.

    Parameters:
        message (dict): what produce() would be given

    Raises:
        ValueError: says which field is wrong and how
    """
    schema = schema_for_message(message)
    if schema is not None:
        _check(message, schema, f"{message['type']} message")


def _check(value, schema, where):
    wanted = schema.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if wanted and not any(_is(value, name) for name in wanted):
        raise ValueError(f"{where}: must be {' or '.join(wanted)}, not {type(value).__name__}")
    if "const" in schema and value != schema["const"]:
        raise ValueError(f"{where}: must be {schema['const']!r}")
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                raise ValueError(f"{where}: {name} is missing")
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                _check(value[name], inner, f"{where}: {name}")
    elif isinstance(value, (list, tuple)):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            raise ValueError(f"{where}: must have {schema['minItems']} items, not {len(value)}")
        for number, item in enumerate(value):
            _check(item, schema["items"], f"{where}[{number}]")


def _is(value, name):
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))

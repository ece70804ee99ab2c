from typing import Any

__all__ = [
    "MESSAGE_SCHEMAS",
    "PING_MESSAGE_SCHEMA",
    "UPLOAD_MESSAGE_SCHEMA",
    "schema_for_message",
    "validate_message",
]

UPLOAD_MESSAGE_SCHEMA: dict[str, Any]
PING_MESSAGE_SCHEMA: dict[str, Any]
MESSAGE_SCHEMAS: dict[str, dict[str, Any]]

def schema_for_message(message: Any) -> dict[str, Any] | None: ...
def validate_message(message: Any) -> None: ...

"""No output of a program may hold a token, or a part of one."""

import re
from collections.abc import Mapping
from pathlib import Path

_LOOKS_LIKE_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+")


def check_no_token(output: str, env: Mapping[str, str]) -> None:
    """Fails where `output` shows a token, or a part of one that `env` led the program to."""
    assert not _LOOKS_LIKE_TOKEN.search(output), "something like a token is shown"
    for token in _tokens_in(env):
        assert not any(part in output for part in token.split(".") if len(part) > 8), "a part of a token is shown"


def _tokens_in(env: Mapping[str, str]) -> list[str]:
    tokens = [env[name] for name in ("SCITOKEN", "BEARER_TOKEN") if name in env]
    files = [Path(env[name]) for name in ("SCITOKEN_FILE", "BEARER_TOKEN_FILE") if name in env]
    return tokens + [file.read_text(errors="replace").strip() for file in files if file.is_file()]

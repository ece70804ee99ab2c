"""The environment of a program under test: nothing of the caller's that could change what it does."""

import os
from pathlib import Path

_KEPT = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")


def clean_environment(home: Path) -> dict[str, str]:
    """An environment without tokens, certificates, settings or proxies, at home in a folder of its own."""
    runtime = home / "run"
    runtime.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CONFIG_HOME": str(home / "config"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }

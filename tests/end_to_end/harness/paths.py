"""Where things lie."""

import os
from pathlib import Path

import ligo.gracedb

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("GRACEDB_BUILD_DIR", ROOT / "build")).resolve()
EXAMPLES = ROOT / "examples"
REFERENCE_EVENTS = Path(ligo.gracedb.__file__).parent / "test" / "integration" / "data"


def program(name: str) -> Path:
    """A program as it was built; a test without it fails rather than being skipped."""
    path = BUILD / "bin" / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; run: ./dev build")
    return path

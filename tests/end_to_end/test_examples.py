"""The files in examples/."""

import subprocess
import sys

from harness.paths import EXAMPLES


def test_script_writes_the_coinc_file(tmp_path):
    written = tmp_path / "coinc.xml"

    subprocess.run([sys.executable, EXAMPLES / "make_coinc.py", written], check=True, timeout=60)

    assert written.read_bytes() == (EXAMPLES / "coinc.xml").read_bytes()

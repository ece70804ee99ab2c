"""Runs a program that uses ligo.gracedb with this package instead: ``python -m gracedb_kafka PROGRAM
[ARGUMENT…]``."""

from __future__ import annotations

import os
import runpy
import sys

from gracedb_kafka import install_as_ligo_gracedb


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: python -m gracedb_kafka PROGRAM [ARGUMENT…]")
    del sys.argv[0]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    install_as_ligo_gracedb()
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()

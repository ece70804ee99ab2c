"""Our Python package at the work of reference.py: the very same code, on our classes."""

import gracedb_kafka

gracedb_kafka.install_as_ligo_gracedb()

import reference  # noqa: E402  (what it imports from ligo.gracedb is ours now)

if __name__ == "__main__":
    reference.main()

"""GraceDB event submission over Kafka, on a C++ core.

The classes and functions are those of ``ligo.gracedb``, under the same names in the same submodules::

    from gracedb_kafka.kafka import GraceDbKafkaConsumer, GraceDbKafkaProducer
    from gracedb_kafka.rest import GraceDb

A program that imports them from ``ligo.gracedb`` needs one line before those imports::

    import gracedb_kafka; gracedb_kafka.install_as_ligo_gracedb()

Errors and warnings are logged to the loggers ``gracedb_kafka.*``.
"""

from __future__ import annotations

__all__ = ["install_as_ligo_gracedb"]
__version__ = "0.1.0"


def install_as_ligo_gracedb() -> None:
    """Replaces ``ligo.gracedb.kafka``, ``ligo.gracedb.rest`` and ``ligo.gracedb.exceptions`` by the modules
    of this package, whether or not ``ligo-gracedb`` is installed. Other modules are imported from
    ``ligo-gracedb`` if it is installed.

    Call it before the first import from ``ligo.gracedb``: names imported earlier keep their old meaning. A
    second call does nothing.
    """
    from gracedb_kafka import _alias

    _alias.install()

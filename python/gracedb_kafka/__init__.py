"""GraceDB event submission over Kafka, on a C++ core.

The classes and functions are those of ``ligo.gracedb``, under the same names at the same relative places::

    from gracedb_kafka.kafka import GraceDbKafkaConsumer, GraceDbKafkaProducer
    from gracedb_kafka.rest import GraceDb

A program that imports them from ``ligo.gracedb`` needs one more line, before it does::

    import gracedb_kafka; gracedb_kafka.install_as_ligo_gracedb()

What goes wrong is told to the loggers ``gracedb_kafka.*``.
"""

from gracedb_kafka._alias import install_as_ligo_gracedb

__all__ = ["install_as_ligo_gracedb"]
__version__ = "0.1.0"

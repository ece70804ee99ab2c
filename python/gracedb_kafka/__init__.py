"""GraceDB event submission over Kafka, on a C++ core.

The classes and functions are those of ``ligo.gracedb``, under the same names at the same relative places::

    from gracedb_kafka.kafka import GraceDbKafkaConsumer, GraceDbKafkaProducer
    from gracedb_kafka.rest import GraceDb

A program that imports them from ``ligo.gracedb`` needs one more line, before it does::

    import gracedb_kafka; gracedb_kafka.install_as_ligo_gracedb()

What goes wrong is told to the loggers ``gracedb_kafka.*``.
"""

__all__ = ["install_as_ligo_gracedb"]
__version__ = "0.1.0"


def install_as_ligo_gracedb():
    """From here on ``ligo.gracedb.kafka``, ``ligo.gracedb.rest`` and ``ligo.gracedb.exceptions`` are the modules of this
    package, whether or not ``ligo-gracedb`` is installed. Its other modules are imported from it, if it is.

    To be called before anything is imported from ``ligo.gracedb``: what has been imported before remains what it is.
    Calling it again does nothing.
    """
    from gracedb_kafka import _alias

    _alias.install()

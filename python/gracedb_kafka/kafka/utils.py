"""Topic names, which contain the GraceDB instance: ``<instance name>.<pipeline>``."""

from __future__ import annotations

from gracedb_kafka import _core

__all__ = ["derive_instance_name", "make_topic_name", "parse_topic_name"]


def derive_instance_name(service_url: str) -> str:
    """The instance name of a GraceDB server: its host name up to the first dot.

    Parameters:
        service_url (str): e.g. ``"https://gracedb-dev.ligo.org/api/"``

    Returns:
        str: e.g. ``"gracedb-dev"``

    Raises:
        ValueError: the URL has no host name

    >>> derive_instance_name("https://gracedb-dev.ligo.org/api/")
    'gracedb-dev'
    >>> derive_instance_name("https://localhost:8080/api/")
    'localhost'
    """
    return _core.derive_instance_name(service_url)


def make_topic_name(instance_name: str, pipeline: str) -> str:
    """The topic of a pipeline.

    Parameters:
        instance_name (str): e.g. ``"gracedb-dev"``
        pipeline (str): e.g. ``"gstlal"``

    Returns:
        str: e.g. ``"gracedb-dev.gstlal"``

    >>> make_topic_name("gracedb-dev", "gstlal")
    'gracedb-dev.gstlal'
    """
    return _core.make_topic_name(instance_name, pipeline)


def parse_topic_name(namespaced_topic: str) -> tuple[str, str]:
    """Splits a topic name at its first dot.

    Parameters:
        namespaced_topic (str): e.g. ``"gracedb-dev.gstlal"``

    Returns:
        tuple: instance name and pipeline

    Raises:
        ValueError: the topic name has no dot

    >>> parse_topic_name("gracedb-dev.gstlal")
    ('gracedb-dev', 'gstlal')
    """
    return _core.parse_topic_name(namespaced_topic)

"""The exceptions of the REST client, where ``ligo.gracedb.exceptions`` has them."""

from gracedb_kafka.rest import CredentialError, HTTPConnectionError, HTTPError

__all__ = ["CredentialError", "HTTPConnectionError", "HTTPError"]

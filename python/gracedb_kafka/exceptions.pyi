from gracedb_kafka.rest import CredentialError as CredentialError
from gracedb_kafka.rest import HTTPConnectionError as HTTPConnectionError
from gracedb_kafka.rest import HTTPError as HTTPError

__all__ = ["CredentialError", "HTTPConnectionError", "HTTPError"]

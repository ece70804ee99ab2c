"""Finding the caller's token, and keeping it fresh.

The places looked at, in this order: ``$SCITOKEN``, ``$SCITOKEN_FILE``, ``$_CONDOR_CREDS/*.use``, ``$BEARER_TOKEN``,
``$BEARER_TOKEN_FILE``, ``$XDG_RUNTIME_DIR/bt_u<uid>``, ``/tmp/bt_u<uid>``.
"""

from gracedb_kafka import _core

__all__ = ["SciTokenRefreshManager", "create_oauth_callback", "get_scitoken_for_kafka"]


def get_scitoken_for_kafka(broker_url, scope="kafka.produce", audience=None):
    """Finds a token for a broker.

    Parameters:
        broker_url (str): e.g. ``"localhost:9092"``
        scope (str): what the token must allow
        audience (str, optional): whom it must be meant for; by default the broker's host

    Returns:
        str: the serialized JWT

    Raises:
        KafkaTokenError: no usable token; the message lists every place looked at
        ValueError: neither a host in ``broker_url`` nor an audience
    """
    return _core.get_scitoken_for_kafka(broker_url, scope, audience)


def create_oauth_callback(broker_url, scope="kafka.produce", audience=None):
    """A callback that looks for a token anew at each call, as confluent-kafka wants for ``oauth_cb``.

    Parameters:
        broker_url (str): e.g. ``"localhost:9092"``
        scope (str): what the token must allow
        audience (str, optional): whom it must be meant for; by default the broker's host

    Returns:
        callable: takes one argument, which it ignores; returns the token (str) and its end (Unix time, int);
        raises KafkaTokenError where there is none
    """

    def oauth_callback(oauth_config=""):
        return _core.find_oauth_token(broker_url, scope, audience)

    return oauth_callback


class SciTokenRefreshManager:
    """Keeps a token fresh for a long-running client.

    From ``refresh_buffer`` seconds before the token's ``exp`` on, it looks for a newer one at each request, at most once
    every few seconds. While none is found the last good one is kept until it expires. Safe to share between threads.

    Parameters:
        broker_url (str): e.g. ``"localhost:9092"``
        scope (str): what the token must allow
        audience (str, optional): whom it must be meant for; by default the broker's host
        refresh_buffer (float): seconds

    Raises:
        ValueError: neither a host in ``broker_url`` nor an audience, or a negative ``refresh_buffer``
    """

    def __init__(self, broker_url, scope="kafka.produce", audience=None, refresh_buffer=300):
        self.broker_url = broker_url
        self.scope = scope
        self.audience = audience
        self.refresh_buffer = refresh_buffer
        self._manager = _core.RefreshManager(broker_url, scope, audience, refresh_buffer)

    def get_token(self):
        """The current token (str), looked up again if it is due.

        Raises:
            KafkaTokenError: none was found, and the last good one, if any, has expired
        """
        return self._manager.get_token()

    def create_callback(self):
        """A callback that uses this manager, as confluent-kafka wants for ``oauth_cb``.

        Returns:
            callable: takes one argument, which it ignores; returns the token (str) and its end (Unix time, int)
        """
        manager = self._manager

        def oauth_callback(oauth_config=""):
            return manager.get()

        return oauth_callback

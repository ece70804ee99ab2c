"""Token discovery and refresh.

Places searched, in this order: ``$SCITOKEN``, ``$SCITOKEN_FILE``, ``$_CONDOR_CREDS/*.use``,
``$BEARER_TOKEN``, ``$BEARER_TOKEN_FILE``, ``$XDG_RUNTIME_DIR/bt_u<uid>``, ``/tmp/bt_u<uid>``.
"""

from __future__ import annotations

from gracedb_kafka import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    OAuthCallback = Callable[[str], tuple[str, int]]

__all__ = ["SciTokenRefreshManager", "create_oauth_callback", "get_scitoken_for_kafka"]


def get_scitoken_for_kafka(broker_url: str, scope: str = "kafka.produce", audience: str | None = None) -> str:
    """Finds a token for a broker.

    Parameters:
        broker_url (str): e.g. ``"localhost:9092"``
        scope (str): scope that the token must contain
        audience (str, optional): audience that the token must contain; default: the broker's host

    Returns:
        str: the serialized JWT

    Raises:
        KafkaTokenError: no usable token; the message lists every place searched
        ValueError: neither a host in ``broker_url`` nor an audience
    """
    return _core.get_scitoken_for_kafka(broker_url, scope, audience)


def create_oauth_callback(
    broker_url: str, scope: str = "kafka.produce", audience: str | None = None
) -> OAuthCallback:
    """Creates a callback for confluent-kafka's ``oauth_cb`` that searches for a token at each call.

    Parameters:
        broker_url (str): e.g. ``"localhost:9092"``
        scope (str): scope that the token must contain
        audience (str, optional): audience that the token must contain; default: the broker's host

    Returns:
        callable: takes one argument, which it ignores; returns the token (str) and its expiry (Unix time,
            int);
        raises KafkaTokenError without a usable token
    """

    def oauth_callback(oauth_config: str = "") -> tuple[str, int]:
        return _core.find_oauth_token(broker_url, scope, audience)

    return oauth_callback


class SciTokenRefreshManager:
    """Keeps a token fresh for a long-running client. Safe to share between threads.

    From ``refresh_buffer`` seconds before the token's ``exp`` on, each request searches for a newer token, at
    most once every few seconds. Until one is found, the last valid token is returned until it expires.

    Parameters:
        broker_url (str): e.g. ``"localhost:9092"``
        scope (str): scope that the token must contain
        audience (str, optional): audience that the token must contain; default: the broker's host
        refresh_buffer (float): seconds

    Raises:
        ValueError: neither a host in ``broker_url`` nor an audience, or a negative ``refresh_buffer``
    """

    def __init__(
        self,
        broker_url: str,
        scope: str = "kafka.produce",
        audience: str | None = None,
        refresh_buffer: float = 300,
    ) -> None:
        self.broker_url = broker_url
        self.scope = scope
        self.audience = audience
        self.refresh_buffer = refresh_buffer
        self._manager = _core.RefreshManager(broker_url, scope, audience, refresh_buffer)

    def get_token(self) -> str:
        """The current token; searches for a newer one if the refresh is due.

        Raises:
            KafkaTokenError: no usable token was found, and the last valid token, if any, has expired
        """
        return self._manager.get_token()

    def create_callback(self) -> OAuthCallback:
        """Creates a callback for confluent-kafka's ``oauth_cb`` that uses this manager.

        Returns:
            callable: takes one argument, which it ignores; returns the token (str) and its expiry (Unix time,
                int)
        """
        manager = self._manager

        def oauth_callback(oauth_config: str = "") -> tuple[str, int]:
            return manager.get()

        return oauth_callback

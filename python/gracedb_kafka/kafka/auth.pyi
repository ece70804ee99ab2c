from collections.abc import Callable

__all__ = ["SciTokenRefreshManager", "create_oauth_callback", "get_scitoken_for_kafka"]

_OAuthCallback = Callable[[str], tuple[str, int]]

def get_scitoken_for_kafka(broker_url: str, scope: str = "kafka.produce", audience: str | None = None) -> str: ...
def create_oauth_callback(
    broker_url: str, scope: str = "kafka.produce", audience: str | None = None
) -> _OAuthCallback: ...

class SciTokenRefreshManager:
    broker_url: str
    scope: str
    audience: str | None
    refresh_buffer: float

    def __init__(
        self,
        broker_url: str,
        scope: str = "kafka.produce",
        audience: str | None = None,
        refresh_buffer: float = 300,
    ) -> None: ...
    def get_token(self) -> str: ...
    def create_callback(self) -> _OAuthCallback: ...

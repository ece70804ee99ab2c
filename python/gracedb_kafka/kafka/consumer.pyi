from collections.abc import Generator, Iterable
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypedDict

__all__ = ["GraceDbKafkaConsumer"]

class _Message(TypedDict):
    topic: str
    partition: int
    offset: int
    key: str | bytes | None
    value: Any
    timestamp: int | None
    headers: dict[str, bytes] | None

class GraceDbKafkaConsumer:
    bootstrap_servers: str
    instance_name: str
    group_id: str

    def __init__(
        self,
        bootstrap_servers: str,
        topics: str | Iterable[str] | None = None,
        instance_name: str | None = None,
        service_url: str | None = None,
        group_id: str | None = None,
        use_ssl: bool = True,
        ca_cert_path: str | PathLike[str] | None = None,
        skip_hostname_verification: bool = False,
        token_scope: str = "kafka.consume",
        token_audience: str | None = None,
        reload_cred: bool = True,
        reload_buffer: float = 300,
        auto_refresh_token: bool | None = None,
        auto_offset_reset: str = "latest",
        *,
        validate_token: bool = True,
        check_for_topics: bool = True,
        **kafka_config: Any,
    ) -> None: ...
    def subscribe(self, topics: str | Iterable[str]) -> None: ...
    def poll(self, timeout: float | None = 1.0) -> _Message | None: ...
    def consume(self, num_messages: int = 1, timeout: float | None = 1.0) -> list[_Message]: ...
    def stream(self, timeout: float | None = 1.0, count: int | None = None) -> Generator[_Message, None, None]: ...
    def stop(self) -> None: ...
    def commit(self, message: _Message | None = None) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> _Message: ...

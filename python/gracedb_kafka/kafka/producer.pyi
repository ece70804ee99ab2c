from collections.abc import Callable, Iterable
from os import PathLike
from types import TracebackType
from typing import Any, Self

from gracedb_kafka._core import DeliveredMessage
from gracedb_kafka.kafka.exceptions import KafkaMessageDeliveryError

__all__ = ["GraceDbKafkaProducer"]

_Value = dict[str, Any] | str | bytes
_Text = str | bytes
_Headers = dict[str, _Text | None] | Iterable[tuple[str, _Text | None]]
_OnDelivery = Callable[[KafkaMessageDeliveryError | None, DeliveredMessage], object]

class GraceDbKafkaProducer:
    bootstrap_servers: str
    instance_name: str
    flush_timeout: float

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str | None = None,
        instance_name: str | None = None,
        service_url: str | None = None,
        use_ssl: bool = True,
        ca_cert_path: str | PathLike[str] | None = None,
        skip_hostname_verification: bool = False,
        token_scope: str = "kafka.produce",
        token_audience: str | None = None,
        reload_cred: bool = True,
        reload_buffer: float = 300,
        flush_timeout: float = 10,
        guaranteed_delivery: bool = True,
        auto_refresh_token: bool | None = None,
        *,
        validate_token: bool = True,
        check_for_topics: bool = True,
        **kafka_config: Any,
    ) -> None: ...
    def produce(
        self,
        value: _Value,
        topic: str | None = None,
        key: _Text | None = None,
        headers: _Headers | None = None,
        partition: int | None = None,
        on_delivery: _OnDelivery | None = None,
    ) -> None: ...
    async def produce_async(
        self,
        value: _Value,
        topic: str | None = None,
        key: _Text | None = None,
        headers: _Headers | None = None,
        partition: int | None = None,
    ) -> DeliveredMessage: ...
    def poll(self, timeout: float | None = 0.0) -> int: ...
    def flush(self, timeout: float | None = -1, strict: bool = False) -> int: ...
    def close(self, timeout: float | None = 30) -> None: ...
    @property
    def pending_messages(self) -> int: ...
    def ping(self, topic: str | None = None, timeout: float | None = 10) -> dict[str, Any]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

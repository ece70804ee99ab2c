from collections.abc import Collection, Iterable, Iterator, Mapping
from os import PathLike
from types import TracebackType
from typing import Any, Self

from gracedb_kafka.kafka.producer import GraceDbKafkaProducer

__all__ = ["CredentialError", "GraceDb", "HTTPConnectionError", "HTTPError", "Response"]

DEFAULT_SERVICE_URL: str

_Path = str | PathLike[str]
_Strings = str | Iterable[str]

class HTTPError(OSError):
    response: Response | None
    request: Any
    def __init__(self, message: str = "", response: Response | None = None, request: Any = None) -> None: ...

class HTTPConnectionError(OSError):
    response: None
    request: Any

class CredentialError(RuntimeError): ...

class Response:
    status_code: int
    reason: str
    headers: Mapping[str, str]
    content: bytes
    def __init__(self, status_code: int, reason: str, headers: Mapping[str, str], content: bytes) -> None: ...
    @property
    def status(self) -> int: ...
    @property
    def ok(self) -> bool: ...
    @property
    def text(self) -> str: ...
    def json(self) -> Any: ...
    def read(self) -> bytes: ...
    def raise_for_status(self) -> None: ...
    def __bool__(self) -> bool: ...

class GraceDb:
    def __init__(
        self,
        service_url: str = ...,
        cred: _Path | tuple[_Path, _Path] | None = None,
        force_noauth: bool = False,
        fail_if_noauth: bool = False,
        api_version: str | None = None,
        reload_certificate: bool = False,
        reload_cred: bool = False,
        reload_buffer: float = 300,
        use_auth: str = "all",
        retries: int = 5,
        retry_codes: Collection[int] | None = None,
        allowed_methods: Any = None,
        backoff_factor: float = 0.1,
        *,
        ca_cert_path: _Path | None = None,
        timeout: float = 60,
        token_audience: str | None = None,
        token_scope: str = "gracedb.read",
    ) -> None: ...
    def create_event(
        self,
        group: str,
        pipeline: str,
        filename: _Path,
        search: str | None = None,
        labels: _Strings | None = None,
        offline: bool = False,
        filecontents: str | bytes | None = None,
        kafka: GraceDbKafkaProducer | None = None,
        http_fallback: bool = False,
        gracedb_upload: bool = True,
        skip_supervisor: bool = False,
        replay_id: str | None = None,
    ) -> Response: ...
    def upload_reserved_event(
        self,
        graceid: str,
        filename: _Path,
        filecontents: str | bytes | None = None,
        labels: _Strings | None = None,
        kafka_server: str | None = None,
        kafka_topic: str | None = None,
    ) -> Response: ...
    def create_kafka_producer(
        self, bootstrap_servers: str, topic: str | None = "test", **options: Any
    ) -> GraceDbKafkaProducer: ...
    def ping(self) -> Response: ...
    def get_user_info(self) -> Response: ...
    def event(self, graceid: str) -> Response: ...
    def events(
        self, query: str | None = None, orderby: _Strings | None = None, max_results: int | None = None
    ) -> Iterator[dict[str, Any]]: ...
    def num_events(self, query: str | None = None) -> int: ...
    def files(self, object_id: str, filename: str = "") -> Response: ...
    def logs(self, object_id: str, log_number: int | None = None) -> Response: ...
    def write_log(
        self,
        object_id: str,
        message: str,
        filename: _Path | None = None,
        filecontents: str | bytes | None = None,
        tag_name: _Strings = (),
        displayName: _Strings = (),
        label: str | None = None,
    ) -> Response: ...
    def labels(self, object_id: str, label: str = "") -> Response: ...
    def write_label(self, object_id: str, label: str) -> Response: ...
    def remove_label(self, object_id: str, label: str) -> Response: ...
    createEvent = create_event
    numEvents = num_events
    writeLog = write_log
    writeLabel = write_label
    removeLabel = remove_label
    @property
    def service_url(self) -> str: ...
    @property
    def service_info(self) -> dict[str, Any]: ...
    @property
    def links(self) -> dict[str, str]: ...
    @property
    def templates(self) -> dict[str, str]: ...
    @property
    def groups(self) -> list[str]: ...
    @property
    def pipelines(self) -> list[str]: ...
    @property
    def searches(self) -> list[str]: ...
    @property
    def allowed_labels(self) -> list[str]: ...
    @property
    def server_version(self) -> str: ...
    def show_credentials(self, print_output: bool = True) -> dict[str, str]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def __getattr__(self, name: str) -> Any: ...

"""The types of AsyncStore, whose operations are made of Store's: see _async.py."""

from collections.abc import AsyncIterator, Callable, Generator, Iterable
from datetime import datetime, timedelta
from types import EllipsisType, TracebackType
from typing import Any, BinaryIO, Literal, ParamSpec, Self

from ._core import (
    Cleanup,
    Context,
    Deletion,
    ExportReport,
    ImportReport,
    Lifecycle,
    Message,
    Page,
    Session,
    Stats,
    Store,
    StoreCheck,
    _Clock,
    _Ids,
    _Object,
    _Path,
)
from ._types import NewMessage, SessionUpdate
from ._workers import Workers

_P = ParamSpec("_P")

class _Opening:
    def __init__(self, function: Callable[_P, Store], *args: _P.args, **kwargs: _P.kwargs) -> None: ...
    def __await__(self) -> Generator[Any, None, AsyncStore]: ...
    async def __aenter__(self) -> AsyncStore: ...
    async def __aexit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

class AsyncStore:
    def __init__(self, store: Store, *, _workers: Workers | None = None) -> None: ...
    @staticmethod
    def open(
        path: _Path,
        *,
        tenant: str = "default",
        ids: _Ids = "uuid7",
        clock: _Clock | None = None,
        roles: Iterable[str] = (),
        preview: Literal["first_spoken", "first"] = "first_spoken",
        wait_limit: timedelta | float = 30.0,
        durability: Literal["full", "normal"] | None = None,
        read_url: str | None = None,
        schema: str | None = None,
        max_connections: int | None = None,
        prepared_statements: bool | None = None,
        root_certificates: _Path | None = None,
        migrate: bool | None = None,
    ) -> _Opening: ...
    @staticmethod
    def in_memory(
        *,
        tenant: str = "default",
        ids: _Ids = "uuid7",
        clock: _Clock | None = None,
        roles: Iterable[str] = (),
        preview: Literal["first_spoken", "first"] = "first_spoken",
    ) -> _Opening: ...
    @property
    def tenant(self) -> str: ...
    @property
    def roles(self) -> tuple[str, ...]: ...
    def for_tenant(self, tenant: str) -> AsyncStore: ...
    def on_primary(self) -> AsyncStore: ...
    async def close(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def __repr__(self) -> str: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def stream_messages(
        self,
        session_id: str,
        *,
        after: int | None = None,
        before: int | None = None,
        since: datetime | None = None,
        limit: int | None = None,
        roles: Iterable[str] | None = None,
        summaries: bool | None = None,
    ) -> AsyncIterator[Message]: ...
    async def create_session(
        self,
        *,
        id: str | None = None,
        scope: str = "",
        key: str | None = None,
        owner: str | None = None,
        lifecycle: str | None = None,
        status: str | None = None,
        metadata: _Object | None = None,
        created_at: datetime | None = None,
    ) -> Session: ...
    async def get_session(self, id: str) -> Session | None: ...
    async def get_session_by_key(self, scope: str, key: str) -> Session | None: ...
    async def get_or_create_session(
        self,
        *,
        id: str | None = None,
        scope: str = "",
        key: str | None = None,
        owner: str | None = None,
        lifecycle: str | None = None,
        status: str | None = None,
        metadata: _Object | None = None,
        created_at: datetime | None = None,
    ) -> Session: ...
    async def resume_session(
        self,
        scope: str = "",
        *,
        idle: timedelta | None = None,
        id: str | None = None,
        key: str | None = None,
        owner: str | None = None,
        lifecycle: str | None = None,
        status: str | None = None,
        metadata: _Object | None = None,
        created_at: datetime | None = None,
    ) -> Session: ...
    async def list_sessions(
        self,
        *,
        scope: str | None = None,
        scope_prefix: str | None = None,
        owner: str | None = None,
        status: str | None = None,
        order: Literal["activity", "creation"] = "activity",
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Session]: ...
    async def update_session(
        self,
        id: str,
        *,
        status: str | None = None,
        owner: str | EllipsisType | None = ...,
        metadata: _Object | None = None,
        merge_metadata: _Object | None = None,
        expected_revision: int | None = None,
    ) -> Session: ...
    async def touch_session(self, id: str) -> Session: ...
    async def delete_session(self, id: str, *, erase: bool = False) -> Deletion: ...
    async def cleanup_sessions(
        self,
        *,
        older_than: timedelta | None = None,
        scope: str | None = None,
        status: str | None = None,
        dry_run: bool = False,
    ) -> Cleanup: ...
    async def save_message(
        self,
        session_id: str,
        role: str,
        content: Any,
        *,
        token_count: int | None = None,
        is_summary: bool = False,
        dedup_key: str | None = None,
        created_at: datetime | None = None,
        expected_revision: int | None = None,
    ) -> Message: ...
    async def save_messages(
        self,
        session_id: str,
        messages: Iterable[NewMessage | Message],
        *,
        expected_revision: int | None = None,
        update: SessionUpdate | None = None,
    ) -> list[Message]: ...
    async def save_summary(self, session_id: str, content: Any, *, token_count: int | None = None) -> Message: ...
    async def get_messages(
        self,
        session_id: str,
        *,
        after: int | None = None,
        before: int | None = None,
        since: datetime | None = None,
        limit: int | None = None,
        last: int | None = None,
        roles: Iterable[str] | None = None,
        summaries: bool | None = None,
    ) -> list[Message]: ...
    async def count_messages(self, session_id: str) -> int: ...
    async def pop_message(self, session_id: str) -> Message | None: ...
    async def delete_messages_before(self, session_id: str, before: int) -> int: ...
    async def clear_messages(self, session_id: str) -> int: ...
    async def get_context(self, scope: str) -> Context | None: ...
    async def set_context(self, scope: str, data: _Object, *, expected_revision: int | None = None) -> Context: ...
    async def merge_context(self, scope: str, patch: _Object, *, expected_revision: int | None = None) -> Context: ...
    async def delete_context(self, scope: str) -> bool: ...
    async def list_contexts(
        self,
        *,
        scope_prefix: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Context]: ...
    async def define_lifecycle(
        self,
        name: str,
        initial: str,
        *,
        statuses: Iterable[str] | None = None,
        moves: Iterable[Iterable[str]] = (),
        final_statuses: Iterable[str] = (),
    ) -> Lifecycle: ...
    async def list_lifecycles(self) -> list[Lifecycle]: ...
    async def stats(self) -> Stats: ...
    async def backup(self, path: _Path) -> None: ...
    async def check(self) -> StoreCheck: ...
    async def export_archive(self, archive: _Path | BinaryIO, *, tolerant: bool = False) -> ExportReport: ...
    async def import_archive(self, archive: _Path | BinaryIO, *, dry_run: bool = False) -> ImportReport: ...

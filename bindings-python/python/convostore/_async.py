"""The store for asyncio: the same operations under the same names, each awaited.

A call is carried out by one of a few threads of its own, so the event loop is never blocked. Of a cancelled call the rule is: if no thread had begun
it, nothing happens; if one had, it happens whole. Threads that find nothing to do for a moment end by themselves, so a loop that is closed with calls
pending leaves none behind.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
import weakref
from _queue import Empty, SimpleQueue
from asyncio import get_running_loop

from ._core import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterable
    from datetime import datetime, timedelta
    from types import EllipsisType, TracebackType
    from typing import Any, BinaryIO, Literal, ParamSpec, Self, TypeVar

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
        StoreCheck,
        _Clock,
        _Ids,
        _Object,
        _Path,
    )
    from ._types import NewMessage, SessionUpdate

    _P = ParamSpec("_P")
    _T = TypeVar("_T")

_THREADS = 16
"""The most threads of a store: so many writes share one commit."""
_IDLE = 1.0
"""After so many seconds without work a thread ends."""
_EXIT = 5.0
"""So many seconds the interpreter's exit waits for work that has begun."""


class _Workers:
    """Threads that carry out calls for event loops. They are made when they are needed and end when they are not."""

    __slots__ = ("__weakref__", "_free", "_lock", "_queue", "_threads")

    def __init__(self) -> None:
        self.forget()
        _ALL.add(self)

    def forget(self) -> None:
        """Begins anew, as after a fork, which takes no thread along."""
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        # How many threads wait for work, less the work that waits for a thread.
        self._free = 0

    def submit(self, work: tuple[Any, ...]) -> None:
        with self._lock:
            if self._free > 0 or len(self._threads) >= _THREADS:
                self._free -= 1
                self._queue.put(work)
                return
            thread = threading.Thread(target=_carry_out, args=(weakref.ref(self), self._queue, work), name="convostore", daemon=True)
            self._threads.add(thread)
        thread.start()

    def rest(self) -> None:
        with self._lock:
            self._free += 1

    def may_leave(self) -> bool:
        """Whether the calling thread, which found no work, may end."""
        with self._lock:
            if self._free <= 0:
                return False  # something was put into the queue for it just now
            self._free -= 1
            self._threads.discard(threading.current_thread())
            return True

    def leave(self) -> None:
        """The calling thread ends, whatever there is to do."""
        with self._lock:
            self._free -= 1
            self._threads.discard(threading.current_thread())

    def stop(self) -> set[threading.Thread]:
        """Has the threads end when they have done what they are at. Gives them back."""
        with self._lock:
            threads = set(self._threads)
        for _ in threads:
            self._queue.put(None)
        return threads


_ALL: weakref.WeakSet[_Workers] = weakref.WeakSet()


def _carry_out(workers: weakref.ref[_Workers], queue: SimpleQueue[Any], work: Any) -> None:
    """What a thread does."""
    while True:
        loop, future, function, args, kwargs = work
        result = error = None
        if not future.cancelled():
            try:
                result = function(*args, **kwargs)
            except BaseException as e:  # whatever it is, it belongs to the caller
                error = e
        del function, args, kwargs, work
        own = workers()
        if own is not None:
            own.rest()
        try:
            loop.call_soon_threadsafe(_settle, future, result, error)
        except RuntimeError:
            pass  # the loop was closed meanwhile: nobody waits any longer
        del own, loop, future, result, error
        while True:
            try:
                work = queue.get(timeout=_IDLE)
                break
            except Empty:
                own = workers()
                if own is None or own.may_leave():
                    return
                del own
        if work is None:
            own = workers()
            if own is not None:
                own.leave()
            return


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _forget_all() -> None:
    for workers in _ALL:
        workers.forget()


def _stop_all() -> None:
    until = time.monotonic() + _EXIT
    for thread in [thread for workers in _ALL for thread in workers.stop()]:
        thread.join(max(0.0, until - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def _call_exit() -> None:
    from ._core import _at_exit

    _at_exit()
    _stop_all()


atexit.register(_call_exit)


class _Opening:
    """A store that is about to be opened: `await` it, or use it in `async with`, which closes it at the end."""

    __slots__ = ("_open", "_store")

    def __init__(self, function: Callable[_P, Store], *args: _P.args, **kwargs: _P.kwargs) -> None:
        self._open = (function, args, kwargs)
        self._store: AsyncStore | None = None

    def __await__(self) -> Generator[Any, None, AsyncStore]:
        return self._opened().__await__()

    async def _opened(self) -> AsyncStore:
        workers = _Workers()
        function, args, kwargs = self._open
        loop = get_running_loop()
        future: asyncio.Future[Store] = loop.create_future()
        workers.submit((loop, future, function, args, kwargs))
        return AsyncStore(await future, _workers=workers)

    async def __aenter__(self) -> AsyncStore:
        self._store = await self._opened()
        return self._store

    async def __aexit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._store is not None:
            await self._store.close()


class AsyncStore:
    """A store for asyncio: the operations of Store under the same names and with the same arguments, each awaited.

        async with AsyncStore.open("~/.myagent/sessions.db") as store:
            session = await store.get_or_create_session(scope="C042", key="1718.55")
            await store.save_message(session.id, "user", "The app crashes on start.")
            async for message in store.stream_messages(session.id):
                print(message.role, message.content)

    Without `async with`: `store = await AsyncStore.open(path)` and, at the end, `await store.close()`. AsyncStore(store) serves a Store that is open
    already. Any event loop may use it, several at once too.

    A call that is cancelled happened whole or not at all, and the store works on. To know which, give messages a dedup_key and repeat the call.
    """

    __slots__ = ("__weakref__", "_store", "_workers")

    def __init__(self, store: Store, *, _workers: _Workers | None = None) -> None:
        self._store = store
        self._workers = _Workers() if _workers is None else _workers

    @staticmethod
    def open(
        path: _Path,
        *,
        tenant: str = "default",
        ids: _Ids = "uuid7",
        clock: _Clock | None = None,
        roles: Iterable[str] = (),
        preview: Literal["first_spoken", "first"] = "first_spoken",
        durability: Literal["full", "normal"] = "full",
        wait_limit: timedelta | float = 30.0,
    ) -> _Opening:
        return _Opening(
            Store.open,
            path,
            tenant=tenant,
            ids=ids,
            clock=clock,
            roles=roles,
            preview=preview,
            durability=durability,
            wait_limit=wait_limit,
        )

    @staticmethod
    def in_memory(
        *,
        tenant: str = "default",
        ids: _Ids = "uuid7",
        clock: _Clock | None = None,
        roles: Iterable[str] = (),
        preview: Literal["first_spoken", "first"] = "first_spoken",
    ) -> _Opening:
        return _Opening(Store.in_memory, tenant=tenant, ids=ids, clock=clock, roles=roles, preview=preview)

    def _call(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> asyncio.Future[_T]:
        loop = get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        self._workers.submit((loop, future, function, args, kwargs))
        return future

    @property
    def tenant(self) -> str:
        """The tenant that the store was opened for."""
        return self._store.tenant

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that this store accepts: the built-in ones and those declared when it was opened."""
        return self._store.roles

    def for_tenant(self, tenant: str) -> AsyncStore:
        return AsyncStore(self._store.for_tenant(tenant), _workers=self._workers)

    async def close(self) -> None:
        await self._call(self._store.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return repr(self._store).replace(".Store", ".AsyncStore", 1)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a store cannot be pickled or copied; open it anew where it is needed")

    async def stream_messages(
        self,
        session_id: str,
        *,
        after: int | None = None,
        before: int | None = None,
        since: datetime | None = None,
        limit: int | None = None,
        roles: Iterable[str] | None = None,
        summaries: bool | None = None,
    ) -> AsyncIterator[Message]:
        stream = await self._call(
            self._store.stream_messages,
            session_id,
            after=after,
            before=before,
            since=since,
            limit=limit,
            roles=roles,
            summaries=summaries,
        )
        while page := await self._call(stream._page):
            for message in page:
                yield message

    async def create_session(
        self,
        *,
        id: str | None = None,
        scope: str = '',
        key: str | None = None,
        owner: str | None = None,
        lifecycle: str | None = None,
        status: str | None = None,
        metadata: _Object | None = None,
        created_at: datetime | None = None,
    ) -> Session:
        return await self._call(
            self._store.create_session,
            id=id,
            scope=scope,
            key=key,
            owner=owner,
            lifecycle=lifecycle,
            status=status,
            metadata=metadata,
            created_at=created_at,
        )

    async def get_session(self, id: str) -> Session | None:
        return await self._call(self._store.get_session, id)

    async def get_session_by_key(self, scope: str, key: str) -> Session | None:
        return await self._call(self._store.get_session_by_key, scope, key)

    async def get_or_create_session(
        self,
        *,
        id: str | None = None,
        scope: str = '',
        key: str | None = None,
        owner: str | None = None,
        lifecycle: str | None = None,
        status: str | None = None,
        metadata: _Object | None = None,
        created_at: datetime | None = None,
    ) -> Session:
        return await self._call(
            self._store.get_or_create_session,
            id=id,
            scope=scope,
            key=key,
            owner=owner,
            lifecycle=lifecycle,
            status=status,
            metadata=metadata,
            created_at=created_at,
        )

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
    ) -> Session:
        return await self._call(
            self._store.resume_session,
            scope,
            idle=idle,
            id=id,
            key=key,
            owner=owner,
            lifecycle=lifecycle,
            status=status,
            metadata=metadata,
            created_at=created_at,
        )

    async def list_sessions(
        self,
        *,
        scope: str | None = None,
        scope_prefix: str | None = None,
        owner: str | None = None,
        status: str | None = None,
        order: Literal['activity', 'creation'] = 'activity',
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Session]:
        return await self._call(
            self._store.list_sessions,
            scope=scope,
            scope_prefix=scope_prefix,
            owner=owner,
            status=status,
            order=order,
            limit=limit,
            cursor=cursor,
        )

    async def update_session(
        self,
        id: str,
        *,
        status: str | None = None,
        owner: str | EllipsisType | None = ...,
        metadata: _Object | None = None,
        merge_metadata: _Object | None = None,
        expected_revision: int | None = None,
    ) -> Session:
        return await self._call(
            self._store.update_session,
            id,
            status=status,
            owner=owner,
            metadata=metadata,
            merge_metadata=merge_metadata,
            expected_revision=expected_revision,
        )

    async def touch_session(self, id: str) -> Session:
        return await self._call(self._store.touch_session, id)

    async def delete_session(self, id: str, *, erase: bool = False) -> Deletion:
        return await self._call(self._store.delete_session, id, erase=erase)

    async def cleanup_sessions(
        self,
        *,
        older_than: timedelta | None = None,
        scope: str | None = None,
        status: str | None = None,
        dry_run: bool = False,
    ) -> Cleanup:
        return await self._call(
            self._store.cleanup_sessions,
            older_than=older_than,
            scope=scope,
            status=status,
            dry_run=dry_run,
        )

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
    ) -> Message:
        return await self._call(
            self._store.save_message,
            session_id,
            role,
            content,
            token_count=token_count,
            is_summary=is_summary,
            dedup_key=dedup_key,
            created_at=created_at,
            expected_revision=expected_revision,
        )

    async def save_messages(
        self,
        session_id: str,
        messages: Iterable[NewMessage | Message],
        *,
        expected_revision: int | None = None,
        update: SessionUpdate | None = None,
    ) -> list[Message]:
        return await self._call(
            self._store.save_messages,
            session_id,
            messages,
            expected_revision=expected_revision,
            update=update,
        )

    async def save_summary(self, session_id: str, content: Any, *, token_count: int | None = None) -> Message:
        return await self._call(self._store.save_summary, session_id, content, token_count=token_count)

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
    ) -> list[Message]:
        return await self._call(
            self._store.get_messages,
            session_id,
            after=after,
            before=before,
            since=since,
            limit=limit,
            last=last,
            roles=roles,
            summaries=summaries,
        )

    async def count_messages(self, session_id: str) -> int:
        return await self._call(self._store.count_messages, session_id)

    async def pop_message(self, session_id: str) -> Message | None:
        return await self._call(self._store.pop_message, session_id)

    async def delete_messages_before(self, session_id: str, before: int) -> int:
        return await self._call(self._store.delete_messages_before, session_id, before)

    async def clear_messages(self, session_id: str) -> int:
        return await self._call(self._store.clear_messages, session_id)

    async def get_context(self, scope: str) -> Context | None:
        return await self._call(self._store.get_context, scope)

    async def set_context(self, scope: str, data: _Object, *, expected_revision: int | None = None) -> Context:
        return await self._call(self._store.set_context, scope, data, expected_revision=expected_revision)

    async def merge_context(self, scope: str, patch: _Object, *, expected_revision: int | None = None) -> Context:
        return await self._call(self._store.merge_context, scope, patch, expected_revision=expected_revision)

    async def delete_context(self, scope: str) -> bool:
        return await self._call(self._store.delete_context, scope)

    async def list_contexts(
        self,
        *,
        scope_prefix: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Context]:
        return await self._call(self._store.list_contexts, scope_prefix=scope_prefix, limit=limit, cursor=cursor)

    async def define_lifecycle(
        self,
        name: str,
        initial: str,
        *,
        statuses: Iterable[str] | None = None,
        moves: Iterable[Iterable[str]] = (),
        final_statuses: Iterable[str] = (),
    ) -> Lifecycle:
        return await self._call(
            self._store.define_lifecycle,
            name,
            initial,
            statuses=statuses,
            moves=moves,
            final_statuses=final_statuses,
        )

    async def list_lifecycles(self) -> list[Lifecycle]:
        return await self._call(self._store.list_lifecycles)

    async def stats(self) -> Stats:
        return await self._call(self._store.stats)

    async def backup(self, path: _Path) -> None:
        return await self._call(self._store.backup, path)

    async def check(self) -> StoreCheck:
        return await self._call(self._store.check)

    async def export_archive(self, archive: _Path | BinaryIO, *, tolerant: bool = False) -> ExportReport:
        return await self._call(self._store.export_archive, archive, tolerant=tolerant)

    async def import_archive(self, archive: _Path | BinaryIO, *, dry_run: bool = False) -> ImportReport:
        return await self._call(self._store.import_archive, archive, dry_run=dry_run)


for _name, _method in list(vars(AsyncStore).items()):
    if isinstance(_method, staticmethod):
        _method = _method.__func__
    if callable(_method) and not _name.startswith("_") and not _method.__doc__:
        _method.__doc__ = getattr(Store, _name).__doc__
del _name, _method

"""How the package is used, for mypy --strict and pyright. Never run, only checked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, assert_type

from convostore import (
    AsyncStore,
    Cleanup,
    ConflictError,
    Context,
    ConvostoreError,
    Deletion,
    ExportReport,
    ImportReport,
    JsonText,
    Lifecycle,
    Message,
    NewMessage,
    NotFoundError,
    Page,
    Session,
    SessionUpdate,
    Stats,
    Store,
    StoreCheck,
)


def clock() -> datetime:
    return datetime.now(timezone.utc)


def ids(now: datetime) -> str:
    return now.isoformat()


def sync(path: Path) -> None:
    with Store.open(path, tenant="acme", ids="uuid4", roles=["critic"], durability="normal", wait_limit=5) as store:
        assert_type(store, Store)
        assert_type(store.tenant, str)
        assert_type(store.for_tenant("other"), Store)
        session = store.create_session(scope="C042", metadata={"n": 1}, created_at=clock())
        assert_type(session, Session)
        assert_type(session.key, str | None)
        assert_type(session.metadata, dict[str, Any])
        assert_type(session.created_at, datetime)
        assert_type(store.get_session("s"), Session | None)
        assert_type(store.get_session_by_key("C042", "k"), Session | None)
        assert_type(store.get_or_create_session(id="s"), Session)
        assert_type(store.resume_session("/home", idle=timedelta(hours=1)), Session)
        page = store.list_sessions(scope_prefix="C", order="creation", limit=20)
        assert_type(page, Page[Session])
        assert_type(page.items, tuple[Session, ...])
        assert_type(page[0], Session)
        for one in page:
            assert_type(one, Session)
        assert_type(store.update_session("s", status="active", owner=None, merge_metadata=JsonText("{}")), Session)
        assert_type(store.touch_session("s"), Session)
        assert_type(store.delete_session("s", erase=True), Deletion)
        assert_type(store.cleanup_sessions(older_than=timedelta(days=1), dry_run=True), Cleanup)

        message = store.save_message("s", "user", {"parts": [1, None]}, token_count=3, dedup_key="k")
        assert_type(message, Message)
        assert_type(message.content_json, str)
        new: list[NewMessage] = [{"role": "user", "content": "x"}, {"role": "tool", "content": [1], "dedup_key": "k"}]
        update: SessionUpdate = {"status": "active", "owner": None}
        assert_type(store.save_messages("s", new, update=update), list[Message])
        store.save_messages("s", [{"role": "user", "content": "x"}])
        store.save_messages("s", store.get_messages("s", last=5))
        assert_type(store.save_summary("s", "short", token_count=1), Message)
        assert_type(store.get_messages("s", since=clock(), roles=("user",), summaries=False), list[Message])
        assert_type(iter(store.stream_messages("s")).__next__(), Message)
        stream: Iterator[Message] = store.stream_messages("s")
        assert_type(next(stream), Message)
        assert_type(store.count_messages("s"), int)
        assert_type(store.pop_message("s"), Message | None)
        assert_type(store.delete_messages_before("s", 5), int)
        assert_type(store.clear_messages("s"), int)

        assert_type(store.get_context("C042"), Context | None)
        assert_type(store.set_context("C042", {"a": 1}, expected_revision=0), Context)
        assert_type(store.merge_context("C042", {"a": None}), Context)
        assert_type(store.delete_context("C042"), bool)
        assert_type(store.list_contexts(limit=5).items, tuple[Context, ...])
        assert_type(store.define_lifecycle("r", "a", moves=[("a", "b")], final_statuses=["b"]), Lifecycle)
        assert_type(store.list_lifecycles(), list[Lifecycle])
        assert_type(store.stats(), Stats)
        assert_type(store.check(), StoreCheck)
        assert_type(store.backup("copy.db"), None)
        with open("a.archive", "wb") as file:
            assert_type(store.export_archive(file, tolerant=True), ExportReport)
        assert_type(store.import_archive(path), ImportReport)
    try:
        store.touch_session("s")
    except NotFoundError as e:
        assert_type(e.code, str)
        assert_type(e.details, dict[str, Any])
    except (ConflictError, ConvostoreError):
        pass
    match message:
        case Message(seq, role, content):
            print(seq, role, content)


async def asynchronous(path: str) -> None:
    async with AsyncStore.open(path, ids=ids, clock=clock) as store:
        assert_type(store, AsyncStore)
        session = await store.get_or_create_session(scope="C042", key="k")
        assert_type(session, Session)
        assert_type(await store.list_sessions(), Page[Session])
        assert_type(await store.get_messages(session.id, last=20), list[Message])
        assert_type(store.stream_messages(session.id), AsyncIterator[Message])
        async for message in store.stream_messages(session.id):
            assert_type(message, Message)
        assert_type(await store.get_session("s"), Session | None)
        await store.save_messages(session.id, [{"role": "user", "content": "x"}], update={"status": "active"})
        async with asyncio.timeout(1):
            await store.pop_message(session.id)
        assert_type(store.for_tenant("other"), AsyncStore)
    store = await AsyncStore.in_memory(preview="first")
    assert_type(store, AsyncStore)
    await store.close()

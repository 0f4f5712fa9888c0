"""google-adk's session services: `DatabaseSessionService` (SQLAlchemy, on SQLite by aiosqlite or on PostgreSQL by psycopg) and `SqliteSessionService`,
which opens a connection for each call. A message is an event. Only one event can be appended at a time: there is no batch. Sessions are listed all at once, without previews and without a limit: no call that could be compared.

To get or create a session is to ask for it, without its events, as is done before creating one. As shipped they have SQLite's rollback journal; for
`full` and `normal` they are given WAL and the same `synchronous` as the others.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from google.adk.events import Event
from google.adk.sessions import DatabaseSessionService
from google.adk.sessions.base_session_service import GetSessionConfig
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai.types import Content, Part
from sqlalchemy import event as events

from . import TEXT, Sessions

WHO: Any = {"app_name": "bench", "user_id": "ada"}


def said() -> Event:
    return Event(author="user", invocation_id="i", content=Content(role="user", parts=[Part(text=TEXT)]))


def dicts(session: Any) -> list[dict[str, Any]]:
    return [{"role": event.author, "content": event.content.parts[0].text} for event in session.events]


class Service:
    """What they have in common."""

    is_async = True
    has_batches = False
    service: Any

    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}

    async def fill(self, sessions: Sessions) -> None:
        """By their own calls, but for conversations: those are copies of rows that they have written."""
        names = {id for id, _, count in sessions if count == 0}
        for id in names or {"template"}:
            self.sessions[id] = await self.service.create_session(**WHO, session_id=id)
        if not names:
            await self.service.append_event(self.sessions["template"], said())
            await self.copy([(id, count) for id, _, count in sessions])

    async def copy(self, counts: list[tuple[str, int]]) -> None:
        raise NotImplementedError

    async def append(self, session: str, count: int) -> Any:
        assert count == 1
        await self.service.append_event(self.sessions[session], said())

    async def get(self, session: str, config: GetSessionConfig | None = None) -> Any:
        return await self.service.get_session(**WHO, session_id=session, config=config)

    async def load(self, session: str) -> Any:
        return dicts(await self.get(session))

    async def last(self, session: str, count: int) -> Any:
        return dicts(await self.get(session, GetSessionConfig(num_recent_events=count)))

    async def get_or_create(self, key: str) -> Any:
        found = await self.get(f"s-{key}", GetSessionConfig(num_recent_events=0))
        assert found is not None
        return found

    async def close(self) -> None:
        await self.service.close()


def copy_rows(path: str, counts: list[tuple[str, int]]) -> None:
    """Copies of the session `template` and its event: as many sessions and events as said."""
    db = sqlite3.connect(path)
    session = list(db.execute("SELECT * FROM sessions WHERE id = 'template'").fetchone())
    names = [name for _, name, *_ in db.execute("PRAGMA table_info(sessions)")]
    event = list(db.execute("SELECT * FROM events WHERE session_id = 'template'").fetchone())
    columns = [name for _, name, *_ in db.execute("PRAGMA table_info(events)")]

    def changed(row: list[Any], names: list[str], **values: Any) -> list[Any]:
        return [values.get(name, value) for name, value in zip(names, row, strict=True)]

    holes = ",".join("?" * len(names))
    db.executemany(f"INSERT INTO sessions VALUES ({holes})", [changed(session, names, id=id) for id, _ in counts])
    holes = ",".join("?" * len(columns))
    at = columns.index("timestamp")
    for id, count in counts:
        rows = [changed(event, columns, id=str(uuid.uuid4()), session_id=id) for _ in range(count)]
        if isinstance(event[at], float):
            rows = [row[:at] + [row[at] + n / 1e3] + row[at + 1 :] for n, row in enumerate(rows)]
        db.executemany(f"INSERT INTO events VALUES ({holes})", rows)
    db.commit()
    db.close()


class ADK(Service):
    def __init__(self, path: str, durability: str | None) -> None:
        super().__init__()
        self.path = path
        self.service = DatabaseSessionService(f"sqlite+aiosqlite:///{path}")
        if durability is not None:

            @events.listens_for(self.service.db_engine.sync_engine, "connect")
            def configure(connection: Any, _record: Any) -> None:
                cursor = connection.cursor()
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute(f"PRAGMA synchronous = {durability}")
                cursor.close()

    async def copy(self, counts: list[tuple[str, int]]) -> None:
        copy_rows(self.path, counts)


class ADKSqlite(Service):
    at_once = "is locked"  # it reads, then writes, in one transaction: of many at once most are told that the database is locked

    def __init__(self, path: str, durability: str | None) -> None:
        super().__init__()
        self.path = path
        service = self.service = SqliteSessionService(path)
        if durability is not None:
            with sqlite3.connect(path) as db:
                db.execute("PRAGMA journal_mode = WAL")  # which the file keeps
            db.close()
            theirs = service._get_db_connection

            @asynccontextmanager
            async def configured() -> AsyncIterator[Any]:
                async with theirs() as db:
                    await db.execute(f"PRAGMA synchronous = {durability}")
                    yield db

            service._get_db_connection = configured  # type: ignore[method-assign]

    async def copy(self, counts: list[tuple[str, int]]) -> None:
        copy_rows(self.path, counts)

    async def close(self) -> None:
        return

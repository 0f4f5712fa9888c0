"""What a tutorial would have one write: SQLAlchemy 2 with asyncio and aiosqlite, mapped classes for sessions and messages, JSON contents, a preview
by subquery. As shipped it has SQLite's rollback journal; for `full` and `normal` it is given WAL and the same `synchronous` as the others.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint, event, insert, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from . import TEXT, Sessions


class Base(DeclarativeBase):
    pass


class SessionRow(Base):
    __tablename__ = "sessions"
    __table_args__ = (UniqueConstraint("scope", "key"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    key: Mapped[str | None]
    status: Mapped[str]
    details: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)


class MessageRow(Base):
    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"), index=True)
    role: Mapped[str]
    content: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime]


class SQLAlchemy:
    is_async = True

    def __init__(self, path: str, durability: str | None) -> None:
        self.engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"timeout": 30})
        if durability is not None:

            @event.listens_for(self.engine.sync_engine, "connect")
            def configure(connection: Any, _record: Any) -> None:
                cursor = connection.cursor()
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute(f"PRAGMA synchronous = {durability}")
                cursor.close()

        self.begin = async_sessionmaker(self.engine, expire_on_commit=False).begin

    async def fill(self, sessions: Sessions) -> None:
        now = datetime.now(UTC)
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        common = {"scope": "bench", "status": "created", "details": {}, "created_at": now, "updated_at": now}
        said = {"role": "user", "content": TEXT, "created_at": now}
        messages = [{"session_id": id, **said} for id, _, count in sessions for _ in range(count)]
        async with self.begin() as db:
            await db.execute(insert(SessionRow), [{"id": id, "key": key, **common} for id, key, _ in sessions])
            if messages:
                await db.execute(insert(MessageRow), messages)

    async def append(self, session: str, count: int) -> Any:
        now = datetime.now(UTC)
        async with self.begin() as db:
            row = await db.get_one(SessionRow, session)
            row.updated_at = now
            db.add_all([MessageRow(session_id=session, role="user", content=TEXT, created_at=now) for _ in range(count)])

    async def load(self, session: str) -> Any:
        async with self.begin() as db:
            rows = await db.scalars(select(MessageRow).where(MessageRow.session_id == session).order_by(MessageRow.id))
            return [{"role": row.role, "content": row.content} for row in rows]

    async def last(self, session: str, count: int) -> Any:
        async with self.begin() as db:
            rows = await db.scalars(
                select(MessageRow).where(MessageRow.session_id == session).order_by(MessageRow.id.desc()).limit(count)
            )
            return [{"role": row.role, "content": row.content} for row in reversed(rows.all())]

    async def listing(self, count: int) -> Any:
        first = (
            select(MessageRow.content)
            .where(MessageRow.session_id == SessionRow.id)
            .order_by(MessageRow.id)
            .limit(1)
            .scalar_subquery()
        )
        async with self.begin() as db:
            rows = await db.execute(select(SessionRow, first).order_by(SessionRow.updated_at.desc()).limit(count))
            return [(row.id, preview[:100] if preview else None, row.updated_at) for row, preview in rows]

    async def get_or_create(self, key: str) -> Any:
        async with self.begin() as db:
            found = await db.scalar(select(SessionRow).where(SessionRow.scope == "bench", SessionRow.key == key))
            if found is None:
                now = datetime.now(UTC)
                found = SessionRow(id=key, scope="bench", key=key, status="created", details={}, created_at=now, updated_at=now)
                db.add(found)
            return found

    async def close(self) -> None:
        await self.engine.dispose()

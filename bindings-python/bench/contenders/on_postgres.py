"""What is compared on PostgreSQL, all on the same server, each in a schema of its own. The calls are those of the SQLite bench, and `update(key)`."""

from __future__ import annotations

from typing import Any

import convostore
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from . import TEXT, Sessions

CONNECTIONS = 16
"""As many as ours opens unless told otherwise."""
ITEM: Any = {"role": "user", "content": TEXT}


class Store:
    is_async = False

    def __init__(self, url: str, schema: str) -> None:
        self.store = convostore.Store.open(url, schema=schema)

    async def fill(self, sessions: Sessions) -> None:
        for id, key, count in sessions:
            self.store.create_session(id=id, scope="bench", key=key, lifecycle="ticket")
            for first in range(0, count, 1000):
                self.store.save_messages(id, [ITEM] * min(1000, count - first))

    def append(self, session: str, count: int) -> Any:
        if count == 1:
            return self.store.save_message(session, "user", TEXT)
        return self.store.save_messages(session, [ITEM] * count)

    def load(self, session: str) -> Any:
        return [{"role": m.role, "content": m.content} for m in self.store.get_messages(session)]

    def last(self, session: str, count: int) -> Any:
        return [{"role": m.role, "content": m.content} for m in self.store.get_messages(session, last=count)]

    def listing(self, count: int) -> Any:
        return [(s.id, s.preview, s.last_active_at) for s in self.store.list_sessions(scope="bench", limit=count)]

    def get_or_create(self, key: str) -> Any:
        return self.store.get_or_create_session(scope="bench", key=key, lifecycle="ticket")

    def update(self, key: str) -> Any:
        return self.store.update_session(f"s-{key}", merge_metadata={"jira_key": f"OPS-{key}"})

    async def close(self) -> None:
        self.store.close()


class AsyncStore:
    is_async = True

    def __init__(self, url: str, schema: str) -> None:
        self.sync = Store(url, schema)
        self.store = convostore.AsyncStore(self.sync.store)

    async def fill(self, sessions: Sessions) -> None:
        await self.sync.fill(sessions)

    async def append(self, session: str, count: int) -> Any:
        if count == 1:
            return await self.store.save_message(session, "user", TEXT)
        return await self.store.save_messages(session, [ITEM] * count)

    async def load(self, session: str) -> Any:
        return [{"role": m.role, "content": m.content} for m in await self.store.get_messages(session)]

    async def last(self, session: str, count: int) -> Any:
        return [{"role": m.role, "content": m.content} for m in await self.store.get_messages(session, last=count)]

    async def listing(self, count: int) -> Any:
        return [(s.id, s.preview, s.last_active_at) for s in await self.store.list_sessions(scope="bench", limit=count)]

    async def get_or_create(self, key: str) -> Any:
        return await self.store.get_or_create_session(scope="bench", key=key, lifecycle="ticket")

    async def update(self, key: str) -> Any:
        return await self.store.update_session(f"s-{key}", merge_metadata={"jira_key": f"OPS-{key}"})

    async def close(self) -> None:
        await self.store.close()


def within(url: str, schema: str) -> str:
    """The same server, in that schema."""
    return make_conninfo(url, options=f"-csearch_path={schema}")


def pool_of(url: str, schema: str, **more: Any) -> Any:
    return AsyncConnectionPool(within(url, schema), min_size=CONNECTIONS, max_size=CONNECTIONS, open=False, kwargs={"autocommit": True, **more})


TABLES = """
    CREATE TABLE thread_sessions (
        id text PRIMARY KEY DEFAULT gen_random_uuid()::text, channel_id text NOT NULL, thread_ts text NOT NULL, user_id text,
        status text NOT NULL DEFAULT 'collecting', jira_key text, draft jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), UNIQUE (channel_id, thread_ts));
    CREATE INDEX ON thread_sessions (channel_id, updated_at DESC);
    CREATE TABLE thread_messages (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, session_id text NOT NULL REFERENCES thread_sessions ON DELETE CASCADE,
        role text NOT NULL, content text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX ON thread_messages (session_id, id);
"""
APPEND = """
    WITH touched AS (UPDATE thread_sessions SET updated_at = now() WHERE id = %s RETURNING id)
    INSERT INTO thread_messages (session_id, role, content) SELECT touched.id, said.role, said.content
    FROM touched, unnest(%s::text[], %s::text[]) AS said (role, content) RETURNING id
"""
FIND = "SELECT * FROM thread_sessions WHERE channel_id = %s AND thread_ts = %s"
LIST = """
    SELECT s.*, (SELECT left(content, 100) FROM thread_messages m WHERE m.session_id = s.id ORDER BY m.id LIMIT 1) AS preview
    FROM thread_sessions s WHERE channel_id = %s ORDER BY updated_at DESC LIMIT %s
"""


class Psycopg:
    """The ticket bot's store as one would write it with psycopg 3: a pool, a statement a call, prepared by psycopg. It numbers no messages in their
    session, keeps no previews or counters, knows no tenants and no revisions."""

    is_async = True

    def __init__(self, url: str, schema: str) -> None:
        self.pool = pool_of(url, schema, row_factory=dict_row)
        self.schema = schema

    async def all(self, sql: str, *values: Any) -> Any:
        async with self.pool.connection() as db:
            return await (await db.execute(sql, values)).fetchall()

    async def fill(self, sessions: Sessions) -> None:
        await self.pool.open(wait=True)
        async with self.pool.connection() as db:
            await db.execute(f"CREATE SCHEMA {self.schema}")
            await db.execute(TABLES)
            for id, key, count in sessions:
                await db.execute("INSERT INTO thread_sessions (id, channel_id, thread_ts) VALUES (%s, 'bench', %s)", (id, key or id))
                if count:
                    await db.execute(APPEND, (id, ["user"] * count, [TEXT] * count))

    async def append(self, session: str, count: int) -> Any:
        return await self.all(APPEND, session, ["user"] * count, [TEXT] * count)

    async def load(self, session: str) -> Any:
        return await self.all("SELECT role, content FROM thread_messages WHERE session_id = %s ORDER BY id", session)

    async def last(self, session: str, count: int) -> Any:
        rows = await self.all("SELECT role, content FROM thread_messages WHERE session_id = %s ORDER BY id DESC LIMIT %s", session, count)
        return rows[::-1]

    async def listing(self, count: int) -> Any:
        return await self.all(LIST, "bench", count)

    async def get_or_create(self, key: str) -> Any:
        if found := await self.all(FIND, "bench", key):
            return found[0]
        await self.all("INSERT INTO thread_sessions (channel_id, thread_ts) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id", "bench", key)
        return (await self.all(FIND, "bench", key))[0]

    async def update(self, key: str) -> Any:
        return await self.all("UPDATE thread_sessions SET jira_key = %s, updated_at = now() WHERE id = %s RETURNING *", f"OPS-{key}", f"s-{key}")

    async def close(self) -> None:
        await self.pool.close()


class LangGraph:
    """See langgraph.py."""

    is_async = True

    def __init__(self, url: str, schema: str) -> None:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

        from .langgraph import Threads

        self.pool = pool_of(url, schema, prepare_threshold=0, row_factory=dict_row)
        self.schema, self.made, self.threads = schema, AsyncPostgresSaver, Threads()

    async def fill(self, sessions: Sessions) -> None:
        await self.pool.open(wait=True)
        async with self.pool.connection() as db:
            await db.execute(f"CREATE SCHEMA {self.schema}")
        self.saver = self.made(self.pool)
        await self.saver.setup()
        for id, _, count in sessions:
            if count >= 1000:
                self.threads.put(id, await self.saver.aput(*self.threads.step(id, count, None)))

    async def append(self, session: str, count: int) -> Any:
        self.threads.put(session, await self.saver.aput(*self.threads.step(session, count)))

    async def load(self, session: str) -> Any:
        from .langgraph import dicts

        return dicts(await self.saver.aget_tuple({"configurable": {"thread_id": session, "checkpoint_ns": ""}}))

    async def close(self) -> None:
        await self.pool.close()


def adk(url: str, schema: str) -> Any:
    """google-adk's DatabaseSessionService; see adk.py."""
    from google.adk.sessions import DatabaseSessionService

    from .adk import Service

    class ADK(Service):
        def __init__(self) -> None:
            super().__init__()
            about = conninfo_to_dict(url)
            place = f"postgresql+psycopg://{about['user']}@/{about['dbname']}?host={about['host']}&options=-csearch_path%3D{schema}"
            self.service = DatabaseSessionService(place, pool_size=CONNECTIONS)
            self.pool = pool_of(url, schema, row_factory=dict_row)

        async def fill(self, sessions: Sessions) -> None:
            await self.pool.open(wait=True)
            async with self.pool.connection() as db:
                await db.execute(f"CREATE SCHEMA {schema}")
            await super().fill(sessions)

        async def copy(self, counts: list[tuple[str, int]]) -> None:
            async with self.pool.connection() as db:
                found = db.execute(
                    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s ORDER BY ordinal_position", (schema,)
                )
                columns: dict[str, list[str]] = {}
                for row in await (await found).fetchall():
                    columns.setdefault(row["table_name"], []).append(row["column_name"])
                changes = {"id": "%(id)s"}
                one = ", ".join(changes.get(name, f'"{name}"') for name in columns["sessions"])
                changes = {"id": "gen_random_uuid()::text", "session_id": "%(id)s", "timestamp": "timestamp + n * interval '1 ms'"}
                many = ", ".join(changes.get(name, f'"{name}"') for name in columns["events"])
                for id, count in counts:
                    values = {"id": id, "count": count}
                    await db.execute(f"INSERT INTO sessions SELECT {one} FROM sessions WHERE id = 'template'", values)
                    await db.execute(
                        f"INSERT INTO events SELECT {many} FROM events, generate_series(1, %(count)s) AS n WHERE session_id = 'template'", values
                    )

        async def close(self) -> None:
            await self.pool.close()
            await self.service.close()

    return ADK()


MADE = {"Store": Store, "AsyncStore": AsyncStore, "psycopg": Psycopg, "langgraph": LangGraph, "ADK": adk}

"""openai-agents' SQLiteSession: an object per conversation, a JSON text per item, each call in a thread, a connection per thread and object.

It sets WAL and leaves `synchronous` as SQLite was built, which is FULL in Python's: as durable as we are by default. There is no call to list
conversations. Nor is there one to get or create; its constructor, which opens the file and creates what is missing, stands in for it.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from agents import SQLiteSession as Theirs

from . import TEXT, Sessions

ITEM: Any = {"role": "user", "content": TEXT}


class Full(Theirs):
    @staticmethod
    def _configure_connection(conn: sqlite3.Connection) -> None:
        Theirs._configure_connection(conn)
        conn.execute("PRAGMA synchronous = FULL")


class Normal(Theirs):
    @staticmethod
    def _configure_connection(conn: sqlite3.Connection) -> None:
        Theirs._configure_connection(conn)
        conn.execute("PRAGMA synchronous = NORMAL")


class SQLiteSession:
    is_async = True

    def __init__(self, path: str, durability: str | None) -> None:
        self.path = path
        self.made = {None: Theirs, "full": Full, "normal": Normal}[durability]
        self.sessions: dict[str, Theirs] = {}

    def session(self, id: str) -> Theirs:
        found = self.sessions.get(id)
        if found is None:
            found = self.sessions[id] = self.made(id, self.path)
        return found

    def fill(self, sessions: Sessions) -> None:
        self.session(sessions[0][0])  # makes the tables
        with sqlite3.connect(self.path) as db:
            db.executemany("INSERT INTO agent_sessions (session_id) VALUES (?)", [(id,) for id, _, _ in sessions])
            for id, _, count in sessions:
                db.executemany("INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)", [(id, json.dumps(ITEM))] * count)
        db.close()

    async def append(self, session: str, count: int) -> Any:
        await self.session(session).add_items([ITEM] * count)

    async def load(self, session: str) -> Any:
        return await self.session(session).get_items()

    async def last(self, session: str, count: int) -> Any:
        return await self.session(session).get_items(limit=count)

    async def get_or_create(self, key: str) -> Any:
        return self.made(f"key-{key}", self.path)

    def close(self) -> None:
        for session in self.sessions.values():
            session.close()

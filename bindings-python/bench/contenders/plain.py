"""Python's sqlite3 used well: WAL, cached statements, one BEGIN IMMEDIATE a write, and the same tables as convostore's, text in a column."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from . import TEXT, Sessions

SCHEMA = Path(__file__).parents[3] / "core/src/backend/sqlite/migrations/001_initial.sql"
INSERT = "INSERT INTO messages (id, role, is_summary, is_text, created_at, content) VALUES (?, ?, 0, 1, ?, ?)"


class Plain:
    is_async = False

    def __init__(self, path: str, durability: str | None) -> None:
        fresh = not Path(path).exists()
        self.db = sqlite3.connect(path, isolation_level=None, timeout=30)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute(f"PRAGMA synchronous = {durability or 'full'}")
        self.db.execute("PRAGMA secure_delete = ON")
        if fresh:
            self.db.executescript(SCHEMA.read_text())

    def fill(self, sessions: Sessions) -> None:
        now = time.time_ns() // 1_000_000
        self.db.execute("BEGIN IMMEDIATE")
        for no, (id, key, count) in enumerate(sessions, 1):
            preview = TEXT[:100] if count else None
            self.db.execute(
                "INSERT INTO sessions VALUES (?, 'default', ?, 'bench', ?, NULL, 'agent', 'created', 0, ?, ?, 2, ?, ?, ?, ?, ?)",
                (no, id, key, count, count, now, now, now, 1 if count else None, preview),
            )
            self.db.executemany(INSERT, [(no << 32 | seq, "user", now, TEXT) for seq in range(1, count + 1)])
        self.db.execute("COMMIT")

    def append(self, session: str, count: int) -> Any:
        now = time.time_ns() // 1_000_000
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        try:
            ((no, last),) = db.execute(
                "UPDATE sessions SET message_count = message_count + ?3, last_seq = last_seq + ?3, revision = revision + 1,"
                " updated_at = max(updated_at, ?4), last_active_at = max(last_active_at, ?4),"
                " preview_seq = coalesce(preview_seq, last_seq + 1), preview = coalesce(preview, ?5)"
                " WHERE tenant = ?1 AND id = ?2 RETURNING no, last_seq",
                ("default", session, count, now, TEXT[:100]),
            ).fetchall()
            first = (no << 32 | last) - count + 1
            if count == 1:
                db.execute(INSERT, (first, "user", now, TEXT))
            else:
                db.executemany(INSERT, [(first + n, "user", now, TEXT) for n in range(count)])
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        return last

    def no(self, session: str) -> int:
        number: int = self.db.execute("SELECT no FROM sessions WHERE tenant = ? AND id = ?", ("default", session)).fetchone()[0]
        return number

    def load(self, session: str) -> Any:
        rows = self.db.execute(
            "SELECT role, content FROM messages WHERE id > ?1 << 32 AND id < (?1 + 1) << 32 ORDER BY id", (self.no(session),)
        )
        return [{"role": role, "content": content} for role, content in rows]

    def last(self, session: str, count: int) -> Any:
        rows = self.db.execute(
            "SELECT role, content FROM messages WHERE id > ?1 << 32 AND id < (?1 + 1) << 32 ORDER BY id DESC LIMIT ?2",
            (self.no(session), count),
        ).fetchall()
        return [{"role": role, "content": content} for role, content in reversed(rows)]

    def listing(self, count: int) -> Any:
        return self.db.execute(
            "SELECT id, preview, last_active_at FROM sessions WHERE tenant = 'default'"
            " ORDER BY last_active_at DESC, created_at DESC, id DESC LIMIT ?",
            (count,),
        ).fetchall()

    def get_or_create(self, key: str) -> Any:
        found = self.db.execute(
            "SELECT s.id, scope, key, owner, lifecycle, status, message_count, revision, created_at, updated_at, last_active_at, preview, metadata"
            " FROM sessions s LEFT JOIN session_metadata d ON d.session_no = s.no WHERE tenant = 'default' AND scope = 'bench' AND key = ?",
            (key,),
        ).fetchone()
        assert found is not None, "only of sessions that are there"
        return found

    def close(self) -> None:
        self.db.close()

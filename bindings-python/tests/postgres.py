"""The PostgreSQL server for tests: CONVOSTORE_TEST_POSTGRES_URL names it, CONVOSTORE_SKIP_POSTGRES=1 skips, which test.sh says aloud at the end."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

_numbers = itertools.count(1)


def url() -> str:
    """The server's URL. Skips the test only where one was told to."""
    found = os.environ.get("CONVOSTORE_TEST_POSTGRES_URL")
    if found:
        return found
    if os.environ.get("CONVOSTORE_SKIP_POSTGRES") == "1":
        pytest.skip("CONVOSTORE_SKIP_POSTGRES=1")
    raise AssertionError(
        "no PostgreSQL to test on: run test.sh, or set CONVOSTORE_TEST_POSTGRES_URL, or CONVOSTORE_SKIP_POSTGRES=1"
    )


def options(**more: Any) -> dict[str, Any]:
    """Options of a store in a schema that nobody else has."""
    schema = f"py_{os.getpid()}_{time.time_ns() // 1000}_{next(_numbers)}"
    pooled = {"prepared_statements": False} if os.environ.get("CONVOSTORE_TEST_POSTGRES_UNPREPARED") else {}
    return {"schema": schema, "max_connections": 4} | pooled | more


def connect() -> psycopg.Connection[Any]:
    """A connection past the store."""
    return psycopg.connect(url(), autocommit=True)


def drop(schema: str) -> None:
    with connect() as db:
        db.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@contextmanager
def held(schema: str, session_id: str) -> Iterator[None]:
    """Another client holds the lock on a session's row until the end of the block."""
    with psycopg.connect(url()) as db:
        db.execute("SELECT set_config('convostore.tenant', '=default', true)")
        sql = f'SELECT 1 FROM "{schema}".sessions WHERE tenant = %s AND id = %s FOR UPDATE'
        assert db.execute(sql, ("default", session_id)).fetchone() is not None
        try:
            yield
        finally:
            db.rollback()


def until_one_waits(schema: str) -> None:
    """Until another client waits for a lock that is held here."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s AND pid <> pg_backend_pid()"
    until = time.monotonic() + 60
    with connect() as db:
        while True:
            found = db.execute(waiting, (f"%{schema}%",)).fetchone()
            if found is not None and found[0] > 0:
                return
            assert time.monotonic() < until, "nobody waits"
            time.sleep(0.05)

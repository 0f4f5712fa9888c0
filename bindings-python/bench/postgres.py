"""convostore on PostgreSQL beside a store by hand on psycopg 3, langgraph's saver and google-adk's session service: medians and ratios, in turns.

    scripts/postgres.sh python postgres.py [--quick]

All speak to one server over its socket, with up to 16 connections, and are as durable as that server is: the one that the script starts does not
sync at all, so what is compared is the work, not the disk. Appends to target/bench/results.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import psycopg
from contenders import Sessions
from contenders.on_postgres import MADE
from measure import Timed, Work, in_turns
from report import Report

COLUMNS = list(MADE)
TASKS, EACH = 64, 4
SMALL: Sessions = [("one", None, 0), *((f"task-{n}", None, 0) for n in range(TASKS))]
LARGE: Sessions = [("s-0", "0", 1000), ("s-1", "1", 10_000), *((f"s-{n}", f"{n}", 2) for n in range(2, 1000))]


async def settled(found: Any) -> Any:
    return await found if hasattr(found, "__await__") else found


async def opened(url: str, what: str, sessions: Sessions) -> dict[str, Any]:
    contenders = {}
    for name, make in MADE.items():
        schema = f"bench_{time.time_ns()}_{what}_{name.lower()}"
        contenders[name] = make(url, schema)
        await contenders[name].fill(sessions)
    return contenders


async def case(report: Report, workload: str, rounds: int, calls: int, contenders: dict[str, Any], call: str, arguments: Callable[[int], tuple[Any, ...]], **how: Any) -> None:
    size = how.pop("size", None)
    works: dict[str, tuple[bool | None, Work | Timed]] = {}
    for name, made in contenders.items():
        method = getattr(made, call, None)
        if method is None or (workload == "append 50" and not getattr(made, "has_batches", True)):
            continue
        if size is not None and len(await settled(method(*arguments(0)))) != size:
            raise AssertionError(f"{name} gave another number of results for {workload} than {size}")
        works[name] = (made.is_async, lambda n, method=method: method(*arguments(n)))
    report.row(workload, await in_turns(rounds, calls, works), **how)


async def at_once(report: Report, contenders: dict[str, Any], rounds: int) -> None:
    def all_of(made: Any) -> Work:
        async def task(id: str) -> None:
            for _ in range(EACH):
                await made.append(id, 1)

        async def all(_: int) -> None:
            await asyncio.gather(*(task(f"task-{n}") for n in range(TASKS)))

        return all

    times = await in_turns(rounds, 1, {name: (True, all_of(made)) for name, made in contenders.items() if made.is_async})
    report.row(f"{TASKS} tasks at once, a message", {name: found / (TASKS * EACH) for name, found in times.items()}, base="AsyncStore", absent="not async")


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    url = os.environ.get("CONVOSTORE_TEST_POSTGRES_URL")
    if url is None:
        if os.environ.get("CONVOSTORE_SKIP_POSTGRES") == "1":
            return
        sys.exit("no PostgreSQL: run this under scripts/postgres.sh, or set CONVOSTORE_TEST_POSTGRES_URL")
    with psycopg.connect(url, autocommit=True) as db:
        ((server,),) = db.execute("SELECT current_setting('server_version')").fetchall()
        ((sync,),) = db.execute("SELECT current_setting('fsync')").fetchall()
    packages = ["convostore", "psycopg", "langgraph-checkpoint-postgres", "google-adk", "SQLAlchemy"]
    print(f"\nPostgreSQL {server}, fsync {sync}; Python {platform.python_version()}; " + ", ".join(f"{name} {version(name)}" for name in packages))
    report = Report("python-postgres", COLUMNS)
    n = 4 if quick else 40

    contenders = await opened(url, "writes", SMALL)
    await case(report, "append one", n, 20, contenders, "append", lambda _: ("one", 1))
    await case(report, "append 50", n // 2, 4, contenders, "append", lambda _: ("one", 50))
    await at_once(report, contenders, max(2, n // 4))
    for made in contenders.values():
        await made.close()

    contenders = await opened(url, "reads", LARGE)
    await case(report, "load 1,000: dicts of role and content", n, 4, contenders, "load", lambda _: ("s-0",), size=1000)
    await case(report, "last 20 of 10,000", n, 20, contenders, "last", lambda _: ("s-1", 20), size=20)
    await case(report, "list 50 of 1,000 with previews", n, 10, contenders, "listing", lambda _: (50,), size=50)
    await case(report, "get or create, is there", n, 20, contenders, "get_or_create", lambda n: (f"{n % 900}",))
    await case(report, "update a session's data", n, 20, contenders, "update", lambda n: (f"{n % 900}",))
    for made in contenders.values():
        await made.close()
    with psycopg.connect(url, autocommit=True) as db:
        for (schema,) in db.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'bench\\_%'").fetchall():
            db.execute(f'DROP SCHEMA "{schema}" CASCADE')

    report.print()
    print("Store waits for each answer; AsyncStore, psycopg, langgraph and ADK are awaited. psycopg is the ticket bot's store by hand: see contenders/on_postgres.py")
    report.keep()


if __name__ == "__main__":
    asyncio.run(main())

"""convostore beside Python's sqlite3 used well and openai-agents' SQLiteSession, in one run, in turns. Prints medians in microseconds.

    pip install convostore openai-agents
    python compare.py [rounds]

Durability: `full` means synchronous=FULL in WAL mode for all of them (SQLiteSession is given it by a PRAGMA on its connection).
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents import SQLiteSession

from convostore import AsyncStore, Store

TEXT = "x" * 300
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15


class Raw:
    """What somebody careful would write: WAL, prepared statements, one transaction a write, text in a column."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(
            "pragma journal_mode=wal; pragma synchronous=full;"
            "create table sessions(id text primary key, updated_at real);"
            "create table messages(session text, seq integer, role text, content text, created_at real, primary key(session, seq)) without rowid;"
        )

    def add(self, session: str, items: list[dict[str, str]]) -> None:
        self.db.execute("begin immediate")
        self.db.execute("insert into sessions values(?, ?) on conflict(id) do update set updated_at = excluded.updated_at", (session, time.time()))
        (last,) = self.db.execute("select coalesce(max(seq), 0) from messages where session = ?", (session,)).fetchone()
        self.db.executemany(
            "insert into messages values(?, ?, ?, ?, ?)",
            [(session, last + n, item["role"], item["content"], time.time()) for n, item in enumerate(items, 1)],
        )
        self.db.execute("commit")

    def get(self, session: str, last: int) -> list[dict[str, str]]:
        rows = self.db.execute(
            "select role, content from messages where session = ? order by seq desc limit ?", (session, last)
        ).fetchall()
        return [{"role": role, "content": content} for role, content in reversed(rows)]


def measure(work: Callable[[], Any], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - began) / calls * 1e6


def sync_time(folder: str) -> float:
    with open(f"{folder}/sync", "wb") as file:
        def once() -> None:
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())

        return min(measure(once, 20) for _ in range(5))


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        store = Store.open(f"{folder}/a.db")
        raw = Raw(f"{folder}/b.db")
        loop = asyncio.new_event_loop()

        # SQLiteSession hands its work to threads and keeps a connection in each: all of them are to be as durable.
        connect = sqlite3.connect

        def durable(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            db = connect(*args, **kwargs)
            db.execute("pragma synchronous=full")
            return db

        sqlite3.connect = durable  # type: ignore[assignment]
        theirs = {n: SQLiteSession(n, f"{folder}/c.db") for n in ("one", "thousand", "many")}
        ours = {n: store.create_session(id=n) for n in ("one", "thousand", "many")}
        facade = AsyncStore(store)
        item: Any = {"role": "user", "content": TEXT}
        for name, count in (("one", 1), ("thousand", 1000), ("many", 10_000)):
            store.save_messages(name, [item] * count)
            raw.add(name, [item] * count)
            loop.run_until_complete(theirs[name].add_items([item] * count))

        def run(call: Callable[[], Any]) -> Callable[[], Any]:
            return lambda: loop.run_until_complete(call())

        cases: dict[str, tuple[int, dict[str, Callable[[], Any]]]] = {
            "append 1": (50, {
                "ours": lambda: store.save_message("one", "user", TEXT),
                "ours async": run(lambda: facade.save_message("one", "user", TEXT)),
                "sqlite3": lambda: raw.add("one", [item]),
                "SQLiteSession": run(lambda: theirs["one"].add_items([item])),
            }),
            "append 50": (20, {
                "ours": lambda: store.save_messages("one", [item] * 50),
                "sqlite3": lambda: raw.add("one", [item] * 50),
                "SQLiteSession": run(lambda: theirs["one"].add_items([item] * 50)),
            }),
            "load 1,000 as role and content": (10, {
                "ours": lambda: [{"role": m.role, "content": m.content} for m in store.get_messages("thousand")],
                "ours records": lambda: store.get_messages("thousand"),
                "ours to_dict": lambda: [m.to_dict() for m in store.get_messages("thousand")],
                "sqlite3": lambda: raw.get("thousand", 1000),
                "SQLiteSession": run(lambda: theirs["thousand"].get_items()),
            }),
            "last 20 of 10,000": (100, {
                "ours": lambda: [{"role": m.role, "content": m.content} for m in store.get_messages("many", last=20)],
                "sqlite3": lambda: raw.get("many", 20),
                "SQLiteSession": run(lambda: theirs["many"].get_items(limit=20)),
            }),
            "get or create": (200, {"ours": lambda: store.get_or_create_session(scope="C", key="k")}),
        }
        print(f"{ROUNDS} rounds in turns, durability full, 300-byte messages; the disk's fdatasync takes {sync_time(folder):.0f} us")
        results = []
        for case, (calls, contenders) in cases.items():
            times: dict[str, list[float]] = {name: [] for name in contenders}
            names = list(contenders)
            for turn in range(ROUNDS):
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    times[name].append(measure(contenders[name], calls))
            medians = {name: statistics.median(found) for name, found in times.items()}
            print(f"{case:32}" + "  ".join(f"{name} {us:.1f} ({us / medians['ours']:.2f}x)" for name, us in medians.items()))
            results += [{"bench": "python", "case": case, "who": name, "us": round(us, 2)} for name, us in medians.items()]
        target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[2] / "target")) / "bench"
        target.mkdir(parents=True, exist_ok=True)
        with (target / "results.jsonl").open("a") as file:
            file.writelines(json.dumps(result) + "\n" for result in results)
        loop.run_until_complete(facade.close())


if __name__ == "__main__":
    main()

"""convostore beside what one would use in Python instead, in one run, in turns: medians, ratios, and goals.

    run.sh [--quick] [--folder DIR]

Prints a table and appends to target/bench/results.jsonl, a line {suite, workload, contender, metric, value} each. Machines are noisy, so only the
ratio of contenders that took turns is worth anything. All have WAL and the same `synchronous`, but for the row that shows them as they are shipped.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import inspect
import platform
import resource
import sqlite3
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from contenders import Sessions, contender
from measure import Timed, Work, disk_sync, import_program, in_fresh_interpreters, in_turns
from report import COLUMNS, RESULTS, Report

HERE = Path(__file__).parent
TASKS, EACH = 64, 4
SMALL: Sessions = [("one", None, 0), *((f"task-{n}", None, 0) for n in range(TASKS))]
LARGE: Sessions = [("s-0", "0", 1000), ("s-1", "1", 10_000), *((f"s-{n}", f"{n}", 2) for n in range(2, 10_000))]
IMPORTS = {
    "Store": "import convostore",
    "AsyncStore": "from convostore import AsyncStore",
    "sqlite3": "import sqlite3",
    "SQLiteSession": "from agents import SQLiteSession",
    "langchain": "from langchain_community.chat_message_histories import SQLChatMessageHistory",
    "SQLAlchemy": "import sqlalchemy.ext.asyncio, sqlalchemy.orm, aiosqlite",
    "langgraph": "import langgraph.checkpoint.sqlite",
    "ADK": "from google.adk.sessions import DatabaseSessionService",
    "ADK-sqlite": "from google.adk.sessions.sqlite_session_service import SqliteSessionService",
}
PROCESSES = [name for name in COLUMNS if name != "rusqlite"]
"""Those that are in a Python process."""


async def settled(found: Any) -> Any:
    return await found if inspect.isawaitable(found) else found


class Bench:
    def __init__(self, folder: str, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        self.report = Report()

    async def open(self, file: str, durability: str | None, sessions: Sessions | None, names: list[str]) -> dict[str, Any]:
        """The contenders, each with a file of its own, which is filled when `sessions` are given."""
        found = {}
        for name in names:
            made = contender(name)(f"{self.folder}/{file}-{name}.db", durability)
            if sessions is not None:
                await settled(made.fill(sessions))
            found[name] = made
        return found

    async def case(
        self, workload: str, rounds: int, calls: int, contenders: dict[str, Any], call: str, arguments: Callable[[int], tuple[Any, ...]], **how: Any
    ) -> dict[str, float]:
        """Measures one call of the contenders that have it.

        In `how`, beside what a row takes: `size`, how many results there must be; `near`, whether AsyncStore is compared with Store, and with what
        asyncio itself takes to have a thread do nothing.
        """
        size, near, how["near"] = how.pop("size", None), how.pop("near", False), how.pop("raw", None)
        works: dict[str, tuple[bool | None, Work | Timed]] = {}
        for name, made in contenders.items():
            method, takes_time = getattr(made, call, None), getattr(made, f"timed_{call}", None)
            if takes_time is not None:
                works[name] = (None, lambda n, takes_time=takes_time: takes_time(n, *arguments(0)))
            if method is None or (workload.startswith("append 50") and not getattr(made, "has_batches", True)):
                continue
            if size is not None and len(await settled(method(*arguments(0)))) != size:
                raise AssertionError(f"{name} gave another number of results for {workload} than {size}")
            works[name] = (made.is_async, lambda n, method=method: method(*arguments(n)))
        gc.collect()
        gc.freeze()
        with ThreadPoolExecutor(1) as thread:
            if near:
                loop = asyncio.get_running_loop()
                works["hand-over"] = True, lambda _: loop.run_in_executor(thread, int)
            times = await in_turns(max(5, rounds // 12) if self.quick else rounds, calls, works)
        self.report.row(workload, times, **how)
        if near:
            self.nearness(workload, times, times["hand-over"])
        return times

    async def writes(self, durability: str) -> None:
        contenders = await self.open(f"writes-{durability}", durability, SMALL, COLUMNS)
        goal, raw = {"SQLiteSession": 2.3}, {"rusqlite": 1.15}
        await self.case(f"append one, {durability}", 100, 20, contenders, "append", lambda _: ("one", 1), goals=goal, raw=raw, near=durability == "normal")
        goal = {"SQLiteSession": 2.0}
        await self.case(f"append 50, {durability}", 60, 4, contenders, "append", lambda _: ("one", 50), goals=goal)
        await self.at_once(durability, contenders)
        for made in contenders.values():
            await settled(made.close())

    async def at_once(self, durability: str, contenders: dict[str, Any]) -> None:
        """Many tasks at once, each with a session of its own. Who cannot do it, as SQLite was locked for too long, is shown so."""
        fails = {name: made.at_once for name, made in contenders.items() if hasattr(made, "at_once")}

        def all_of(name: str, made: Any) -> Work:
            async def task(id: str) -> None:
                for _ in range(EACH):
                    await made.append(id, 1)

            async def all(_: int) -> None:
                if name in fails:
                    return
                done = await asyncio.gather(*(task(f"task-{n}") for n in range(TASKS)), return_exceptions=True)
                for error in filter(None, done):
                    if name == "AsyncStore" or "locked" not in str(error):
                        raise error
                    fails[name] = "is locked"

            return all

        works = {name: (True, all_of(name, made)) for name, made in contenders.items() if made.is_async and name not in fails}
        times = await in_turns(2 if self.quick else 25, 1, works)
        a_message = {name: time / (TASKS * EACH) for name, time in times.items() if name not in fails}
        workload = f"{TASKS} tasks at once, a message, {durability}"
        self.report.row(workload, a_message, base="AsyncStore", absent="not async", fails=fails)

    def nearness(self, workload: str, times: dict[str, float], hand_over: float) -> None:
        more = times["AsyncStore"] - times["Store"]
        cells = ["", f"{more:.1f}       "]
        self.report.add("… AsyncStore less Store", cells, "AsyncStore ≤ Store + 25", more <= 25, f"AsyncStore less Store, {workload}")
        self.report.line(workload, "AsyncStore", "us_more_than_Store", more)
        self.report.add("… run_in_executor of nothing (***)", ["", f"{hand_over:.1f}       "], "", True)
        self.report.line(workload, "run_in_executor of nothing", "median_us", hand_over)

    async def as_shipped(self) -> None:
        names = [name for name in COLUMNS if name not in ("sqlite3", "rusqlite")]
        contenders = await self.open("shipped", None, SMALL, names)
        await self.case("append one, as shipped (*)", 40, 10, contenders, "append", lambda _: ("one", 1), absent="")
        for made in contenders.values():
            await settled(made.close())

    async def reads(self) -> None:
        contenders = await self.open("reads", "normal", LARGE, PROCESSES)
        dicts = {"SQLiteSession": 3.5}
        await self.case("load 1,000: dicts of role and content", 60, 4, contenders, "load", lambda _: ("s-0",), goals=dicts, size=1000)
        ours = {name: made for name, made in contenders.items() if name.endswith("Store")}
        await self.case("… to_dict(), all 7 members", 60, 4, ours, "load_all", lambda _: ("s-0",), absent="", size=1000)
        await self.case("… Message records", 60, 4, ours, "load_records", lambda _: ("s-0",), absent="", size=1000)
        few = {"SQLiteSession": 4.0}
        await self.case("last 20 of 10,000", 100, 20, contenders, "last", lambda _: ("s-1", 20), goals=few, size=20, near=True)
        await self.case("list 50 of 10,000 with previews", 60, 10, contenders, "listing", lambda _: (50,), goals={"SQLAlchemy": 10.0}, size=50)
        some = {"SQLAlchemy": 40.0}
        await self.case("get or create, is there (**)", 100, 20, contenders, "get_or_create", lambda n: (f"{n % 9000}",), goals=some, near=True)
        for made in contenders.values():
            await settled(made.close())

    def processes(self) -> None:
        programs = {name: import_program(statement) for name, statement in IMPORTS.items()}
        times = {name: value for name, (value,) in in_fresh_interpreters(1 if self.quick else 9, programs).items()}
        self.report.row("import, ms", times, metric="median_ms", at_most=15)
        programs = {name: [str(HERE / "memory.py"), name, f"{self.folder}/reads-{name}.db"] for name in PROCESSES}
        found = in_fresh_interpreters(1 if self.quick else 9, programs)
        self.report.row("peak memory of loading 1,000, MB", {name: peak for name, (peak, _) in found.items()}, metric="megabytes")
        self.report.row("… raised by the load, MB", {name: more for name, (_, more) in found.items()}, metric="megabytes")

    async def sizes(self) -> None:
        names = [name for name in PROCESSES if name not in ("AsyncStore", "langgraph")]
        for made in (await self.open("size", "normal", [("one", None, 10_000)], names)).values():
            await settled(made.close())
        sizes = {name: Path(f"{self.folder}/size-{name}.db").stat().st_size / 10_000 for name in names}
        self.report.row("bytes on disk of a message of 300", sizes, metric="bytes")


def head(folder: str) -> str:
    """Says what is measured; gives the line that belongs in the picture."""
    packages = ["convostore", "openai-agents", "langchain-community", "SQLAlchemy", "aiosqlite", "langgraph-checkpoint-sqlite", "google-adk"]
    versions = f"Python {platform.python_version()}, its sqlite3 {sqlite3.sqlite_version}; " + ", ".join(f"{name} {version(name)}" for name in packages)
    print(versions)
    print(f"one fdatasync of this disk takes {disk_sync(folder):.0f} µs; messages of 300 bytes; a ratio says how many times the first figure of its row it is")
    print("full: WAL, synchronous=FULL, a sync a commit, survives a power cut; normal: WAL, synchronous=NORMAL, survives the process's end")
    return versions


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", help="where the databases are made")
    arguments = parser.parse_args()
    # SQLiteSession keeps a connection for each thread and session: more files than most systems allow at first.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536, hard))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder or RESULTS.parent) as folder:
        versions = head(folder)
        bench = Bench(folder, arguments.quick)
        bench.report.line("about", versions, "about", 0.0)
        await bench.writes("full")
        await bench.writes("normal")
        await bench.as_shipped()
        await bench.reads()
        bench.processes()
        await bench.sizes()
    bench.report.print()
    print("(*) as shipped: SQLiteSession has WAL and FULL; langchain, SQLAlchemy and ADK have SQLite's rollback journal and FULL")
    print("langgraph keeps states of graphs, not messages: an append is a put of the checkpoint that holds the last 100 of them; ADK appends one event a call")
    print("(**) SQLiteSession has no such call: its constructor stands in, which opens the file and creates tables, not the session; no goal")
    print("(***) what asyncio itself takes, in the same turns, to have one waiting thread do nothing")
    if arguments.folder is None:
        bench.report.keep()


if __name__ == "__main__":
    asyncio.run(main())

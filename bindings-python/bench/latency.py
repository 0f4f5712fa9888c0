"""How long an append takes while so many tasks append at once, as often as they can: the middle and the slowest hundredth.

    run.sh runs it after the table; appends to target/bench/results.jsonl.

All are at durability full. Each task has a session of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import tempfile
import time
from typing import Any

from contenders import contender
from report import RESULTS, Report, number

NAMES = ["AsyncStore", "SQLiteSession"]
TASKS = [1, 8, 64, 512]


async def latencies(made: Any, tasks: int, each: int) -> list[float]:
    """The microseconds of each append."""
    found: list[float] = []

    async def task(n: int) -> None:
        for _ in range(each):
            start = time.perf_counter()
            await made.append(f"task-{n}", 1)
            found.append((time.perf_counter() - start) * 1e6)

    await asyncio.gather(*(task(n) for n in range(tasks)))
    return found


def at(sorted_times: list[float], part: float) -> float:
    return sorted_times[min(len(sorted_times) - 1, int(len(sorted_times) * part))]


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536, hard))
    report, chance = Report(), random.Random(7)
    rounds, calls = (2, 256) if arguments.quick else (6, 1024)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder or RESULTS.parent) as folder:
        made: dict[str, Any] = {}
        for name in NAMES:
            made[name] = contender(name)(f"{folder}/{name}.db", "full")
            filled = made[name].fill([(f"task-{n}", None, 0) for n in range(max(TASKS))])
            if filled is not None:
                await filled
        print("\nan append, µs, p50 / p99 and appends a second, by so many tasks at once, durability full")
        print(f"{'tasks':>6}" + "".join(f"{name:>38}" for name in NAMES))
        for tasks in TASKS:
            times: dict[str, list[float]] = {name: [] for name in NAMES}
            took = dict.fromkeys(NAMES, 0.0)
            each = max(1, calls // tasks)
            for round in range(rounds + 1):
                for name in chance.sample(NAMES, len(NAMES)):
                    start = time.perf_counter()
                    found = await latencies(made[name], tasks, each)
                    if round:  # the first warms
                        took[name] += time.perf_counter() - start
                        times[name] += found
            cells = []
            for name in NAMES:
                found = sorted(times[name])
                p50, p99, rate = at(found, 0.5), at(found, 0.99), len(found) / took[name]
                cells.append(f"{number(p50)} / {number(p99)}  {rate:,.0f}/s")
                for metric, value in (("p50_us", p50), ("p99_us", p99), ("per_second", rate)):
                    report.line(f"append by {tasks} tasks at once, full", name, metric, value)
            print(f"{tasks:>6}" + "".join(f"{cell:>38}" for cell in cells))
        for one in made.values():
            closed = one.close()
            if closed is not None:
                await closed
    if arguments.folder is None:
        report.keep()


if __name__ == "__main__":
    asyncio.run(main())

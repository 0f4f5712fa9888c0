"""Contenders that take turns; fresh processes; the disk."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

Work = Callable[[int], Any]
"""One call; it is told the number of the call."""
Timed = Callable[[int], float]
"""So many calls by somebody who takes the time: the seconds."""

WARMING = 2
"""So many rounds warm caches and are not counted."""


async def in_turns(rounds: int, calls: int, works: dict[str, tuple[bool | None, Work | Timed]]) -> dict[str, float]:
    """Lets all work in turns, `calls` calls a turn, in another order each round. Gives the median microseconds of a call of each.

    The order is shuffled: were it only rotated, each would always follow the same one and inherit what that left for the disk to do.

    The awaited ones are awaited one after the other in one running loop: what it costs to start a loop is not theirs. For a work that is
    neither awaited nor not (None), the time is what it says.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    names, order = list(works), random.Random(7)
    for round in range(rounds + WARMING):
        first = round * calls
        order.shuffle(names)
        for name in names:
            is_async, work = works[name]
            took = await timed(is_async, work, range(first, first + calls))
            if round >= WARMING:
                times[name].append(took / calls * 1e6)
    return {name: statistics.median(found) for name, found in times.items()}


async def timed(is_async: bool | None, work: Any, calls: range) -> float:
    """The seconds of these calls."""
    if is_async is None:
        return work(len(calls))
    start = time.perf_counter()
    if is_async:
        for call in calls:
            await work(call)
    else:
        for call in calls:
            work(call)
    return time.perf_counter() - start


def disk_sync(folder: str) -> float:
    """The median microseconds of appending 4 KiB to a file and syncing it."""
    times = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(200):
            file.write(b"\7" * 4096)
            start = time.perf_counter()
            getattr(os, "fdatasync", os.fsync)(file.fileno())
            times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times)


def in_fresh_interpreters(rounds: int, programs: dict[str, list[str]]) -> dict[str, list[float]]:
    """Runs each program, which prints numbers as JSON, in its own interpreter, in turns. Gives the medians."""
    found: dict[str, list[list[float]]] = {name: [] for name in programs}
    for round in range(rounds + 1):
        for name, arguments in programs.items():
            output = subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.PIPE).stdout
            if round:  # the first one warms the disk's cache
                found[name].append(json.loads(output))
    return {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}


def import_program(statement: str) -> list[str]:
    """A program that prints the milliseconds that an import takes."""
    return ["-W", "ignore", "-c", f"import time; t = time.perf_counter(); {statement}; print([(time.perf_counter() - t) * 1e3])"]

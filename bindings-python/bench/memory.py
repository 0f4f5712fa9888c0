"""python memory.py CONTENDER FILE: prints the MB that a process which does nothing but load 1,000 messages took at most, and by how many the load
raised what it had.

The peak is read from VmHWM, the system's own number for this program. `ru_maxrss`, taken where there is none, begins with the peak of the process
that started this one.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import resource
import sys
from pathlib import Path
from typing import Any

from contenders import contender


def megabytes(field: str) -> float:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


async def main() -> None:
    made: Any = contender(sys.argv[1])(sys.argv[2], "full")

    async def load(session: str) -> Any:
        found = made.load(session)
        return await found if inspect.isawaitable(found) else found

    await load("s-2")  # two messages: the file is open, all that is needed is imported
    imported = megabytes("VmHWM")
    before = megabytes("VmRSS")
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak is forgotten: imports may have reached a higher one
    except OSError:
        before = imported
    messages = await load("s-0")
    assert len(messages) == 1000
    peak = megabytes("VmHWM")
    print(json.dumps([max(imported, peak), max(0.0, peak - before)]))
    closed = made.close()
    if inspect.isawaitable(closed):
        await closed


if __name__ == "__main__":
    asyncio.run(main())

"""What is compared. Each is a class with `fill` and `close` and those of the calls that it has:

    append(session, count)   load(session)   last(session, count)   listing(count)   get_or_create(key)

A missing method means: there is no such call. One that takes its own time has `timed_append` instead. `durability` is `full` or `normal`, or None for what it is as it is shipped. Modules are imported
by name, so that a process that measures one contender loads no other.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

TEXT = (
    "I looked at the log of last night. The nightly job stopped at 02:14 because the disk of the second worker was full; "
    "the files of the previous week had not been rotated. I freed 4 GB, started the job again, and it ended at 02:51 without errors. "
    "Shall I set up the rotation so it will not happen again?"
)
assert len(TEXT) == 300

Sessions = list[tuple[str, str | None, int]]
"""What to fill a file with: ids, keys, numbers of messages."""

CLASSES = {
    "Store": ("ours", "Store"),
    "AsyncStore": ("ours", "AsyncStore"),
    "sqlite3": ("plain", "Plain"),
    "SQLiteSession": ("openai_agents", "SQLiteSession"),
    "langchain": ("langchain", "LangChain"),
    "SQLAlchemy": ("textbook", "SQLAlchemy"),
    "rusqlite": ("rusqlite", "Rusqlite"),
    "langgraph": ("langgraph", "LangGraph"),
    "ADK": ("adk", "ADK"),
    "ADK-sqlite": ("adk", "ADKSqlite"),
}
"""Where the contender of that name is."""


def contender(name: str) -> Any:
    """The class of that name."""
    module, name = CLASSES[name]
    return getattr(import_module(f"contenders.{module}"), name)


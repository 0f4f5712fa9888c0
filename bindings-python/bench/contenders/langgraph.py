"""langgraph's savers, on SQLite and on PostgreSQL. They keep the state of a graph, not messages: with each step the checkpoint that holds the whole
conversation is put anew. So an append is a put of a conversation, here one of the last 100 messages, which flatters them where it is longer. There
is no call for the last few messages, nor for sessions.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint

from . import TEXT, Sessions

KEPT = 100


class Threads:
    """The conversations of a saver."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[list[Any], dict[str, Any], int]] = {}

    def step(self, session: str, count: int, most: int | None = KEPT) -> tuple[Any, ...]:
        """The arguments of the put of a conversation that has so many messages more."""
        config = {"configurable": {"thread_id": session, "checkpoint_ns": ""}}
        said, config, version = self.states.get(session, ([], config, 0))
        said = said + [HumanMessage(TEXT) for _ in range(count)]
        said = said[-most:] if most else said
        version += 1
        checkpoint = empty_checkpoint() | {"channel_values": {"messages": said}, "channel_versions": {"messages": version}}
        self.states[session] = said, config, version
        return config, checkpoint, {"source": "loop", "step": version, "parents": {}}, {"messages": version}

    def put(self, session: str, config: dict[str, Any]) -> None:
        said, _, version = self.states[session]
        self.states[session] = said, config, version


def dicts(found: Any) -> list[dict[str, Any]]:
    return [{"role": message.type, "content": message.content} for message in found.checkpoint["channel_values"]["messages"]]


class LangGraph:
    is_async = False

    def __init__(self, path: str, durability: str | None) -> None:
        from langgraph.checkpoint.sqlite import SqliteSaver

        self.db = sqlite3.connect(path, check_same_thread=False)
        self.saver = SqliteSaver(self.db)
        self.saver.setup()
        if durability is not None:
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute(f"PRAGMA synchronous = {durability}")
        self.threads = Threads()

    def fill(self, sessions: Sessions) -> None:
        for id, _, count in sessions:
            if count >= 1000 or id == "s-2":  # the others would be for calls that there are not
                self.threads.put(id, self.saver.put(*self.threads.step(id, count, None)))

    def append(self, session: str, count: int) -> Any:
        self.threads.put(session, self.saver.put(*self.threads.step(session, count)))

    def load(self, session: str) -> Any:
        return dicts(self.saver.get_tuple({"configurable": {"thread_id": session, "checkpoint_ns": ""}}))

    def close(self) -> None:
        self.db.close()

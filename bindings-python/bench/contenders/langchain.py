"""langchain-community's SQLChatMessageHistory: one table, no index, a JSON text per message, through SQLAlchemy. Messages and nothing else: there
is no call for the last few of them, and no sessions that could be listed or got. As shipped it has SQLite's rollback journal; for `full` and `normal`
it is given WAL and the same `synchronous` as the others.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from langchain_community.chat_message_histories import SQLChatMessageHistory
from langchain_core.messages import HumanMessage, message_to_dict
from sqlalchemy import create_engine, event, text

from . import TEXT, Sessions


class LangChain:
    is_async = False

    def __init__(self, path: str, durability: str | None) -> None:
        self.engine = create_engine(f"sqlite:///{path}")
        if durability is not None:

            @event.listens_for(self.engine, "connect")
            def configure(connection: Any, _record: Any) -> None:
                cursor = connection.cursor()
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute(f"PRAGMA synchronous = {durability}")
                cursor.close()

        self.sessions: dict[str, SQLChatMessageHistory] = {}

    def session(self, id: str) -> SQLChatMessageHistory:
        found = self.sessions.get(id)
        if found is None:
            found = self.sessions[id] = SQLChatMessageHistory(id, connection=self.engine)
        return found

    def fill(self, sessions: Sessions) -> None:
        self.session(sessions[0][0])  # makes the table
        message = json.dumps(message_to_dict(HumanMessage(TEXT)))
        rows = [{"id": id, "message": message} for id, _, count in sessions for _ in range(count)]
        with self.engine.begin() as db:
            if rows:
                db.execute(text("INSERT INTO message_store (session_id, message) VALUES (:id, :message)"), rows)

    def append(self, session: str, count: int) -> Any:
        self.session(session).add_messages([HumanMessage(TEXT) for _ in range(count)])

    def load(self, session: str) -> Any:
        return self.session(session).get_messages()

    def close(self) -> None:
        self.engine.dispose()

"""The sessions of a coding agent's daemon: a life cycle, crashes survived, several processes on one file.

What used to be a hand-written SQLite module: `Sessions` keeps its methods. Run it: `python agent_daemon.py [file]`. It makes many sessions from several
processes at once, kills one process in the middle of writing, and goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

from convostore import Session, Store

Status = Literal["CREATED", "ACTIVE", "PAUSED", "TERMINATED"]


@dataclass(frozen=True)
class AgentSession:
    """One session of the agent in a project."""

    id: str
    project_path: str
    thread_id: str
    status: Status
    context: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, session: Session) -> AgentSession:
        metadata = session.metadata
        return cls(
            id=session.id,
            project_path=session.scope,
            thread_id=metadata["thread_id"],
            status=cast(Status, session.status.upper()),
            context=metadata.get("context", {}),
            created_at=session.created_at,
            updated_at=session.updated_at,
        )


class Sessions:
    """The store of the daemon. The file and missing folders are made, readable by this user alone."""

    def __init__(self, path: str | os.PathLike[str] = "~/.agent-daemon/sessions.db") -> None:
        self.store = Store.open(path, ids="uuid4")

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def create(self, project_path: str, thread_id: str) -> AgentSession:
        return AgentSession.of(self.store.create_session(scope=project_path, metadata={"thread_id": thread_id}))

    def get(self, id: str) -> AgentSession | None:
        session = self.store.get_session(id)
        return None if session is None else AgentSession.of(session)

    def list(self) -> list[AgentSession]:
        """All sessions, the newest first."""
        sessions: list[AgentSession] = []
        cursor: str | None = None
        while True:
            page = self.store.list_sessions(order="creation", limit=1000, cursor=cursor)
            sessions += map(AgentSession.of, page)
            cursor = page.next_cursor
            if cursor is None:
                return sessions

    def update(self, id: str, status: Status, context: dict[str, Any]) -> AgentSession:
        """Status and context in one step: both or neither. The thread's id stays."""
        current = self.store.get_session(id)
        thread_id = None if current is None else current.metadata.get("thread_id")
        metadata = {"thread_id": thread_id, "context": context}
        return AgentSession.of(self.store.update_session(id, status=status.lower(), metadata=metadata))


def create_many(path: str, name: str) -> None:
    with Sessions(path) as sessions:
        for n in range(25):
            print(sessions.create(f"/project/{name}", f"thread-{n}").id)


def work_until_killed(path: str, id: str) -> None:
    """Writes as fast as it can. Each step is one write of the session and one batch of messages, and then said to be done."""
    with Sessions(path) as sessions:
        session = sessions.get(id)
        assert session is not None
        step = session.context.get("step", 0)
        while True:
            step += 1
            sessions.update(id, "ACTIVE", {"step": step, "done": [f"step {n}" for n in range(step)]})
            sessions.store.save_messages(id, [{"role": "assistant", "content": {"step": step, "part": part}} for part in (1, 2, 3)])
            print(step, flush=True)


def run_myself(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, *args], stdout=subprocess.PIPE, text=True)


def main(path: Path) -> None:
    processes = [run_myself("--create", str(path), str(n)) for n in range(4)]
    ids = [id for process in processes for id in process.communicate()[0].split()]
    assert all(process.returncode == 0 for process in processes)
    assert len(ids) == len(set(ids)) == 100
    with Sessions(path) as sessions:
        assert {session.id for session in sessions.list()} == set(ids)
        assert sessions.get("no such session") is None
        session = sessions.create("/project/main", "thread-main")
        assert (session.status, session.context) == ("CREATED", {}) and sessions.list()[0] == session
    print(f"{len(ids)} sessions of 4 processes, all ids different")

    for _ in range(3):
        worker = run_myself("--work", str(path), session.id)
        assert worker.stdout is not None
        first = worker.stdout.readline()  # it is at work
        time.sleep(0.3)
        worker.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        acknowledged = int((first + worker.communicate()[0]).split()[-1])

        with Sessions(path) as sessions:
            found = sessions.get(session.id)
            assert found is not None and found.status == "ACTIVE" and found.thread_id == "thread-main"
            step = found.context["step"]
            assert acknowledged <= step <= acknowledged + 1, "what was said to be done is there, and at most one step more"
            assert len(found.context["done"]) == step, "an update is there whole or not at all"
            parts = [(message.content["step"], message.content["part"]) for message in sessions.store.get_messages(session.id)]
            assert parts == [(n // 3 + 1, n % 3 + 1) for n in range(len(parts))], "batches are there whole or not at all"
            assert len(parts) >= 3 * acknowledged
            if len(parts) < 3 * step:  # killed between the two: catch up, so that the next worker goes on from here
                sessions.store.save_messages(session.id, [{"role": "assistant", "content": {"step": step, "part": part}} for part in (1, 2, 3)])
            assert sessions.store.check().is_sound
        print(f"killed at step {step}, {acknowledged} acknowledged, all of them there")

    with Sessions(path) as sessions:
        paused = sessions.update(session.id, "PAUSED", {"step": step, "done": []})
        ended = sessions.update(session.id, "TERMINATED", paused.context)
        assert (ended.status, ended.thread_id, ended.context["step"]) == ("TERMINATED", "thread-main", step)
    print(f"resumed, paused, terminated: {ended.id}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--create", file, name]:
            create_many(file, name)
        case ["--work", file, session_id]:
            work_until_killed(file, session_id)
        case [file]:
            main(Path(file))
        case _:
            with tempfile.TemporaryDirectory() as folder:
                main(Path(folder) / "agent" / "sessions.db")

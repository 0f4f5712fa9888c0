"""A chat bot that turns threads into tickets: one thread, one session, one possible ticket.

What used to be two hand-written PostgreSQL tables and their SQL: `Threads` keeps their methods and meaning. Run it: `python ticket_bot.py [file]`, or
with PostgreSQL `TICKET_BOT_STORE=postgresql://bot@db.example/bot python ticket_bot.py`; a URL with a password does not belong on a command line.
It plays a bot's day, and then a busy one: two processes of asyncio workers which get the same events.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from convostore import AsyncStore, ConflictError, Context, InvalidTransitionError, Session


@dataclass(frozen=True)
class ThreadSession:
    """One thread of a channel, and the ticket that may come of it."""

    id: UUID
    channel_id: str
    thread_ts: str
    user_id: str | None
    status: str  # collecting → ready_to_sync → synced
    jira_key: str | None
    draft: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    revision: int

    @classmethod
    def of(cls, session: Session) -> ThreadSession:
        metadata = session.metadata
        return cls(
            id=UUID(session.id),
            channel_id=session.scope,
            thread_ts=session.key or "",
            user_id=session.owner,
            status=session.status,
            jira_key=metadata.get("jira_key"),
            draft=metadata.get("draft", {}),
            created_at=session.created_at,
            updated_at=session.updated_at,
            revision=session.revision,
        )


@dataclass(frozen=True)
class ChannelContext:
    """What is known of a channel; it outlives every thread in it."""

    channel_id: str
    context_data: dict[str, Any]
    updated_at: datetime

    @classmethod
    def of(cls, context: Context) -> ChannelContext:
        return cls(context.scope, context.data, context.updated_at)


class Threads:
    """The store of the bot: in an SQLite file, or in PostgreSQL where it is given a URL."""

    def __init__(self, place: str | os.PathLike[str], team: str) -> None:
        self._place, self._team = place, team
        self._store: AsyncStore | None = None

    async def create_tables(self) -> None:
        """Opens the store and makes what is missing; again and again, if one likes."""
        if self._store is None:
            self._store = await AsyncStore.open(self._place, tenant=self._team, ids="uuid4")

    @property
    def store(self) -> AsyncStore:
        if self._store is None:
            raise RuntimeError("call create_tables first")
        return self._store

    async def close(self) -> None:
        await self.store.close()

    async def get_or_create_session(self, channel_id: str, thread_ts: str, user_id: str) -> ThreadSession:
        """The thread's session; of many callers at once exactly one makes it. Who started it stays who started it."""
        session = await self.store.get_or_create_session(scope=channel_id, key=thread_ts, owner=user_id, lifecycle="ticket")
        return ThreadSession.of(session)

    async def update_session(self, session_id: UUID, status: str, jira_key: str | None = None) -> ThreadSession:
        """Moves the session on. The draft stays, and so does a key once there is one."""
        patch = None if jira_key is None else {"jira_key": jira_key}
        return ThreadSession.of(await self.store.update_session(str(session_id), status=status, merge_metadata=patch))

    async def claim(self, session: ThreadSession) -> ThreadSession | None:
        """Makes the thread ready to sync, as the caller's work; nothing where it has changed since, or is another's."""
        if session.status != "collecting":
            return None
        try:
            moved = await self.store.update_session(str(session.id), status="ready_to_sync", expected_revision=session.revision)
        except ConflictError:
            return None
        return ThreadSession.of(moved)

    async def get_session_by_thread(self, channel_id: str, thread_ts: str) -> ThreadSession | None:
        session = await self.store.get_session_by_key(channel_id, thread_ts)
        return None if session is None else ThreadSession.of(session)

    async def list_sessions_by_channel(self, channel_id: str) -> list[ThreadSession]:
        sessions: list[ThreadSession] = []
        cursor: str | None = None
        while True:
            page = await self.store.list_sessions(scope=channel_id, cursor=cursor)
            sessions += map(ThreadSession.of, page)
            cursor = page.next_cursor
            if cursor is None:
                return sessions

    async def save_message(self, session_id: UUID, role: str, text: str, event_id: str) -> int:
        """Keeps what was said. The chat system delivers events more than once; the event's id makes that harmless."""
        message = await self.store.save_message(str(session_id), role, text, dedup_key=event_id)
        return message.seq

    async def save_draft(self, session_id: UUID, draft: dict[str, Any]) -> ThreadSession:
        return ThreadSession.of(await self.store.update_session(str(session_id), merge_metadata={"draft": draft}))

    async def get_channel_context(self, channel_id: str) -> ChannelContext | None:
        context = await self.store.get_context(channel_id)
        return None if context is None else ChannelContext.of(context)

    async def update_channel_context(self, channel_id: str, **learned: Any) -> ChannelContext:
        return ChannelContext.of(await self.store.merge_context(channel_id, learned))


async def a_day(place: str, team: str) -> None:
    threads = Threads(place, team)
    await threads.create_tables()
    await threads.create_tables()
    channel, thread = "C042", "1718.550"

    # Ten handlers get the first events of one thread at the same time.
    found = await asyncio.gather(*(threads.get_or_create_session(channel, thread, f"U{n}") for n in range(10)))
    assert len({session.id for session in found}) == 1
    session = found[0]
    print(f"10 handlers, one session {session.id}, started by {session.user_id}, {session.status}")

    for _ in range(2):  # the second delivery changes nothing
        await threads.save_message(session.id, "user", "The app crashes on start.", "event-1")
    seq = await threads.save_message(session.id, "assistant", "Since which version?", "event-2")
    assert seq == 2
    await threads.save_draft(session.id, {"title": "Crash on start", "labels": ["ui"]})
    await threads.update_channel_context(channel, project="OPS", components={"ui": "ada"})
    await threads.update_channel_context(channel, components={"db": "grace"})

    await threads.update_session(session.id, "ready_to_sync")
    synced = await threads.update_session(session.id, "synced", jira_key="OPS-7")
    assert await threads.claim(synced) is None
    assert (synced.status, synced.jira_key) == ("synced", "OPS-7")
    assert synced.draft == {"title": "Crash on start", "labels": ["ui"]}, "the draft is kept"
    print(f"{synced.status} as {synced.jira_key}, draft {synced.draft['title']!r} kept")
    try:
        await threads.update_session(session.id, "collecting")
    except InvalidTransitionError as e:
        print(f"refused: {e}")
    else:
        raise AssertionError("a synced ticket was reopened")

    await threads.get_or_create_session(channel, "1719.001", "U3")
    await threads.get_or_create_session("C077", "1719.001", "U3")
    listed = await threads.list_sessions_by_channel(channel)
    assert {one.thread_ts for one in listed} == {thread, "1719.001"}
    assert await threads.get_session_by_thread(channel, thread) == synced
    assert await threads.get_session_by_thread(channel, "0") is None
    await threads.close()

    # After a restart, all of it is there.
    threads = Threads(place, team)
    await threads.create_tables()
    assert await threads.get_session_by_thread(channel, thread) == synced
    context = await threads.get_channel_context(channel)
    assert context is not None and context.context_data == {"project": "OPS", "components": {"ui": "ada", "db": "grace"}}
    assert await threads.get_channel_context("C077") is None
    print(f"after a restart: {len(listed)} threads in {channel}, its context {context.context_data}")
    await threads.close()


THREADS, EVENTS, WORKERS, PROCESSES = 6, 10, 8, 2
BUSY = "C100"


async def worker(threads: Threads, name: str, queue: asyncio.Queue[tuple[int, int]]) -> int:
    """Handles events until there are none. Any other worker may be handling the same one. Gives the number of tickets that it made."""
    made = 0
    while not queue.empty():
        thread, event = queue.get_nowait()
        session = await threads.get_or_create_session(BUSY, str(thread), name)
        await threads.save_message(session.id, "user", f"event {event} of thread {thread}", f"event-{event}")
        await threads.update_channel_context(BUSY, **{f"thread-{thread}": {f"event-{event}": "seen"}})
        if await threads.store.count_messages(str(session.id)) < EVENTS:
            continue
        # The thread is complete. Of all who notice, one gets to make the ticket.
        while (found := await threads.get_session_by_thread(BUSY, str(thread))) is not None and found.status == "collecting":
            if claimed := await threads.claim(found):
                await threads.save_draft(claimed.id, {"title": f"Thread {thread}"})
                await threads.update_session(claimed.id, "synced", jira_key=f"OPS-{thread}/{name}")
                made += 1
    return made


async def work(place: str, team: str, process: str) -> None:
    """What one of the processes does: all events, in an order of its own, by several workers."""
    threads = Threads(place, team)
    await threads.create_tables()
    events = [(thread, event) for thread in range(THREADS) for event in range(EVENTS)]
    random.Random(process).shuffle(events)
    queue: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
    for one in events:
        queue.put_nowait(one)
    print(sum(await asyncio.gather(*(worker(threads, f"{process}.{n}", queue) for n in range(WORKERS)))))
    await threads.close()


async def a_busy_day(place: str, team: str) -> None:
    environment = os.environ | {"TICKET_BOT_STORE": place}
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--work", team, str(n), env=environment, stdout=asyncio.subprocess.PIPE
        )
        for n in range(PROCESSES)
    ]
    made = [int((await process.communicate())[0]) for process in processes]
    assert sum(made) == THREADS, f"{made} tickets of {THREADS} threads"

    threads = Threads(place, team)
    await threads.create_tables()
    sessions = await threads.list_sessions_by_channel(BUSY)
    assert sorted(session.thread_ts for session in sessions) == [str(n) for n in range(THREADS)], "a session a thread"
    for session in sessions:
        assert session.status == "synced" and session.jira_key is not None and session.draft == {"title": f"Thread {session.thread_ts}"}
        said = sorted([message.content for message in await threads.store.get_messages(str(session.id))])
        assert said == sorted(f"event {event} of thread {session.thread_ts}" for event in range(EVENTS)), "each event once"
    context = await threads.get_channel_context(BUSY)
    assert context is not None and all(len(context.context_data[f"thread-{n}"]) == EVENTS for n in range(THREADS)), "no merge was lost"
    await threads.close()
    print(f"{PROCESSES} processes of {WORKERS} workers: {THREADS} threads, {THREADS * EVENTS} events twice each, {sum(made)} tickets")


async def main(place: str) -> None:
    team = f"team-{uuid4()}"  # a tenant of its own, so that it runs again and again on one database
    await a_day(place, team)
    await a_busy_day(place, team)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        given = sys.argv[1] if len(sys.argv) == 2 else os.environ.get("TICKET_BOT_STORE")
        store = given or f"{folder}/tickets.db"
        match sys.argv[1:]:
            case ["--work", team, number]:
                asyncio.run(work(store, team, number))
            case _:
                asyncio.run(main(store))

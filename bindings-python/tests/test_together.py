"""Saves of many tasks that wait at the same time are carried out together: one word to the event loop for all, and each for itself."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import convostore
from convostore import AsyncStore, Store


class HeldClock:
    """A clock that stands still at its next reading until it is let go."""

    def __init__(self) -> None:
        self.is_held = False
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self) -> datetime:
        if self.is_held:
            self.is_held = False
            self.reached.set()
            assert self.go_on.wait(30)
        return datetime(2026, 1, 2, tzinfo=UTC)


def counted_words(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows with each word that another thread has for the loop."""
    words: list[None] = []
    tell = loop.call_soon_threadsafe

    def counting(*args: Any, **kwargs: Any) -> asyncio.Handle:
        words.append(None)
        return tell(*args, **kwargs)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counting)
    return words


async def waiting_behind(
    clock: HeldClock, first: Coroutine[Any, Any, Any], others: Callable[[], list[Coroutine[Any, Any, Any]]]
) -> tuple["asyncio.Future[Any]", list["asyncio.Task[Any]"]]:
    """Begins the first call, which stops in the middle, and has the others wait behind it."""
    clock.is_held = True
    held = asyncio.ensure_future(first)
    while not clock.reached.is_set():
        await asyncio.sleep(0.001)
    tasks = [asyncio.create_task(other) for other in others()]
    await asyncio.sleep(0)
    return held, tasks


def outcome(of: Any) -> Any:
    """The code of an error, the number of a message, the numbers of several."""
    if isinstance(of, convostore.ConvostoreError):
        return of.code
    return of.seq if isinstance(of, convostore.Message) else [message.seq for message in of]


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, HeldClock]:
    clock = HeldClock()
    store = Store.in_memory(clock=clock) if request.param == "memory" else Store.open(tmp_path / "a.db", clock=clock)
    return store, clock


def test_the_loop_is_told_once(opened: tuple[Store, HeldClock], monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        store, clock = AsyncStore(opened[0]), opened[1]
        session = await store.create_session()
        words = counted_words(asyncio.get_running_loop(), monkeypatch)
        first = store.save_message(session.id, "user", "first")
        held, tasks = await waiting_behind(clock, first, lambda: [store.save_message(session.id, "user", f"{i}") for i in range(63)])
        clock.go_on.set()
        saved = await asyncio.gather(*tasks)
        assert (await held).seq == 1 and [message.seq for message in saved] == list(range(2, 65))
        assert len(words) == 2  # for the first, and for all that waited
        assert [m.content for m in await store.get_messages(session.id)] == ["first", *map(str, range(63))]
        await store.close()

    asyncio.run(main())


def test_each_for_itself(opened: tuple[Store, HeldClock]) -> None:
    async def main() -> None:
        store, clock = AsyncStore(opened[0]), opened[1]
        other = store.for_tenant("other")
        session, theirs = await store.create_session(id="s"), await other.create_session(id="s")
        first = store.save_message("s", "user", "first")
        held, tasks = await waiting_behind(
            clock,
            first,
            lambda: [
                store.save_message("nobody", "user", "a"),
                store.save_message("s", "user", "b", expected_revision=session.revision),
                store.save_message("s", "user", "c", dedup_key="k"),
                store.save_message("s", "user", "c", dedup_key="k"),
                store.save_message("s", "user", "d", dedup_key="k"),
                store.save_messages("s", [{"role": "user", "content": 1}, {"role": "nonsense", "content": 2}]),
                store.save_messages("s", []),
                other.save_message("s", "user", "theirs"),
                store.save_messages("s", [{"role": "user", "content": 3}, {"role": "tool", "content": [4]}], expected_revision=session.revision + 2),
                store.save_message("s", "user", "cancelled"),
                store.save_message("s", "user", "last"),
            ],
        )
        tasks[9].cancel()
        clock.go_on.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        told = [outcome(one) for one in found if not isinstance(one, asyncio.CancelledError)]
        assert told == ["not_found", "conflict", 2, 2, "conflict", "invalid_argument", [], 1, [3, 4], 5]
        assert (await held).seq == 1
        assert [m.content for m in await store.get_messages("s")] == ["first", "c", 3, [4], "last"]
        assert (await other.get_session("s")) != theirs and await other.count_messages("s") == 1
        await store.close()

    asyncio.run(main())


def test_a_clock_that_raises_is_its_own_callers_trouble() -> None:
    calls = 0

    def clock() -> datetime:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise LookupError("no time")
        return datetime(2026, 1, 2, tzinfo=UTC)

    async def main() -> None:
        store = await AsyncStore.in_memory(clock=clock)
        session = await store.create_session()
        found = await asyncio.gather(*(store.save_message(session.id, "user", "x") for _ in range(60)), return_exceptions=True)
        failed = [one for one in found if isinstance(one, BaseException)]
        assert {type(one) for one in failed} == {LookupError} and len(failed) == 20
        assert sorted(one.seq for one in found if isinstance(one, convostore.Message)) == list(range(1, 41))

    asyncio.run(main())


def test_many_rounds_of_many_tasks(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db") as store:
            sessions = [(await store.create_session()).id for _ in range(16)]

            async def write(task: int) -> list[int]:
                return [(await store.save_message(sessions[task % 16], "user", f"{task}-{i}")).seq for i in range(20)]

            numbers = await asyncio.gather(*(write(task) for task in range(64)))
            for place, session in enumerate(sessions):
                assert sorted(n for task in range(place, 64, 16) for n in numbers[task]) == list(range(1, 81))
                assert await store.count_messages(session) == 80
            assert all(list(own) == sorted(own) for own in numbers)

    asyncio.run(main())


def test_loops_that_are_closed_hold_up_no_other(tmp_path: Path) -> None:
    """A loop that ends while its saves wait takes nothing along that others need."""
    clock = HeldClock()
    store = AsyncStore(Store.open(tmp_path / "a.db", clock=clock))

    async def begin(session: str) -> None:
        await asyncio.gather(*(store.save_message(session, "user", "x") for _ in range(5)))  # several: the next ones begin a moment later
        asyncio.ensure_future(store.save_message(session, "user", "left"))
        await asyncio.sleep(0)

    async def go_on(session: str) -> int:
        await asyncio.gather(*(store.save_message(session, "user", "y") for _ in range(5)))
        return await store.count_messages(session)

    session = asyncio.run(store.create_session()).id
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # it would tell of the save that is left
    loop.run_until_complete(begin(session))
    loop.close()
    assert asyncio.run(go_on(session)) in (10, 11)
    asyncio.run(store.close())

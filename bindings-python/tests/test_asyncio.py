"""AsyncStore: never blocks the loop, cancelled calls are whole or not at all, no thread is left behind."""

import asyncio
import random
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from processes import blocked

import convostore
from convostore import AsyncStore, Store


def own_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "convostore"]


def no_threads_left(seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while own_threads() and time.monotonic() < until:
        time.sleep(0.05)
    return not own_threads()


def test_ways_to_open(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db", wait_limit=timedelta(seconds=3)) as store:
            session = await store.create_session(scope="C042")
            assert isinstance(store, AsyncStore) and store.tenant == "default" and "user" in store.roles
        with pytest.raises(convostore.ClosedError):
            await store.stats()
        store = await AsyncStore.open(tmp_path / "a.db")
        async with store as again:
            assert again is store and await store.get_session(session.id) == session
        async with AsyncStore.in_memory(ids="uuid4") as store:
            assert (await store.list_sessions()).items == ()
            async with store.for_tenant("other") as other:
                assert other.tenant == "other"
        sync = Store.open(tmp_path / "a.db")
        assert await AsyncStore(sync).get_session(session.id) == session
        sync.close()
        with pytest.raises(PermissionError):
            await AsyncStore.open(tmp_path)
        with pytest.raises(convostore.InvalidArgumentError):
            async with AsyncStore.open(tmp_path / "b.db", tenant=""):
                pass
        assert repr(store).startswith("<convostore.AsyncStore in memory")

    asyncio.run(main())


def test_streams(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db") as store:
            session = await store.create_session()
            await store.save_messages(session.id, [{"role": "user", "content": i} for i in range(600)])
            assert [m.content async for m in store.stream_messages(session.id)] == list(range(600))
            assert [m.content async for m in store.stream_messages(session.id, after=590, limit=3)] == [590, 591, 592]
            async for message in store.stream_messages(session.id):
                if message.seq == 300:
                    break
            with pytest.raises(convostore.NotFoundError):
                async for _ in store.stream_messages("nobody"):
                    pass

    asyncio.run(main())


def test_the_loop_is_not_blocked(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db") as store:
            session = await store.create_session()
            with blocked(tmp_path / "a.db"):
                saving = asyncio.ensure_future(store.save_message(session.id, "user", "x"))
                for _ in range(300):
                    await asyncio.sleep(0.001)
                assert not saving.done(), "the loop turns while a writer waits, not after it"
            assert (await saving).seq == 1

    asyncio.run(main())


def test_many_tasks(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db") as store:
            session = await store.create_session()
            saved = await asyncio.gather(*(store.save_message(session.id, "user", str(i)) for i in range(200)))
            assert sorted(message.seq for message in saved) == list(range(1, 201))
            assert {message.content for message in saved} == {str(i) for i in range(200)}
            same = await asyncio.gather(*(store.get_or_create_session(scope="C", key="1") for _ in range(64)))
            assert len({session.id for session in same}) == 1

    asyncio.run(main())
    assert no_threads_left()


def test_cancelled_calls_are_whole_or_not_at_all(tmp_path: Path) -> None:
    draw = random.Random(5)

    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db") as store:
            session = await store.create_session()
            done = cancelled = 0
            for i in range(300):
                batch: list[Any] = [{"role": "user", "content": [i, part], "dedup_key": f"{i}/{part}"} for part in range(5)]
                task = asyncio.ensure_future(store.save_messages(session.id, batch))
                pause = draw.choice([0, 0, 0.00005, 0.0002, 0.001, None])
                await (asyncio.wait([task]) if pause is None else asyncio.sleep(pause))
                task.cancel()
                try:
                    await task
                    done += 1
                except asyncio.CancelledError:
                    cancelled += 1
            assert done and cancelled, (done, cancelled)
            await asyncio.sleep(0.2)
            messages = await store.get_messages(session.id)
            assert len(messages) % 5 == 0 and len(messages) >= 5 * done
            for first in range(0, len(messages), 5):
                batch_of = {message.content[0] for message in messages[first : first + 5]}
                assert len(batch_of) == 1, "a batch was torn apart"
            # A repetition with the same dedup keys completes what was cut off.
            for i in range(300):
                await store.save_messages(session.id, [{"role": "user", "content": [i, part], "dedup_key": f"{i}/{part}"} for part in range(5)])
            assert await store.count_messages(session.id) == 1500
            assert (await store.check()).is_sound

    asyncio.run(main())


def test_cancelled_in_a_wait(tmp_path: Path) -> None:
    began = threading.Event()

    def clock() -> datetime:
        began.set()
        return datetime.now(timezone.utc)

    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db", clock=clock) as store:
            session = await store.create_session()
            with blocked(tmp_path / "a.db"):
                began.clear()
                tasks = [asyncio.ensure_future(store.save_message(session.id, "user", "begun"))]
                while not began.is_set():
                    await asyncio.sleep(0.001)
                tasks += [asyncio.ensure_future(store.save_message(session.id, "user", str(i))) for i in range(40)]
                await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                # While the lock is still held: a cancelled call is left, not waited for.
                results = await asyncio.gather(*tasks, return_exceptions=True)
                assert all(isinstance(result, asyncio.CancelledError) for result in results)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await store.stats()
            await store.save_message(session.id, "user", "last")
            # What a thread had begun happened, what none had begun did not.
            assert [message.content for message in await store.get_messages(session.id)] == ["begun", "last"]

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine:RuntimeWarning")
def test_a_loop_closed_with_calls_pending_leaves_no_thread_behind(tmp_path: Path) -> None:
    assert no_threads_left()
    with Store.open(tmp_path / "a.db") as sync:
        session = sync.create_session()

    async def main() -> list["asyncio.Task[Any]"]:
        store = await AsyncStore.open(tmp_path / "a.db")
        tasks = [asyncio.ensure_future(store.save_message(session.id, "user", str(i))) for i in range(40)]
        await asyncio.sleep(0.1)
        return tasks

    loop = asyncio.new_event_loop()
    with blocked(tmp_path / "a.db"):
        tasks = loop.run_until_complete(main())
        assert own_threads()
        loop.close()
    assert no_threads_left()
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    with Store.open(tmp_path / "a.db") as sync:
        assert sync.check().is_sound
        contents = [message.content for message in sync.get_messages(session.id)]
        assert len(contents) == len(set(contents))


def test_several_loops(tmp_path: Path) -> None:
    store = AsyncStore(Store.open(tmp_path / "a.db"))
    session = asyncio.run(store.create_session())

    def work(number: int) -> None:
        async def main() -> None:
            for i in range(20):
                await store.save_message(session.id, "user", f"{number}/{i}")

        asyncio.run(main())

    threads = [threading.Thread(target=work, args=[n]) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(store.count_messages(session.id)) == 100
    asyncio.run(store.close())


def test_exceptions_come_through(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db") as store:
            with pytest.raises(convostore.NotFoundError) as missing:
                await store.touch_session("nobody")
            assert missing.value.details == {"session_id": "nobody"}
            with pytest.raises(TypeError):
                await store.get_session(5)  # type: ignore[arg-type]

    asyncio.run(main())


def test_idle_threads_end() -> None:
    workers: list[threading.Thread] = []

    def clock() -> datetime:
        workers.append(threading.current_thread())
        return datetime.now(timezone.utc)

    async def main() -> None:
        async with AsyncStore.in_memory(clock=clock) as store:
            await store.create_session()
            (worker,) = workers
            assert worker is not threading.current_thread()
            await asyncio.to_thread(worker.join, 60)
            assert not worker.is_alive()
            assert (await store.stats()).sessions == 1

    asyncio.run(main())


def test_what_is_saved_is_what_was_given_at_the_call(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db") as store:
            session = await store.create_session()
            content: dict[str, Any] = {"n": 1}
            message: dict[str, Any] = {"role": "user", "content": content}
            messages: list[Any] = [message]
            metadata: dict[str, Any] = {"n": 1}
            here = threading.get_ident()

            def given() -> Any:
                assert threading.get_ident() == here, "a generator runs where it was given"
                yield {"role": "user", "content": "of a generator"}

            with blocked(tmp_path / "a.db"):
                calls = [
                    store.save_message(session.id, "user", content),
                    store.save_message(session.id, "user", content=content),
                    store.save_messages(session.id, messages, update={"metadata": metadata}),
                    store.save_messages(session.id, given()),
                    store.set_context("c", metadata),
                ]
                tasks = [asyncio.ensure_future(call) for call in calls]
                await asyncio.sleep(0.2)
                content["n"] = metadata["n"] = 2
                message["role"] = "nobody"
                messages.clear()
            await asyncio.gather(*tasks)
            kept = sorted([str(message.content) for message in await store.get_messages(session.id)])
            assert kept == sorted(["{'n': 1}"] * 3 + ["of a generator"])
            found, context = await store.get_session(session.id), await store.get_context("c")
            assert found is not None and found.metadata == {"n": 1}
            assert context is not None and context.data == {"n": 1}

    asyncio.run(main())


def test_reads_do_not_wait_behind_writes_that_wait(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncStore.open(tmp_path / "a.db") as store:
            session = await store.create_session()
            with blocked(tmp_path / "a.db"):
                writes = [asyncio.ensure_future(store.save_message(session.id, "user", str(n))) for n in range(64)]
                await asyncio.sleep(0.2)
                assert await asyncio.wait_for(store.get_messages(session.id), 20) == []
                assert [m async for m in store.stream_messages(session.id)] == []
            await asyncio.gather(*writes)
            assert await store.count_messages(session.id) == 64

    asyncio.run(main())


def test_a_thread_that_cannot_be_started_is_an_error_and_the_store_works_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        store = await AsyncStore.in_memory()
        assert await asyncio.to_thread(no_threads_left)

        def fail(self: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            for _ in range(40):
                with pytest.raises(convostore.StorageError, match="thread"):
                    await asyncio.wait_for(store.stats(), 60)
        assert (await asyncio.wait_for(store.stats(), 60)).sessions == 0
        await store.close()

    asyncio.run(main())


def test_a_callback_that_raises_stop_iteration_ends_the_call() -> None:
    async def main() -> None:
        store = await AsyncStore.in_memory(clock=iter(()).__next__)
        with pytest.raises(RuntimeError) as caught:
            await asyncio.wait_for(store.create_session(), 60)
        assert isinstance(caught.value.__cause__, StopIteration)
        await store.close()

    asyncio.run(main())


def test_it_takes_an_open_store_alone() -> None:
    with pytest.raises(TypeError, match="AsyncStore.open"):
        AsyncStore("sessions.db")  # type: ignore[arg-type]

"""Threads, processes, forks, exits, interrupts."""

import copy
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest
from processes import blocked, run, start

import convostore
from convostore import Store

posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks of POSIX")


def test_a_busy_writer_stalls_no_other_thread(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Store.open(path) as store:
        session = store.create_session()
        done = threading.Event()

        def save() -> None:
            try:
                store.save_message(session.id, "user", "x")
            finally:
                done.set()

        thread = threading.Thread(target=save)
        with blocked(path):
            thread.start()
            for _ in range(300):
                time.sleep(0.001)
            assert not done.is_set(), "this thread runs while the writer waits, not after it"
        thread.join()
        assert store.count_messages(session.id) == 1


@pytest.fixture
def nobody_is_interrupted() -> Iterator[None]:
    """A thread keeps the interpreter until it gives it away."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("nobody_is_interrupted")
@pytest.mark.parametrize("what", ["check", "get_messages", "stream_messages", "export_archive", "backup"])
def test_a_long_read_stalls_no_other_thread(tmp_path: Path, what: str) -> None:
    with Store.open(tmp_path / "a.db", durability="normal") as store:
        session = store.create_session()
        for _ in range(5):
            store.save_messages(session.id, [{"role": "user", "content": "x" * 300}] * 2000)
        copy_of_it = tmp_path / "copy"
        reads: dict[str, Callable[[], object]] = {
            "check": lambda: store.check(),
            "get_messages": lambda: store.get_messages(session.id),
            "stream_messages": lambda: list(store.stream_messages(session.id)),
            "export_archive": lambda: store.export_archive(copy_of_it),
            "backup": lambda: store.backup(copy_of_it),
        }
        steps = beside = 0
        stop = False

        def step() -> None:
            nonlocal steps
            while not stop:
                steps += 1
                time.sleep(0)

        other = threading.Thread(target=step)
        other.start()
        # One step during one read shows it. A busy machine may give the other thread no core meanwhile, but not for two minutes of reads.
        until = time.monotonic() + 120
        while not beside and time.monotonic() < until:
            before = steps
            reads[what]()
            beside = steps - before
            copy_of_it.unlink(missing_ok=True)
            time.sleep(0.001)
        stop = True
        other.join()
        assert beside, "no other thread ran during the read"


def test_threads_share_a_store(store: Store) -> None:
    sessions = [store.create_session().id for _ in range(4)]

    def work(number: int) -> None:
        for i in range(50):
            store.save_message(sessions[i % 4], "user", f"{number}/{i}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    for session in sessions:
        messages = store.get_messages(session)
        assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
    assert store.stats().messages == 400
    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(lambda _: store.get_or_create_session(scope="C042", key="1718.55").id, range(64)))
    assert len(ids) == 1


WRITER = """
    import sys
    from convostore import Store
    with Store.open(sys.argv[1], durability="normal") as store:
        shared = store.get_or_create_session(scope="shared", key="one")
        for i in range(100):
            own = store.create_session(scope="own")
            store.save_messages(shared.id, [{"role": "user", "content": [sys.argv[2], i, half]} for half in (0, 1)])
        print(shared.id)
"""


def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.db"
    processes = [start(WRITER, path, n) for n in range(4)]
    shared = set()
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        shared.add(out.strip())
    assert len(shared) == 1
    with Store.open(path) as store:
        messages = store.get_messages(shared.pop())
        assert [message.seq for message in messages] == list(range(1, 801))
        pairs = [tuple(message.content) for message in messages]
        assert all(pairs[i][:2] == pairs[i + 1][:2] and pairs[i + 1][2] == 1 for i in range(0, 800, 2)), "batches stay together"
        assert store.stats().sessions == 401
        assert store.check().is_sound


@posix
def test_private_files(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.db"
    with Store.open(path) as store:
        store.create_session()
        store.backup(tmp_path / "copy.db")
        store.export_archive(tmp_path / "copy.archive")
        for file in [*path.parent.iterdir(), tmp_path / "copy.db", tmp_path / "copy.archive"]:
            assert file.stat().st_mode & 0o777 == 0o600, file
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with Store.open("~/.agent/sessions.db") as store:
        store.create_session()
    with Store.open(Path("~/.agent/sessions.db")) as store:
        assert store.stats().sessions == 1
    assert (tmp_path / ".agent" / "sessions.db").exists()


def test_stores_are_not_pickled(store: Store) -> None:
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="open it anew"):
            copying(store)


@posix
def test_fork(tmp_path: Path) -> None:
    out = run(
        """
        import asyncio, os, sys
        from convostore import AsyncStore, ForkedError, Store
        path = sys.argv[1]
        store = Store.open(path)
        memory = Store.in_memory()
        session = store.create_session(id="s")

        async def opened():
            store = await AsyncStore.open(path)
            await store.stats()
            return store

        loop = asyncio.new_event_loop()
        facade = loop.run_until_complete(opened())
        for round in range(20):
            child = os.fork()
            if child == 0:
                for inherited in (store, memory):
                    for call in (inherited.stats, inherited.create_session, inherited.close):
                        try:
                            call()
                            os._exit(11)
                        except ForkedError as e:
                            assert e.code == "forked"
                try:
                    asyncio.run(asyncio.wait_for(facade.stats(), 10))
                    os._exit(12)
                except ForkedError:
                    pass
                own = Store.open(path)
                own.save_message("s", "user", f"child {round}")
                own.close()
                del store, memory, facade, own
                os._exit(0)
            store.save_message("s", "user", f"parent {round}")
            assert os.waitpid(child, 0)[1] == 0, "child failed"
            assert loop.run_until_complete(facade.stats()).messages == 2 * round + 2
        assert store.check().is_sound, store.check()
        store.save_message("s", "user", "the end")
        memory.create_session()
        print(store.count_messages("s"))
        """,
        tmp_path / "a.db",
    )
    assert out.strip() == "41"


@posix
def test_a_child_may_leave_the_block_in_its_own_way(tmp_path: Path) -> None:
    out = run(
        """
        import os, sys
        from convostore import Store
        with Store.open(sys.argv[1]) as store:
            child = os.fork()
            if child == 0:
                sys.exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """,
        tmp_path / "a.db",
    )
    assert out.strip() == "7"


@posix
def test_multiprocessing_after_opening(tmp_path: Path) -> None:
    out = run(
        """
        import multiprocessing, sys
        from convostore import Store
        path = sys.argv[1]

        def work(n):
            with Store.open(path) as own:
                own.save_message("s", "user", str(n))

        if __name__ == "__main__":
            store = Store.open(path)
            store.create_session(id="s")
            with multiprocessing.get_context("fork").Pool(3) as pool:
                pool.map(work, range(30))
            print(store.count_messages("s"), store.check().is_sound)
        """,
        tmp_path / "a.db",
    )
    assert out.split() == ["30", "True"]


EXIT = """
    import asyncio, sys, threading, time
    from convostore import AsyncStore, Store
    path, way = sys.argv[1:]
    store = Store.open(path, wait_limit=1000)
    store.get_or_create_session(id="s")
    store.save_message("s", "user", "kept")
    stream = store.stream_messages("s")
    next(stream)
    if way == "thread":
        threading.Thread(target=store.save_message, args=("s", "user", "late"), daemon=True).start()
        time.sleep(0.2)
    if way in ("async", "async-twice"):
        async def main():
            async_store = await AsyncStore.open(path, wait_limit=1000)
            tasks = [asyncio.ensure_future(async_store.save_message("s", "user", "late")) for _ in range(30)]
            await asyncio.sleep(0.2)
            if way == "async-twice":
                await asyncio.wait(tasks, timeout=0.1)
        asyncio.run(main())
    if way == "error":
        raise SystemExit(3)
    print("bye")
"""


@pytest.mark.parametrize("way", ["open", "thread", "async", "async-twice", "error"])
def test_exit_with_open_stores(tmp_path: Path, way: str) -> None:
    path = tmp_path / "a.db"
    with Store.open(path) as store:
        store.create_session(id="s")
        store.save_message("s", "user", "first")
    if way in ("open", "error"):
        process = start(EXIT, path, way)
        _, err = process.communicate(timeout=60)
    else:
        # Another process holds the write lock from before the late writes until after the exit.
        with blocked(path):
            process = start(EXIT.replace('store.save_message("s", "user", "kept")', ""), path, way)
            _, err = process.communicate(timeout=60)  # far less than the wait limit: the exit did not wait for the lock
    assert (process.returncode, err) == (3 if way == "error" else 0, ""), err
    with Store.open(path) as store:
        contents = [message.content for message in store.get_messages("s")]
        assert contents == (["first", "kept"] if way in ("open", "error") else ["first"])
        assert store.check().is_sound


def test_a_long_wait_asks_clock_and_ids_once(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    asked: list[str] = []

    def clock() -> datetime:
        asked.append("clock")
        return datetime.now(timezone.utc)

    def ids(now: datetime) -> str:
        asked.append("ids")
        return f"s{len(asked)}"

    with Store.open(path, clock=clock, ids=ids) as store:
        asked.clear()
        with blocked(path, seconds=1.5):
            store.create_session()
        assert asked == ["clock", "ids"]


@posix
@pytest.mark.parametrize("what", ["save_message", "open", "import_archive"])
def test_ctrl_c_in_a_wait(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.db"
    with Store.open(path) as store:
        store.create_session(id="s")
    process = start(
        """
        import io, signal, sys
        from convostore import Store
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell may have had ignored
        path, what = sys.argv[1:]
        store = Store.open(path, wait_limit=1000)
        archive = io.BytesIO()
        with Store.in_memory() as other:
            other.create_session(id="t")
            other.export_archive(archive)
        archive.seek(0)
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            print("going", flush=True)
            if what == "save_message":
                store.save_message("s", "user", "never", dedup_key="k")
            elif what == "import_archive":
                store.import_archive(archive)
            else:
                store.define_lifecycle("review", "open")
            print("no interrupt")
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        print(store.count_messages("s"), flush=True)
        sys.stdin.readline()
        store.save_message("s", "user", "later", dedup_key="k")
        archive.seek(0)
        store.import_archive(archive)
        print([message.content for message in store.get_messages("s")], store.stats().sessions)
        """,
        path,
        what,
    )
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with blocked(path):
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "going\n"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"  # while the lock is held, and long before the wait limit
        assert process.stdout.readline() == "0\n"
    out, err = process.communicate("go on\n", timeout=60)
    assert (out, err) == ("['later'] 2\n", ""), err


def test_memory_is_given_back(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    with Store.open(tmp_path / "a.db", durability="normal") as store:
        session = store.create_session()
        store.save_messages(session.id, [{"role": "user", "content": "x" * 1000}] * 5000)

        def use() -> None:
            for message in store.stream_messages(session.id):
                message.to_dict()
            store.get_messages(session.id)
            Store.open(tmp_path / "a.db").close()

        for _ in range(5):
            use()
        before = resident()
        for _ in range(30):
            use()
        assert resident() - before < 20 << 20


def test_a_subinterpreter_refuses_or_works() -> None:
    out = run(
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        import convostore
        other = interpreters.create()
        code = "try:\\n import convostore\\n convostore.Store.in_memory().create_session()\\nexcept ImportError as e:\\n assert 'interpreter' in str(e), e"
        run = getattr(interpreters, "run_string", None) or interpreters.exec
        problem = run(other, code)
        assert problem is None, problem
        print(convostore.Store.in_memory().stats().sessions)
        """
    )
    assert out.strip() == "0"


def test_a_stream_is_shared_by_threads(store: Store) -> None:
    session = store.create_session()
    store.save_messages(session.id, [{"role": "user", "content": str(i)} for i in range(2000)])
    stream = store.stream_messages(session.id)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: [message.seq for message in stream], range(4)))
    assert sorted(seq for part in parts for seq in part) == list(range(1, 2001))


def test_streams_end_with_what_happened(store: Store) -> None:
    session = store.create_session()
    store.save_messages(session.id, [{"role": "user", "content": str(i)} for i in range(300)])
    stream = store.stream_messages(session.id)
    got = [next(stream) for _ in range(10)]
    store.delete_session(session.id)
    with pytest.raises(convostore.NotFoundError):
        for message in stream:
            got.append(message)
    assert len(got) == 256 and list(stream) == []


def test_a_stream_that_is_read_from_inside_its_own_reading_says_so() -> None:
    """A profiler's function stands for whatever Python may run there: handlers of signals, finalizers."""
    out = run(
        """
        import sys
        from convostore import ReentrantError, Store
        store = Store.in_memory()
        store.create_session(id="s")
        store.save_messages("s", [{"role": "user", "content": str(n)} for n in range(300)])
        stream = store.stream_messages("s")
        next(stream)
        store.delete_session("s")

        def profile(frame, event, argument):
            if event == "call" and frame.f_code.co_name == "error_of":
                sys.setprofile(None)
                next(stream)

        sys.setprofile(profile)
        try:
            print(len(list(stream)))
        except ReentrantError as e:
            print(e.code)
        sys.setprofile(None)
        print(list(stream))
        """
    )
    assert out.split() == ["reentrant", "[]"]

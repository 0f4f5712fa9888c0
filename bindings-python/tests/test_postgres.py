"""A store on PostgreSQL, where it differs from a file: its URL, its options, its waits, its processes."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import postgres
import pytest
from processes import start

import convostore
from convostore import AsyncStore, ConvostoreError, Store

Place = dict[str, Any]


def all_of(error: BaseException) -> str:
    """Everything that an error shows."""
    details = getattr(error, "details", None)
    return repr((error, error.args, str(error), details, getattr(error, "__notes__", None), error.__cause__, error.__context__))


def test_both_schemes(schema: Place) -> None:
    url = postgres.url()
    other = "postgres://" + url.partition("://")[2]
    with Store.open(url, **schema) as store, Store.open(other, **schema) as again:
        session = store.create_session(scope="C042")
        assert again.get_session(session.id) == session
        assert again.on_primary().get_session(session.id) == session


def test_a_store_is_reached_again_by_another_process(schema: Place) -> None:
    with Store.open(postgres.url(), **schema) as store:
        session = store.create_session(scope="C042")
    process = start(
        """
        import json, sys
        from convostore import Store
        with Store.open(sys.argv[1], **json.loads(sys.argv[2])) as store:
            print(store.save_message(sys.argv[3], "user", "from elsewhere").seq)
        """,
        postgres.url(),
        json.dumps(schema),
        session.id,
    )
    out, err = process.communicate(timeout=300)
    assert (out, err) == ("1\n", "")


SECRET = "s3cret-passw0rd"
HIDDEN = (SECRET, "hidden-host", "hidden_user", "hidden_base")
URLS = [
    f"postgresql://hidden_user:{SECRET}@hidden-host.invalid/hidden_base?connect_timeout=1",
    f"postgresql://hidden_user:{SECRET}@127.0.0.1:1/hidden_base?connect_timeout=1",
    f"postgresql://hidden_user:{SECRET}@hidden-host:port/hidden_base",
    f"postgresql://hidden_user:{SECRET}@hidden-host/hidden_base?hidden=1",
    f"postgresql://hidden_user:{SECRET}%zz@hidden-host/hidden_base",
    f"postgres+asyncpg://hidden_user:{SECRET}@hidden-host/hidden_base",
    f"POSTGRESQL://hidden_user:{SECRET}@hidden-host/hidden_base",
    f"mysql://hidden_user:{SECRET}@hidden-host/hidden_base",
    f"postgresql://hidden_user:{SECRET}\0@hidden-host/hidden_base",
    f"postgresql://hidden_user:{SECRET}\ud800@hidden-host/hidden_base",
    f" postgresql://hidden_user:{SECRET}@hidden-host/hidden_base",
    f"\n\tpostgres://hidden_user:{SECRET}@hidden-host/hidden_base",
    f"\"postgresql://hidden_user:{SECRET}@hidden-host/hidden_base\"",
    f"\ufeffpostgresql://hidden_user:{SECRET}@hidden-host/hidden_base",
    f"postgresql:/hidden_user:{SECRET}@hidden-host/hidden_base",
    f"postgresql:hidden_user:{SECRET}@hidden-host/hidden_base",
    f"Postgres:hidden_user:{SECRET}@hidden-host/hidden_base",
    f"postgresql+psycopg:hidden_user:{SECRET}@hidden-host/hidden_base",
    f"jdbc:postgresql://hidden_user:{SECRET}@hidden-host/hidden_base",
    f"mysql:hidden_user:{SECRET}@hidden-host/hidden_base",
    f"sqlite:/{SECRET}/hidden_base",
    f"file:{SECRET}/hidden_base?mode=ro",
    f"host=hidden-host user=hidden_user password={SECRET} dbname=hidden_base",
    f" password = {SECRET}",
    f"port=1 PASSWORD={SECRET}",
]


@pytest.mark.parametrize("url", URLS, ids=range(len(URLS)))
def test_no_error_tells_the_url(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    openers: list[Callable[[], object]] = [
        lambda: Store.open(url, wait_limit=2),
        lambda: asyncio.run(opened(url)),
    ]
    for opener in openers:
        with pytest.raises(ConvostoreError) as caught:
            opener()
        told = all_of(caught.value)
        assert not any(word in told for word in HIDDEN), told
        assert caught.value.code in ("invalid_argument", "storage")
    assert list(tmp_path.iterdir()) == [], "no folder was made of it"


async def opened(url: str) -> None:
    async with AsyncStore.open(url, wait_limit=2):
        raise AssertionError("there is no such server")


@pytest.mark.parametrize("before", ["postgresql://", " postgresql://", "jdbc:postgresql://", "user=hidden_user password="])
def test_a_url_as_a_path_is_refused(before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(convostore.InvalidArgumentError) as caught:
        Store.open(Path(f"{before}hidden_user:{SECRET}@hidden-host/hidden_base"))
    assert SECRET not in all_of(caught.value)
    assert list(tmp_path.iterdir()) == []


PATHS = ["notes: 2024.db", " notes.db", "a=b.db", "my user.db", "superuser=1.db", "x/host=y.db", "postgres", "postgresql.db", "c:x.db", "./file:x.db"]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_looks_a_little_like_a_url_is_a_path(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Store.open(path).close()
    assert (tmp_path / path).is_file()


def test_no_repr_tells_the_url(schema: Place) -> None:
    url = postgres.url()
    with Store.open(url, tenant="acme", **schema) as store:
        assert repr(store) == "<convostore.Store in PostgreSQL, tenant 'acme'>"
        assert repr(AsyncStore(store)) == "<convostore.AsyncStore in PostgreSQL, tenant 'acme'>"


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    given: list[tuple[Any, Place]] = [
        (url, {"durability": "full"}),
        (url, {"schema": "Not A Schema"}),
        (url, {"max_connections": 0}),
        (url, {"root_certificates": tmp_path / "none.pem"}),
        (url, {"read_url": f"postgresql://{SECRET}@host:port/base"}),
        (tmp_path / "a.db", {"read_url": url}),
        (tmp_path / "a.db", {"schema": "s"}),
        (tmp_path / "a.db", {"max_connections": 3}),
        (tmp_path / "a.db", {"prepared_statements": False}),
        (tmp_path / "a.db", {"root_certificates": tmp_path / "none.pem"}),
        (tmp_path / "a.db", {"migrate": False}),
    ]
    for path, options in given:
        tls = "?sslmode=require" if "root_certificates" in options and path == url else ""
        with pytest.raises(convostore.InvalidArgumentError) as caught:
            Store.open(f"{path}{tls}", **options)
        (name,) = options
        assert name in all_of(caught.value) or name.replace("_", " ") in all_of(caught.value), all_of(caught.value)
        assert SECRET not in all_of(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_a_server_cannot_do(schema: Place, tmp_path: Path) -> None:
    with Store.open(postgres.url(), **schema) as store:
        with pytest.raises(convostore.UnsupportedError):
            store.backup(tmp_path / "copy.db")
        session = store.create_session()
        assert store.delete_session(session.id, erase=True).erasure == "pending"
        assert store.check().is_sound


def test_tables_that_may_not_be_made(schema: Place) -> None:
    with pytest.raises(convostore.UnsupportedSchemaError):
        Store.open(postgres.url(), migrate=False, **schema)
    Store.open(postgres.url(), **schema).close()
    with Store.open(postgres.url(), migrate=False, **schema) as store:
        assert store.stats().sessions == 0


def test_tenants(schema: Place) -> None:
    with Store.open(postgres.url(), tenant="acme", **schema) as acme:
        acme.create_session(id="s", scope="C042")
        other = acme.for_tenant("other")
        assert other.get_session("s") is None and other.stats().sessions == 0
        other.create_session(id="s", scope="C077")
        found = acme.get_session("s")
        assert found is not None and found.scope == "C042"


def test_a_read_url_is_read_at(schema: Place) -> None:
    # The same server stands for a replica: what matters here is that the argument arrives. The core tests a real standby.
    url = postgres.url()
    with Store.open(url, read_url=url + "?application_name=replica_of_test", **schema) as store:
        session = store.create_session()
        assert store.get_session(session.id) == session == store.on_primary().get_session(session.id)
        with postgres.connect() as db:
            seen = db.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'replica_of_test'").fetchone()
        assert seen is not None
        if not os.environ.get("CONVOSTORE_TEST_POSTGRES_UNPREPARED"):
            assert seen[0] >= 1


def test_busy(schema: Place) -> None:
    with Store.open(postgres.url(), wait_limit=2, **schema) as store:
        session = store.create_session()
        with postgres.held(schema["schema"], session.id):
            began = time.monotonic()
            with pytest.raises(convostore.BusyError):
                store.save_message(session.id, "user", "x")
            assert time.monotonic() - began >= 2
        assert store.save_message(session.id, "user", "y").seq == 1


def test_a_wait_stalls_no_other_thread_and_asks_clock_and_ids_once(schema: Place) -> None:
    asked: list[str] = []

    def clock() -> Any:
        asked.append("clock")
        return convostore_now()

    with Store.open(postgres.url(), clock=clock, **schema) as store:
        session = store.create_session()
        asked.clear()
        with postgres.held(schema["schema"], session.id):
            thread = threading.Thread(target=store.save_message, args=(session.id, "user", "x"))
            thread.start()
            for _ in range(300):
                time.sleep(0.004)
            assert thread.is_alive(), "this thread runs while the writer waits, not after it"
        thread.join()
        assert asked == ["clock"]
        assert store.count_messages(session.id) == 1


def convostore_now() -> Any:
    from datetime import datetime, timezone

    return datetime.now(timezone.utc)


INTERRUPTED = """
    import json, signal, sys
    from convostore import Store
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell may have had ignored
    store = Store.open(sys.argv[1], wait_limit=1000, **json.loads(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print("going", flush=True)
        store.save_message("s", "user", "never")
        print("no interrupt")
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    sys.stdin.readline()
    store.save_message("s", "user", "later")
    print([message.content for message in store.get_messages("s")])
"""


def test_ctrl_c_in_a_wait(schema: Place) -> None:
    with Store.open(postgres.url(), **schema) as store:
        store.create_session(id="s")
    process = start(INTERRUPTED, postgres.url(), json.dumps(schema))
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with postgres.held(schema["schema"], "s"):
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "going\n"
        postgres.until_one_waits(schema["schema"])
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"  # while the row is held, and long before the wait limit
    out, err = process.communicate("go on\n", timeout=60)
    assert (out, err) == ("['later']\n", "")


def test_exit_during_a_wait(schema: Place) -> None:
    with Store.open(postgres.url(), **schema) as store:
        store.create_session(id="s")
        process = start(
            """
            import asyncio, json, sys
            from convostore import AsyncStore
            url, schema = sys.argv[1], json.loads(sys.argv[2])
            async def main():
                store = await AsyncStore.open(url, wait_limit=1000, **schema)
                tasks = [asyncio.ensure_future(store.save_message("s", "user", "late")) for _ in range(30)]
                await asyncio.sleep(0.5)
            asyncio.run(main())
            print("bye")
            """,
            postgres.url(),
            json.dumps(schema),
        )
        with postgres.held(schema["schema"], "s"):
            out, err = process.communicate(timeout=60)  # far less than the wait limit: the exit did not wait for the lock
        assert (process.returncode, out, err) == (0, "bye\n", "")
        assert store.count_messages("s") == 0 and store.check().is_sound


def test_a_cancelled_call_happens_whole_or_not_at_all(schema: Place) -> None:
    async def main() -> None:
        async with AsyncStore.open(postgres.url(), **schema) as store:
            session = await store.create_session()
            for n in range(60):
                messages: list[Any] = [{"role": "user", "content": [n, part], "dedup_key": f"{n}/{part}"} for part in range(3)]
                task = asyncio.ensure_future(store.save_messages(session.id, messages))
                await asyncio.sleep(n % 12 / 2000)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            kept = [tuple(message.content) for message in await store.get_messages(session.id)]
            assert all(kept[i : i + 3] == [(kept[i][0], part) for part in range(3)] for i in range(0, len(kept), 3)), kept

    asyncio.run(main())


def test_fork(schema: Place) -> None:
    process = start(
        """
        import asyncio, json, os, sys
        from convostore import AsyncStore, ForkedError, Store
        url, schema = sys.argv[1], json.loads(sys.argv[2])
        store = Store.open(url, **schema)
        store.create_session(id="s")
        stream = store.stream_messages("s")
        loop = asyncio.new_event_loop()
        async def opened():
            return await AsyncStore.open(url, **schema)
        facade = loop.run_until_complete(opened())
        for round in range(20):
            child = os.fork()
            if child == 0:
                for call in (store.stats, store.create_session, store.close, lambda: next(stream), store.on_primary):
                    try:
                        call()
                        os._exit(11)
                    except ForkedError:
                        pass
                try:
                    asyncio.run(asyncio.wait_for(facade.stats(), 10))
                    os._exit(12)
                except ForkedError:
                    pass
                own = Store.open(url, **schema)
                own.save_message("s", "user", f"child {round}")
                own.close()
                del store, facade, own, stream
                os._exit(0)
            store.save_message("s", "user", f"parent {round}")
            assert os.waitpid(child, 0)[1] == 0, "child failed"
            assert loop.run_until_complete(facade.stats()).messages == 2 * round + 2
        print(store.count_messages("s"), store.check().is_sound)
        """,
        postgres.url(),
        json.dumps(schema),
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "40 True\n", "")


def test_one_thread_of_many_workers_makes_the_session(schema: Place) -> None:
    async def main() -> set[str]:
        async with AsyncStore.open(postgres.url(), **schema) as one, AsyncStore.open(postgres.url(), **schema) as two:
            calls = [store.get_or_create_session(scope="C042", key="1718.55") for store in (one, two) for _ in range(32)]
            return {session.id for session in await asyncio.gather(*calls)}

    assert len(asyncio.run(main())) == 1


def test_archives_go_from_a_file_to_the_server_and_back(schema: Place, tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db", durability="normal") as store:
        for n in range(3):
            session = store.create_session(scope="C042", key=str(n), metadata={"n": n})
            store.save_messages(session.id, [{"role": "user", "content": {"é": 2**70, "n": i}} for i in range(200)])
        store.merge_context("C042", {"project": "OPS"})
        store.export_archive(tmp_path / "first")
    with Store.open(postgres.url(), **schema) as server:
        assert server.import_archive(tmp_path / "first").messages == 600
        assert server.import_archive(tmp_path / "first").unchanged == 4 + 0
        server.export_archive(tmp_path / "second")
    with Store.open(tmp_path / "b.db") as back:
        back.import_archive(tmp_path / "second")
        back.export_archive(tmp_path / "third")
    first = (tmp_path / "first").read_bytes()
    assert first == (tmp_path / "second").read_bytes() == (tmp_path / "third").read_bytes()

"""Archives: by path and by file, byte for byte the same from every store."""

import io
import json
from pathlib import Path
from typing import Any, cast

import pytest

import convostore
from convostore import JsonText, Store


def fill(store: Store) -> None:
    session = store.get_or_create_session(id="s1", scope="C042", key="1718.55", metadata={"draft": {"n": 2**80}})
    store.save_messages(session.id, [
        {"role": "user", "content": "Grüße\x00", "dedup_key": "k1"},
        {"role": "tool", "content": JsonText('{ "a": 1.10, "a": "\\ud800" }'), "token_count": 5},
    ])
    store.set_context("C042", {"project": "OPS"})
    store.define_lifecycle("review", "open", moves=[("open", "merged")], final_statuses=["merged"])


def exported(store: Store) -> bytes:
    file = io.BytesIO()
    report = store.export_archive(file)
    assert report.bytes == len(file.getvalue())
    return file.getvalue()


def test_there_and_back(store: Store, tmp_path: Path) -> None:
    fill(store)
    report = store.export_archive(tmp_path / "a.archive")
    assert (report.sessions, report.messages, report.contexts, report.lifecycles, report.unreadable) == (1, 2, 1, 1, ())
    written = (tmp_path / "a.archive").read_bytes()
    assert written == exported(store) and len(written) == report.bytes
    for other in (Store.in_memory(), Store.open(tmp_path / "other.db", tenant="acme")):
        with other:
            dry = other.import_archive(tmp_path / "a.archive", dry_run=True)
            assert other.stats().sessions == 0 and dry.sessions == 1
            assert other.import_archive(str(tmp_path / "a.archive")) == dry
            assert exported(other) == written
            again = other.import_archive(io.BytesIO(written))
            assert (again.sessions, again.unchanged) == (0, 3)
            assert other.get_messages("s1") == store.get_messages("s1")


def test_paths(store: Store, tmp_path: Path) -> None:
    store.export_archive(tmp_path / "a.archive")
    with pytest.raises(convostore.AlreadyExistsError) as there:
        store.export_archive(tmp_path / "a.archive")
    assert there.value.details["path"] == str(tmp_path / "a.archive")
    with pytest.raises(PermissionError):
        store.export_archive(tmp_path / "missing" / "a.archive")
    with pytest.raises(PermissionError):
        store.import_archive(tmp_path / "missing.archive")
    with pytest.raises((TypeError, AttributeError)):
        store.import_archive(5)  # type: ignore[arg-type]


def test_files_without_seek(store: Store) -> None:
    fill(store)

    class Pipe(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self.rest = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return self.rest.readinto(memoryview(buffer)[:7])

    with Store.in_memory() as other:
        assert other.import_archive(Pipe(exported(store))).sessions == 1  # type: ignore[arg-type]
        assert exported(other) == exported(store)


def test_files_that_take_a_little_at_a_time(store: Store) -> None:
    fill(store)
    parts: list[bytes] = []

    class Slow(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            parts.append(bytes(data[:10]))
            return min(10, len(data))

    store.export_archive(Slow())  # type: ignore[arg-type]
    assert b"".join(parts) == exported(store)


def test_exceptions_of_files_come_through(store: Store) -> None:
    fill(store)
    whole = exported(store)

    class Broken(io.BytesIO):
        def write(self, data: Any) -> int:
            raise ZeroDivisionError("no write")

        def read(self, size: int | None = -1) -> bytes:
            raise ZeroDivisionError("no read")

    with pytest.raises(ZeroDivisionError, match="no write"):
        store.export_archive(Broken())
    with pytest.raises(ZeroDivisionError, match="no read"):
        store.import_archive(Broken(whole))

    class Reentrant(io.BytesIO):
        def write(self, data: Any) -> int:
            store.create_session()
            return len(data)

    with pytest.raises(convostore.ReentrantError):
        store.export_archive(Reentrant())
    assert store.stats().sessions == 1


def test_damage(store: Store) -> None:
    fill(store)
    whole = exported(store)
    with Store.in_memory() as other:
        for cut in range(0, len(whole) - 1, 37):
            with pytest.raises(convostore.ConvostoreError) as caught:
                other.import_archive(io.BytesIO(whole[:cut]))
            assert caught.value.code in ("corrupted", "unsupported_schema", "invalid_argument")
        assert other.stats().sessions == 0


def test_the_own_file_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Store.open(path) as store:
        store.create_session()
        for own in (path, tmp_path / "." / "a.db", f"{path}-wal", f"{path}-shm"):
            with pytest.raises(convostore.InvalidArgumentError):
                store.import_archive(own)


def test_backup(store: Store, tmp_path: Path) -> None:
    fill(store)
    if "memory" in repr(store) or "PostgreSQL" in repr(store):
        with pytest.raises(NotImplementedError):
            store.backup(tmp_path / "copy.db")
        return
    store.backup(tmp_path / "copy.db")
    with pytest.raises(convostore.AlreadyExistsError):
        store.backup(tmp_path / "copy.db")
    with Store.open(tmp_path / "copy.db") as copy:
        assert exported(copy) == exported(store)


FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"


@pytest.mark.parametrize("file", sorted(FIXTURES.rglob("*.convostore")), ids=lambda file: file.name)
def test_archives_of_other_languages(file: Path) -> None:
    with Store.in_memory() as store:
        store.import_archive(file)
        assert exported(store) == file.read_bytes()


@pytest.mark.parametrize("file", sorted(FIXTURES.rglob("*.db")), ids=lambda file: file.name)
def test_databases_of_every_released_schema(file: Path, tmp_path: Path) -> None:
    """Written by Rust; opened here, they give the archive that Rust wrote of them."""
    (tmp_path / "a.db").write_bytes(file.read_bytes())
    with Store.open(tmp_path / "a.db") as store:
        assert store.check().is_sound
        assert exported(store) == file.with_suffix(".convostore").read_bytes()


def test_lines_are_json(store: Store) -> None:
    fill(store)
    for line in exported(store).splitlines():
        json.loads(line)


class Odd(io.RawIOBase):
    """A file whose write gives what it was told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> Any:
        return self.answer


@pytest.mark.parametrize("answer", [None, 10**9, -1, 2**70, "x"])
def test_a_file_that_does_not_take_what_it_is_given_is_an_error(store: Store, answer: Any) -> None:
    fill(store)
    with pytest.raises(BlockingIOError if answer is None else ValueError):
        store.export_archive(cast(Any, Odd(answer)))


def test_what_is_no_file_is_a_type_error(store: Store, tmp_path: Path) -> None:
    wrong: list[Any] = [5, None, b"x", object()]
    for what in wrong:
        with pytest.raises(TypeError):
            store.export_archive(what)
        with pytest.raises(TypeError):
            store.import_archive(what)
    with pytest.raises(TypeError):
        store.import_archive(io.StringIO("x"))  # type: ignore[arg-type]
    with pytest.raises(PermissionError) as caught:
        store.import_archive(tmp_path)
    assert isinstance(caught.value, convostore.ConvostoreError) and caught.value.details["path"] == str(tmp_path)

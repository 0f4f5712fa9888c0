"""Errors: one root, a class for each code, each also the builtin that fits."""

import pickle
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest
from processes import blocked

import convostore
from convostore import ConvostoreError, Session, Store
from convostore._errors import error_of

CODES: dict[str, tuple[str, type[BaseException]]] = {
    "not_found": ("NotFoundError", LookupError),
    "already_exists": ("AlreadyExistsError", ValueError),
    "invalid_argument": ("InvalidArgumentError", ValueError),
    "invalid_transition": ("InvalidTransitionError", ValueError),
    "conflict": ("ConflictError", RuntimeError),
    "busy": ("BusyError", TimeoutError),
    "closed": ("ClosedError", RuntimeError),
    "read_only": ("ReadOnlyError", PermissionError),
    "permission_denied": ("PermissionDeniedError", PermissionError),
    "disk_full": ("DiskFullError", OSError),
    "corrupted": ("CorruptedError", RuntimeError),
    "unsupported_schema": ("UnsupportedSchemaError", RuntimeError),
    "unsupported": ("UnsupportedError", NotImplementedError),
    "lock_lost": ("LockLostError", OSError),
    "unknown_outcome": ("UnknownOutcomeError", OSError),
    "poisoned": ("PoisonedError", RuntimeError),
    "reentrant": ("ReentrantError", RuntimeError),
    "forked": ("ForkedError", RuntimeError),
    "storage": ("StorageError", OSError),
}


def test_every_code_of_the_core_has_a_class() -> None:
    source = Path(__file__).parents[2] / "core" / "src" / "error.rs"
    names = {line.split('"')[1] for line in source.read_text("utf-8").splitlines() if line.strip().startswith("Self::") and '=> "' in line}
    assert names == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_class(code: str) -> None:
    name, builtin = CODES[code]
    cls = getattr(convostore, name)
    error = error_of(code, "what was wrong", {"n": 1}, ["the cause"])
    assert type(error) is cls and isinstance(error, builtin) and isinstance(error, ConvostoreError)
    assert (error.code, error.details, str(error), error.args) == (code, {"n": 1}, "what was wrong", ("what was wrong",))
    assert error.__notes__ == ["because: the cause"]
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls and (again.code, again.details, str(again)) == (code, {"n": 1}, "what was wrong")
    assert again.__notes__ == error.__notes__
    assert cls("made by hand").code == code
    assert f"code {code}" in " ".join((cls.__doc__ or "").split())


def test_unknown_codes_fall_back_to_the_root() -> None:
    error = error_of("brand_new", "hm", {})
    assert type(error) is ConvostoreError and error.code == "brand_new"


def test_code_and_details(store: Store, session: Session) -> None:
    with pytest.raises(LookupError) as missing:
        store.touch_session("nobody")
    assert isinstance(missing.value, convostore.NotFoundError)
    assert missing.value.details == {"session_id": "nobody"}
    with pytest.raises(convostore.ConflictError) as conflict:
        store.update_session(session.id, status="active", expected_revision=9)
    assert conflict.value.details == {"expected_revision": 9, "revision": 1}
    with pytest.raises(convostore.InvalidTransitionError):
        store.update_session(session.id, status="paused")


def test_wrong_types_are_type_errors_and_wrong_values_are_ours(store: Store, session: Session) -> None:
    anything: Any = store
    make: Any = Store.in_memory
    of_types: list[Callable[[], object]] = [
        lambda: anything.get_session(5),
        lambda: anything.get_session(),
        lambda: anything.get_session("a", "b"),
        lambda: anything.save_message(session.id, "user", "x", None),
        lambda: anything.create_session("scope"),
        lambda: anything.get_messages(session.id, last="3"),
        lambda: anything.create_session(scoep="x"),
    ]
    for call in of_types:
        with pytest.raises(TypeError):
            call()
    of_values: list[Callable[[], object]] = [
        lambda: anything.get_messages(session.id, last=-1),
        lambda: anything.get_messages(session.id, last=2**64),
        lambda: anything.get_messages(session.id, roles="user"),
        lambda: anything.get_session("\ud800"),
        lambda: anything.list_sessions(order="newest"),
        lambda: anything.list_sessions(limit=0),
        lambda: anything.resume_session("x", idle=timedelta(seconds=-1)),
        lambda: anything.resume_session("x", idle=5),
        lambda: anything.define_lifecycle("x", "a", moves=[("a",)]),
        lambda: make(ids="uuid5"),
        lambda: make(ids=5),
        lambda: make(clock=5),
        lambda: make(preview="last"),
        lambda: make(tenant=""),
        lambda: make(roles="critic"),
    ]
    for call in of_values:
        with pytest.raises(convostore.InvalidArgumentError):
            call()


def test_closed(store: Store, session: Session) -> None:
    other = store.for_tenant("other")
    store.close()
    store.close()
    for call in (lambda: store.get_session(session.id), other.stats, lambda: store.create_session()):
        with pytest.raises(convostore.ClosedError):
            call()


def test_opening(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("Dear diary, " * 100)
    with pytest.raises(convostore.CorruptedError):
        Store.open(tmp_path / "text.db")
    (tmp_path / "folder").mkdir()
    with pytest.raises(PermissionError) as denied:
        Store.open(tmp_path / "folder")
    assert isinstance(denied.value, ConvostoreError) and str(tmp_path / "folder") in denied.value.details["path"]
    with pytest.raises(convostore.InvalidArgumentError):
        Store.open(tmp_path / "a.db", durability="off")  # type: ignore[arg-type]
    with pytest.raises(convostore.InvalidArgumentError):
        Store.open(tmp_path / "a.db", wait_limit=-1)
    with pytest.raises(TypeError):
        Store.open(5)  # type: ignore[arg-type]
    assert not (tmp_path / "a.db").exists()


def test_busy(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Store.open(path, wait_limit=timedelta(milliseconds=700)) as store:
        session = store.create_session()
        with blocked(path):
            began = time.monotonic()
            with pytest.raises(TimeoutError) as busy:
                store.save_message(session.id, "user", "x")
            assert time.monotonic() - began >= 0.7
            assert isinstance(busy.value, convostore.BusyError)
        assert store.save_message(session.id, "user", "y").seq == 1
    with Store.open(path, wait_limit=30) as store, blocked(path, seconds=1.5):
        assert store.save_message(session.id, "user", "z").seq == 2, "it waits longer than one slice"


def test_exceptions_of_clocks_and_ids_come_through(tmp_path: Path) -> None:
    class Odd(Exception):
        pass

    def odd(*_: Any) -> Any:
        raise Odd("no time")

    given: list[dict[str, Any]] = [{"clock": odd}, {"ids": odd}]
    for options in given:
        for store in (Store.in_memory(**options), Store.open(tmp_path / "a.db", **options)):
            with store, pytest.raises(Odd, match="no time"):
                store.create_session()
            with pytest.raises(convostore.ClosedError):
                store.stats()
    store = Store.in_memory(clock=lambda: datetime(2026, 1, 1))
    with pytest.raises(convostore.InvalidArgumentError, match="time zone"):
        store.create_session()
    with pytest.raises(TypeError):
        Store.in_memory(ids=lambda now: 5).create_session()  # type: ignore[arg-type, return-value]
    assert Store.in_memory(ids=lambda now: f"at-{now.year}", clock=lambda: datetime(2031, 1, 1, tzinfo=timezone.utc)).create_session().id == "at-2031"


def test_reentrant() -> None:
    stores: list[Store] = []

    def clock() -> datetime:
        if stores:
            stores[0].stats()
        return datetime.now(timezone.utc)

    stores.append(Store.in_memory(clock=clock))
    with pytest.raises(convostore.ReentrantError):
        stores[0].create_session()


def test_no_content_in_errors(store: Store, session: Session) -> None:
    store.save_message(session.id, "user", "s3cret", dedup_key="k")
    wrong: list[Any] = [{"s3cret": {1: "s3cret"}}, {"x": {"s3cret"}}, convostore.JsonText('{"s3cret" 1}')]
    for content in wrong:
        with pytest.raises(ConvostoreError) as caught:
            store.save_message(session.id, "user", content)
        assert "s3cret" not in repr(caught.value) + repr(caught.value.details) + repr(getattr(caught.value, "__notes__", ""))
    with pytest.raises(convostore.ConflictError) as caught:
        store.save_message(session.id, "user", "another s3cret", dedup_key="k")
    assert "s3cret" not in repr(caught.value) + repr(caught.value.details)


def test_a_content_in_the_wrong_place_is_in_no_error(store: Store, session: Session) -> None:
    body = "my s3cret words"
    wrong: list[Callable[[], object]] = [
        lambda: store.save_message(session.id, body, "user"),
        lambda: store.save_messages(session.id, [{"role": body, "content": "user"}]),
        lambda: store.save_messages(session.id, cast(Any, [{"role": "user", "content": 1, body: 2}])),
        lambda: store.save_messages(session.id, [], update=cast(Any, {body: 1})),
        lambda: store.get_messages(session.id, roles=[body]),
    ]
    for call in wrong:
        with pytest.raises(convostore.InvalidArgumentError) as caught:
            call()
        assert "s3cret" not in repr(caught.value) + repr(caught.value.details)
    with pytest.raises(convostore.InvalidArgumentError, match="asistant"):
        store.save_message(session.id, "asistant", "x")


class Own(convostore.ConflictError):
    pass


def test_a_class_of_ones_own_is_pickled_as_such() -> None:
    again = pickle.loads(pickle.dumps(Own("what was wrong", details={"n": 1})))
    assert type(again) is Own and (again.code, again.details, str(again)) == ("conflict", {"n": 1}, "what was wrong")


def test_no_note_repeats_the_message(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConvostoreError) as caught:
        Store.open(tmp_path / "folder")
    for note in getattr(caught.value, "__notes__", []):
        assert note.removeprefix("because: ") not in str(caught.value)


def test_paths_that_can_be_none(tmp_path: Path, store: Store) -> None:
    wrong = ["", "a\0b", "\ud800.db", ":memory:"]
    for path in wrong:
        with pytest.raises(convostore.InvalidArgumentError):
            Store.open(path)
    for path in wrong[:3]:
        with pytest.raises(convostore.InvalidArgumentError):
            store.export_archive(path)
        with pytest.raises(convostore.InvalidArgumentError):
            store.import_archive(path)


class Given:
    """A path that says what it was given."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        return self.path


def test_what_a_path_says_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(convostore.InvalidArgumentError) as caught:
        Store.open(Given("postgresql://ada:s3cret@host/base"))
    assert "s3cret" not in repr(caught.value)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    wrongs: list[Any] = [b"a.db", Given(b"a.db"), Given(5), deep]
    for wrong in wrongs:
        with pytest.raises(TypeError):
            Store.open(wrong)
    assert list(tmp_path.iterdir()) == [], "no folder was made of it"
    Store.open(Given("a.db")).close()
    assert (tmp_path / "a.db").is_file()

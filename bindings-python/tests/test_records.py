"""Records: frozen, compared by what they hold, pickled, shown without contents."""

import copy
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pytest

import convostore
from convostore import (
    Cleanup,
    Context,
    Deletion,
    ExportReport,
    ImportReport,
    JsonText,
    Lifecycle,
    Message,
    Page,
    Session,
    Stats,
    Store,
    StoreCheck,
)

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)

SESSION = Session("s1", "C042", "k", None, "agent", "active", {"draft": "secret"}, "secret preview", 3, 7, AT, AT, AT)
MESSAGE = Message(4, "user", "secret words", None, False, None, AT)
RECORDS: list[Any] = [
    SESSION,
    Session("s2", "", None, "ada", "ticket", "synced", JsonText('{ "a": 1.10 }'), None, 0, 1, AT, AT, AT),
    MESSAGE,
    Message(5, "tool", JsonText('{"secret":1.10, "b":"\\ud800"}'), 31, True, "turn-5", AT),
    Message(6, "tool", JsonText('"\\u0041"'), 0, False, None, AT),
    Context("C042", {"secret": [1]}, 2, AT, AT),
    Page([SESSION], "next"),
    Page([], None),
    Lifecycle("review", "open", ["open", "merged"], [("open", "merged")], ["merged"]),
    Deletion(True, "pending", "a reader"),
    Cleanup(1, 2),
    Stats(1, 2, 3, None),
    StoreCheck(1, 2, ["broken"]),
    ExportReport(1, 2, 3, 4, 5, []),
    ImportReport(1, 2, 3, 4, 5, 6),
    JsonText("[1]"),
]
each = pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)


@each
def test_pickle_and_copy(record: Any) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(record, protocol))
        assert again == record and hash(again) == hash(record) and repr(again) == repr(record)
    assert copy.copy(record) == record == copy.deepcopy(record)


@each
def test_frozen(record: Any) -> None:
    for name in type(record).__match_args__:
        with pytest.raises(AttributeError):
            setattr(record, name, None)
    with pytest.raises(AttributeError):
        record.something_else = 1


@each
def test_fields(record: Any) -> None:
    cls = type(record)
    assert cls.__module__ == "convostore"
    assert getattr(convostore, cls.__name__) is cls
    fields = {name: getattr(record, name) for name in cls.__match_args__}
    if hasattr(record, "to_dict") and not isinstance(record, Page):
        assert record.to_dict() == fields
        assert list(record.to_dict()) == list(cls.__match_args__)
    assert cls.__doc__
    for name in cls.__match_args__:
        assert getattr(cls, name).__doc__, name


@each
def test_repr_holds_no_content(record: Any) -> None:
    shown = repr(record)
    assert shown.startswith(type(record).__name__ + "(")
    assert "secret" not in shown


@each
def test_equality(record: Any) -> None:
    assert record != 5 and record != "text" and not record == None  # noqa: E711
    for other in RECORDS:
        assert (record == other) == (record is other)
    assert len({record, copy.copy(record)}) == 1


def test_verbatim_text_survives_pickling() -> None:
    message = RECORDS[3]
    assert pickle.loads(pickle.dumps(message)).content_json == '{"secret":1.10, "b":"\\ud800"}'
    assert message.content == {"secret": 1.1, "b": "\ud800"}


def test_repr() -> None:
    assert repr(MESSAGE) == (
        "Message(seq=4, role='user', content=<12 bytes of text>, token_count=None, is_summary=False, dedup_key=None, "
        "created_at=2026-01-02T03:04:05.678Z)"
    )
    assert "metadata=<18 bytes>, preview=<14 characters>" in repr(SESSION)


def test_matching() -> None:
    match MESSAGE:
        case Message(seq, "user", str(content)):
            assert (seq, content) == (4, "secret words")
        case _:
            raise AssertionError


def test_page_is_iterated_as_its_items() -> None:
    page = Page([SESSION, SESSION], "c")
    assert list(page) == [SESSION, SESSION] and len(page) == 2 and page[0] is page[-1] and page[1:] == (SESSION,)
    assert page.to_dict() == {"items": [SESSION.to_dict()] * 2, "next_cursor": "c"}
    assert not Page([], None)
    assert repr(Page[Session]).startswith("convostore.Page[")


def test_times_are_aware_and_whole_milliseconds(store: Store) -> None:
    given = datetime(2020, 2, 29, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-5, minutes=-30)))
    session = store.create_session(created_at=given)
    assert session.created_at == given.replace(microsecond=999_000)
    assert session.created_at.tzinfo is timezone.utc
    for moment in (datetime.min, datetime.max, datetime(1969, 12, 31, 23, 59, 59, 999_999)):
        message = store.save_message(session.id, "user", "x", created_at=moment.replace(tzinfo=timezone.utc))
        assert message.created_at == moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=timezone.utc)


def test_naive_times_are_refused(store: Store) -> None:
    session = store.create_session()
    for call in (
        lambda: store.create_session(created_at=datetime(2026, 1, 1)),
        lambda: store.save_message(session.id, "user", "x", created_at=datetime(2026, 1, 1)),
        lambda: store.get_messages(session.id, since=datetime(2026, 1, 1)),
    ):
        with pytest.raises(convostore.InvalidArgumentError, match="time zone"):
            call()
    with pytest.raises(convostore.InvalidArgumentError, match="aware datetime, not float"):
        store.get_messages(session.id, since=1.5)  # type: ignore[arg-type]


def test_messages_given_as_records(store: Store) -> None:
    one, two = store.create_session(), store.create_session()
    store.save_messages(
        one.id,
        [{"role": "user", "content": "a", "dedup_key": "k", "created_at": AT}, {"role": "tool", "content": [1], "token_count": 3, "is_summary": True}],
    )
    history = store.get_messages(one.id)
    assert store.save_messages(two.id, history) == history
    assert store.save_messages(two.id, iter(history[:1])) == history[:1]


def test_messages_given_wrongly(store: Store, session: Session) -> None:
    wrong: list[Any] = [
        [{"role": "user"}],
        [{"content": "x"}],
        [{"role": "user", "content": "x", "text": "y"}],
        [{"role": "user", "content": "x", "seq": 1}],
        ["text"],
        {"role": "user", "content": "x"},
        [{"role": "user", "content": "x", "token_count": -1}],
    ]
    for messages in wrong:
        with pytest.raises(convostore.InvalidArgumentError):
            store.save_messages(session.id, messages)
    with pytest.raises(convostore.InvalidArgumentError, match="staus"):
        store.save_messages(session.id, [], update=cast(Any, {"staus": "active"}))
    assert store.count_messages(session.id) == 0

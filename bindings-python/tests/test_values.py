"""Contents, metadata and contexts: what goes in comes out, and by which bytes."""

import enum
import json
import math
import random
import struct
import sys
import time
from collections import OrderedDict, defaultdict
from typing import Any, NamedTuple

import pytest
from scenario import same

import convostore
from convostore import InvalidArgumentError, JsonText, Session, Store


def kept(store: Store, session: Session, value: Any) -> tuple[Any, str]:
    """What comes back for a content, and its JSON text."""
    saved = store.save_message(session.id, "tool", value)
    read = store.get_messages(session.id, last=1)[0]
    assert read == saved
    return read.content, read.content_json


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (-7, "-7"),
        (2**53 + 1, "9007199254740993"),
        (2**63, "9223372036854775808"),
        (-(2**63) - 1, "-9223372036854775809"),
        (2**64, "18446744073709551616"),
        (1.5, "1.5"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e16, "10000000000000000.0"),
        (123456789.125, "123456789.125"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (1.25e-9, "1.25e-9"),
        (5e-324, "5e-324"),
        ("", '""'),
        ("Grüße 😀", '"Grüße 😀"'),
        ('"\\/\b\f\n\r\t\x00\x1f\x7f\u2028', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\u2028"'),
        ("a\ud800b", '"a\\ud800b"'),
        ("\udfff", '"\\udfff"'),
        ([], "[]"),
        ({}, "{}"),
        ([1, [2, {"a": [None]}]], '[1,[2,{"a":[null]}]]'),
        ({"z": 1, "a": {"\ud800": "\udc00"}}, '{"z":1,"a":{"\\ud800":"\\udc00"}}'),
    ],
)
def test_one_value_one_text(store: Store, session: Session, value: Any, text: str) -> None:
    got, got_text = kept(store, session, value)
    assert got_text == text
    assert same(got, value)


def test_whole_floats_stay_floats(store: Store, session: Session) -> None:
    assert same(kept(store, session, [1.0, 1, 1e20, 1e22])[0], [1.0, 1, 1e20, 1e22])


def test_random_values_as_json_has_them(store: Store, session: Session) -> None:
    draw = random.Random(7)

    def value(depth: int) -> Any:
        kind = draw.randrange(9 if depth else 7)
        if kind == 0:
            return draw.choice([None, True, False])
        if kind == 1:
            return draw.randrange(-(10**draw.randrange(1, 40)), 10**draw.randrange(1, 40))
        if kind == 2:
            number = struct.unpack("d", draw.randbytes(8))[0]
            return number if math.isfinite(number) else 0.5
        if kind == 3:
            return draw.uniform(-1, 1) * 10 ** draw.randrange(-30, 30)
        if kind < 7:
            # Surrogates stand apart, so that no two make a pair.
            points = [draw.choice([0, 10, 34, 92, 0x7F, 0xE9, 0x2028, 0xFFFF, 0x1F600, 0x10FFFF]) for _ in range(draw.randrange(12))]
            return "".join(map(chr, points)) + draw.choice(["", "\ud9ab", "x"])
        if kind == 7:
            return [value(depth - 1) for _ in range(draw.randrange(5))]
        return {f"k{i}{draw.choice(['', 'ü', chr(0)])}": value(depth - 1) for i in range(draw.randrange(5))}

    values = [value(4) for _ in range(400)]
    store.save_messages(session.id, [{"role": "tool", "content": one} for one in values])
    for one, message in zip(values, store.get_messages(session.id), strict=True):
        assert same(message.content, one)
        assert same(json.loads(message.content_json), one)


@pytest.mark.parametrize("digits", [20, 600, 601, 4300, 4301, 20_000])
def test_integers_of_any_size(store: Store, session: Session, digits: int) -> None:
    draw = random.Random(digits)
    for number in (10**digits, -(10**digits) + 1, draw.randrange(10**digits), draw.getrandbits(digits * 3)):
        assert kept(store, session, {"n": number})[0] == {"n": number}


def test_integers_beyond_reason_are_refused(store: Store, session: Session) -> None:
    with pytest.raises(InvalidArgumentError, match="100000 digits"):
        store.save_message(session.id, "tool", 10**150_000)
    verbatim = JsonText("1" * 150_000)
    message = store.save_message(session.id, "tool", verbatim)
    assert message.content_json == verbatim.json
    with pytest.raises(InvalidArgumentError, match="at most 100000"):
        message.content


def test_what_json_has_no_form_for(store: Store, session: Session) -> None:
    class Odd:
        pass

    for value, word in [
        ({1: 2}, "int"),
        ([{None: 2}], "NoneType"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        ([Odd()], "Odd"),
        (float("nan"), "NaN"),
        ([float("-inf")], "inf"),
        (1j, "complex"),
        ([JsonText("1")], "JsonText"),
    ]:
        with pytest.raises(InvalidArgumentError, match=word) as caught:
            store.save_message(session.id, "tool", value)
        assert caught.value.code == "invalid_argument"
    assert store.count_messages(session.id) == 0


def test_subclasses_are_what_they_are(store: Store, session: Session) -> None:
    class Colour(enum.StrEnum):
        RED = "red"

    class Level(enum.IntEnum):
        HIGH = 9

    class Huge(int):
        def __str__(self) -> str:
            return "not digits"

    class Pair(NamedTuple):
        a: int
        b: str

    value = {
        "colour": Colour.RED,
        "level": Level.HIGH,
        "huge": Huge(10**30),
        "pair": Pair(1, "x"),
        "ordered": OrderedDict(z=1, a=2),
        "default": defaultdict(int, n=1),
    }
    got, text = kept(store, session, value)
    assert text == '{"colour":"red","level":9,"huge":1' + "0" * 30 + ',"pair":[1,"x"],"ordered":{"z":1,"a":2},"default":{"n":1}}'
    assert got["pair"] == [1, "x"]
    assert kept(store, session, Colour.RED) == ("red", '"red"')


def test_depth(store: Store, session: Session) -> None:
    def nested(levels: int) -> Any:
        value: Any = []
        for _ in range(levels - 1):
            value = [value]
        return value

    assert kept(store, session, nested(128))[0] == nested(128)
    for levels in (129, 5000):
        with pytest.raises(InvalidArgumentError, match="128"):
            store.save_message(session.id, "tool", nested(levels))
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidArgumentError, match="128"):
        store.save_message(session.id, "tool", circle)


def test_a_pair_of_surrogates_is_the_character_it_means(store: Store, session: Session) -> None:
    assert kept(store, session, "\ud83d\ude00") == ("😀", '"😀"')
    assert kept(store, session, ["\ud83d\ude00\ud83d"]) == (["😀\ud83d"], '["😀\\ud83d"]')


def test_verbatim_text(store: Store, session: Session) -> None:
    text = '{ "b": 1.10, "a": 1E2, "a": "\\u0041\\ud800" }'
    got, got_text = kept(store, session, JsonText(text))
    assert got_text == text
    assert same(got, json.loads(text))
    assert kept(store, session, JsonText('"plain"')) == ("plain", '"plain"')
    assert repr(JsonText("secret")) == "JsonText(<6 bytes>)"
    for bad in ["", "{", "NaN", "[1,]", "\ud800"]:
        with pytest.raises(InvalidArgumentError):
            store.save_message(session.id, "tool", JsonText(bad))


def test_metadata_is_a_dict(store: Store) -> None:
    session = store.create_session(metadata={"n": 2**70, "f": 1.0})
    assert same(session.metadata, {"n": 2**70, "f": 1.0})
    assert session.metadata_json == '{"n":1180591620717411303424,"f":1.0}'
    assert session.metadata is not session.metadata
    bad: Any
    for bad in ["text", [1], 5, JsonText("[]")]:
        with pytest.raises(InvalidArgumentError):
            store.create_session(metadata=bad)
        with pytest.raises(InvalidArgumentError):
            store.set_context("C042", bad)


def test_no_value_leaks(store: Store, session: Session) -> None:
    value = {"list": [1, 2.5, "text" * 10, {"a": None}], "big": 10**700}
    for _ in range(3):
        kept(store, session, value)
    before = sys.getrefcount(None), sys.getallocatedblocks()
    for _ in range(200):
        message = store.save_message(session.id, "tool", value)
        message.content, message.to_dict(), repr(message)
    message = None  # type: ignore[assignment]
    assert abs(sys.getrefcount(None) - before[0]) < 50
    assert sys.getallocatedblocks() - before[1] < 2000


def test_a_value_that_stands_for_more_than_may_be_is_refused_early(store: Store, session: Session) -> None:
    shared: list[Any] = [1, 2]
    for _ in range(60):  # of 2^60 leaves
        shared = [shared, shared]
    began = time.monotonic()
    with pytest.raises(convostore.InvalidArgumentError, match="bytes"):
        store.save_message(session.id, "user", shared)
    with pytest.raises(convostore.InvalidArgumentError, match="bytes"):
        store.update_session(session.id, metadata={"x": shared})
    with pytest.raises(convostore.InvalidArgumentError, match="bytes"):
        store.save_message(session.id, "user", ["x" * (65 << 20)])
    assert time.monotonic() - began < 60


def test_the_longest_integer_comes_back_and_a_longer_one_is_refused(store: Store, session: Session) -> None:
    longest = 10**100_000 - 1
    assert store.save_message(session.id, "user", [longest, -longest]).content == [longest, -longest]
    for number in (longest + 1, -longest - 1):
        with pytest.raises(convostore.InvalidArgumentError, match="digits"):
            store.save_message(session.id, "user", number)

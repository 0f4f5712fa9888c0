"""Runs the scenarios of tests/scenarios (see the README there) through the public package."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from convostore import AsyncStore, ConvostoreError, JsonText, Store

FOLDER = Path(__file__).parents[2] / "tests" / "scenarios"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
START = 1767225600000
MAIN = ""

TIMES = {"created_at", "since"}
SPANS = {"idle", "older_than"}
FLEXIBLE = {"content", "metadata", "merge_metadata", "data", "patch"}


class Mismatch(AssertionError):
    pass


class Json:
    """What the application gave: verbatim JSON text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text if len(self.text) < 160 else f"{self.text[:160]}… ({len(self.text)} characters)"


def files() -> Iterator[Path]:
    yield from sorted(FOLDER.rglob("*.json"))


class Sync:
    """The store, called directly."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def call(self, name: str, args: dict[str, Any]) -> Any:
        result = getattr(self.store, name)(**args)
        return list(result) if name == "stream_messages" else result

    def for_tenant(self, tenant: str) -> Sync:
        return Sync(self.store.for_tenant(tenant))


class Async:
    """The store, called through asyncio."""

    def __init__(self, store: AsyncStore, runner: asyncio.Runner) -> None:
        self.store = store
        self.runner = runner

    def call(self, name: str, args: dict[str, Any]) -> Any:
        async def run() -> Any:
            if name == "stream_messages":
                return [message async for message in self.store.stream_messages(**args)]
            return await getattr(self.store, name)(**args)

        return self.runner.run(run())

    def for_tenant(self, tenant: str) -> Async:
        return Async(self.store.for_tenant(tenant), self.runner)


class Run:
    def __init__(self, path: Path, opener: Callable[..., Any], keeps: bool, reopens: bool = False) -> None:
        self.scenario = json.loads(path.read_text("utf-8"))
        self.opener = opener
        self.keeps = keeps
        self.reopens = reopens
        self.now = self.scenario.get("now", START)
        self.counter = itertools.count(1)
        self.results: dict[str, Any] = {}
        self.archives: dict[str, bytes] = {}
        self.closed = False
        self.open()

    def open(self) -> None:
        given = dict(self.scenario.get("store", {}))
        if given.get("ids") == "counting":
            given["ids"] = lambda now: f"s{next(self.counter)}"
        main = self.opener(clock=lambda: EPOCH + timedelta(milliseconds=self.now), **given)
        self.stores = {MAIN: main}
        for name, other in self.scenario.get("stores", {}).items():
            self.stores[name] = main.for_tenant(other["tenant"])
        self.closed = False

    def reopen(self) -> None:
        self.stores[MAIN].call("close", {})
        self.open()

    def close(self) -> None:
        """Closes the store, which the steps may have done."""
        self.stores[MAIN].call("close", {})

    def run(self) -> None:
        for number, step in enumerate(self.scenario["steps"], 1):
            for i in range(1, step.get("times", 1) + 1):
                try:
                    self.step(step, i if "times" in step else None)
                except Mismatch as e:
                    call = step.get("call", "clock")
                    raise Mismatch(f"step {number} ({i}), {call}: {e}\n  title: {self.scenario['title']}") from None

    def step(self, step: dict[str, Any], i: int | None) -> None:
        if "clock" in step:
            move = step["clock"]
            self.now = move["set"] if "set" in move else self.now + move["advance"]
            return
        if step["call"] == "reopen":
            if self.keeps:
                self.reopen()
            return
        if self.reopens and not self.closed:
            self.reopen()
        if step["call"] == "close":
            self.closed = True
        name = step["call"]
        try:
            args = {
                key: io.BytesIO(self.archive(value)) if key == "archive" else argument(key, self.resolve(value, i))
                for key, value in step.get("args", {}).items()
            }
        except OverflowError:
            # A datetime cannot hold such a time, so the call cannot be made.
            if step.get("error") != "invalid_argument":
                raise
            return
        written = io.BytesIO()
        if name == "export_archive":
            args["archive"] = written
        try:
            result = self.stores[step.get("on", MAIN)].call(name, args)
        except ConvostoreError as e:
            if e.code != step.get("error"):
                raise Mismatch(f"expected {step.get('error', 'a result')}, got the error {e.code}: {e}") from e
            if "details" in step:
                compare(e.details, self.resolve(step["details"], i), "details")
            return
        answer = tree(result)
        if "error" in step:
            raise Mismatch(f"expected the error {step['error']}, got {answer!r}")
        if "as" in step:
            self.results[step["as"]] = answer
            if name == "export_archive":
                self.archives[step["as"]] = written.getvalue()
        if "expect" in step:
            compare(answer, self.resolve(step["expect"], i), "result")

    def archive(self, value: Any) -> bytes:
        return value["$text"].encode() if isinstance(value, dict) else self.archives[value[1:]]

    def resolve(self, value: Any, i: int | None) -> Any:
        if isinstance(value, str):
            if i is not None:
                value = value.replace("$i", str(i))
            return self.reference(value[1:]) if value.startswith("$") else value
        if isinstance(value, list):
            return [self.resolve(item, i) for item in value]
        if isinstance(value, dict):
            if "$repeat" in value:
                text, n = value["$repeat"]
                return text * n
            if "$nested" in value:
                return {"$json": "[" * value["$nested"] + "]" * value["$nested"]}
            if "$json" in value:
                return value
            return {key: self.resolve(item, i) for key, item in value.items()}
        return value

    def reference(self, reference: str) -> Any:
        name, *path = reference.split(".")
        found = self.results[name]
        for part in path:
            if isinstance(found, Json):
                found = Json(json.dumps(json.loads(found.text)[part]))
            else:
                found = found[int(part)] if isinstance(found, list) else found[part]
        return plain(found)


def plain(answer: Any) -> Any:
    """An answer as a value of a scenario."""
    if isinstance(answer, Json):
        return {"$json": answer.text}
    if isinstance(answer, list):
        return [plain(item) for item in answer]
    if isinstance(answer, dict):
        return {key: plain(item) for key, item in answer.items()}
    return answer


def argument(name: str, value: Any) -> Any:
    """A value of a scenario as an argument."""
    if isinstance(value, dict) and "$json" in value:
        return JsonText(value["$json"])
    if value is None or name in FLEXIBLE:
        return value
    if name in TIMES:
        return EPOCH + timedelta(milliseconds=value)
    if name in SPANS:
        return timedelta(milliseconds=value)
    if name == "messages":
        return [{key: argument(key, item) for key, item in message.items()} for message in value]
    if name == "update":
        return {key: argument(key, item) for key, item in value.items()}
    return value


def tree(result: Any) -> Any:
    """A result as an answer: records as dicts, contents and objects as JSON text, times as milliseconds."""
    if isinstance(result, (list, tuple)):
        return [tree(item) for item in result]
    if isinstance(result, datetime):
        return (result - EPOCH) // timedelta(milliseconds=1)
    if not hasattr(result, "to_dict"):
        return result
    if hasattr(result, "next_cursor"):
        return {"items": tree(result.items), "next_cursor": result.next_cursor}
    members = {}
    for name, value in result.to_dict().items():
        text = getattr(result, f"{name}_json", None)
        if text is None:
            members[name] = tree(value)
        else:
            assert same(value, json.loads(text)), f"{name} was decoded otherwise than by json.loads"
            members[name] = Json(text)
    return members


def same(a: Any, b: Any) -> bool:
    """Equal, types included: 1, 1.0 and True are not the same."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b) if isinstance(a, float) else bool(a == b)


def compare(actual: Any, expected: Any, path: str) -> None:
    if isinstance(expected, dict) and len(expected) == 1:
        (form, value), = expected.items()
        if form == "$any":
            return check(actual is not None, path, "something", actual)
        if form == "$json":
            return check(isinstance(actual, Json) and actual.text == value, path, value, actual)
        if form == "$length":
            if isinstance(actual, Json):
                actual = json.loads(actual.text)
            return check(len(actual) == value, path, f"a length of {value}", actual)
        if form == "$not":
            try:
                compare(actual, value, path)
            except Mismatch:
                return None
            raise Mismatch(f"{path}: expected anything but {value!r}")
    if isinstance(actual, Json):
        return check(same(json.loads(actual.text), expected), path, expected, actual)
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            check(name in actual, f"{path}.{name}", "a member", None)
            compare(actual[name], value, f"{path}.{name}")
        return None
    if isinstance(expected, list) and isinstance(actual, list):
        check(len(expected) == len(actual), path, f"{len(expected)} elements", actual)
        for index, (item, value) in enumerate(zip(actual, expected)):
            compare(item, value, f"{path}.{index}")
        return None
    return check(same(actual, expected), path, expected, actual)


def check(holds: bool, path: str, expected: Any, actual: Any) -> None:
    if not holds:
        raise Mismatch(f"{path}: expected {expected!r:.300}, got {actual!r:.600}")

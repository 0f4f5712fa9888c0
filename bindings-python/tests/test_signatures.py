"""Store and AsyncStore have the same operations, and every one is described."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import convostore
from convostore import AsyncStore, Store

OPERATIONS = sorted(name for name in dir(Store) if not name.startswith("_"))


def parameters(function: Any) -> list[tuple[str, str, Any]]:
    kinds = {"POSITIONAL_ONLY": "positional", "POSITIONAL_OR_KEYWORD": "positional", "KEYWORD_ONLY": "keyword"}
    found = inspect.signature(function).parameters.values()
    return [(one.name, kinds[one.kind.name], one.default) for one in found if one.name != "self"]


def test_same_names() -> None:
    assert OPERATIONS == sorted(name for name in dir(AsyncStore) if not name.startswith("_"))


@pytest.mark.parametrize("name", OPERATIONS)
def test_same_signature(name: str) -> None:
    ours, theirs = getattr(Store, name), getattr(AsyncStore, name)
    if not callable(ours):
        assert not callable(theirs)
        return
    assert parameters(ours) == parameters(theirs)


@pytest.mark.parametrize("name", OPERATIONS)
def test_described(name: str) -> None:
    ours, theirs = getattr(Store, name), getattr(AsyncStore, name)
    assert ours.__doc__ and theirs.__doc__
    assert re.sub(r"await |async |Async|[()]", "", theirs.__doc__) == re.sub(r"Async|[()]", "", ours.__doc__)
    if callable(ours) and name not in ("close", "for_tenant", "on_primary"):
        example = theirs.__doc__.rpartition("\n\n    ")[2]
        assert "await" in example or "async" in example, example
    if not callable(ours) or name in ("close",):
        return
    for parameter, _, _ in parameters(ours):
        assert re.search(rf"\b{parameter}\b", ours.__doc__), f"{parameter} is not described"
    if name not in ("stats", "check", "list_lifecycles"):
        assert "Errors:" in ours.__doc__
    for code in re.findall(r"\b[a-z]+_[a-z]+\b", ours.__doc__.partition("Errors:")[2].partition("\n\n")[0]):
        known = {getattr(convostore, cls)._code for cls in convostore.__all__ if cls.endswith("Error")}
        assert code in known | set(OPERATIONS) | {p for p, _, _ in parameters(ours)}, code


def test_as_the_scenarios_name_them() -> None:
    readme = (Path(__file__).parents[2] / "tests" / "scenarios" / "README.md").read_text("utf-8")
    table = readme.partition("## The names of the arguments")[2]
    rows = re.findall(r"^\| (`.+?) \| (.+) \|$", table, re.M)
    assert len(rows) > 15
    for operations, arguments in rows:
        for operation in re.findall(r"`(\w+)`", operations):
            names = {name for name, _, _ in parameters(getattr(Store, operation))}
            for argument in re.findall(r"`(\w+)`", arguments.partition("(")[0].partition(" but ")[0]):
                if argument not in OPERATIONS:
                    assert argument in names, (operation, argument)


def test_all_is_there() -> None:
    for name in convostore.__all__:
        assert getattr(convostore, name) is not None
    with pytest.raises(AttributeError):
        convostore.nothing

"""What the documents show runs: the example of every description, of Store as it stands and of AsyncStore awaited, and those of the README."""

import ast
import asyncio
import inspect
import os
import re
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import convostore
from convostore import AsyncStore, Store

DESCRIBED = [(cls, name) for cls in (Store, AsyncStore) for name in ("", *sorted(vars(Store))) if not name.startswith("_")]
README = Path(__file__).parents[1] / "README.md"


def example(about: str) -> str:
    """The indented paragraphs of a description; nothing where there is none."""
    paragraphs = inspect.cleandoc(about).split("\n\n")
    return textwrap.dedent("\n".join(one for one in paragraphs if all(line.startswith("    ") for line in one.splitlines())))


def runnable(code: str) -> str:
    """Without the lines that want a server which is not there."""
    lines = [line for line in code.splitlines() if "postgresql://" not in line]
    return "\n".join(lines).replace("/backup/", "")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def around(home: Path) -> dict[str, Any]:
    """What an example may take for granted."""
    store = Store.open(home / "example.db")
    session = store.get_or_create_session(scope="C042", key="1718.55")
    store.save_messages(session.id, [{"role": "user", "content": f"message {n}"} for n in range(3)])
    names = {name: getattr(convostore, name) for name in convostore.__all__}
    summary = store.save_summary(session.id, "They greeted each other.")
    Path("sessions.convostore").unlink(missing_ok=True)
    store.export_archive("sessions.convostore")
    return names | {"store": store, "session": session, "summary": summary, "os": os, "timedelta": timedelta}


def execute(code: str, names: dict[str, Any]) -> None:
    compiled = compile(code, "an example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if not compiled.co_flags & inspect.CO_COROUTINE:
        exec(compiled, names)
        return

    async def run() -> None:
        names["store"] = AsyncStore(names["store"])
        await eval(compiled, names)

    asyncio.run(run())


@pytest.mark.parametrize(("cls", "name"), DESCRIBED, ids=lambda it: it if isinstance(it, str) else it.__name__)
def test_an_example_of_a_description(cls: type, name: str, home: Path) -> None:
    about = (getattr(cls, name) if name else cls).__doc__
    assert about is not None
    code = runnable(example(about))
    if name in ("close", "roles", "tenant"):
        assert not code
        return
    assert code, "it has no example"
    if name == "export_archive":
        code = code.replace("sessions.convostore", "another.convostore")
    execute(code, around(home))


def test_the_examples_of_the_readme(home: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)
    assert len(blocks) >= 3
    for block in blocks:
        execute(runnable(block), around(home))
    assert (home / ".myagent" / "sessions.db").is_file()

"""The scenarios that Rust and JavaScript run too, here through the public package: sync and async, in memory, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import postgres
import pytest
import scenario

from convostore import AsyncStore, Store

FILES = list(scenario.files())


def test_there_are_scenarios() -> None:
    assert len(FILES) > 100


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any] | None]:
    """The arguments that open the store of a kind; nothing in memory."""
    kind = request.getfixturevalue("kind")
    if kind == "memory":
        yield None
    elif kind == "postgres":
        place = {"path": postgres.url()} | postgres.options()
        yield place
        postgres.drop(place["schema"])
    else:
        yield {"path": tmp_path / "store.db", "durability": "normal"}


@pytest.mark.parametrize("kind", ["memory", "sqlite", "sqlite-reopened", "postgres"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(scenario.FOLDER).with_suffix("")))
def test_sync(file: Path, kind: str, at: dict[str, Any] | None) -> None:
    def opener(**options: Any) -> scenario.Sync:
        return scenario.Sync(Store.in_memory(**options) if at is None else Store.open(**at, **options))

    run = scenario.Run(file, opener, keeps=at is not None, reopens=kind == "sqlite-reopened")
    with closing(run):
        run.run()


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(scenario.FOLDER).with_suffix("")))
def test_async(file: Path, kind: str, at: dict[str, Any] | None, runner: asyncio.Runner) -> None:
    async def opened(**options: Any) -> AsyncStore:
        return await (AsyncStore.in_memory(**options) if at is None else AsyncStore.open(**at, **options))

    def opener(**options: Any) -> scenario.Async:
        return scenario.Async(runner.run(opened(**options)), runner)

    run = scenario.Run(file, opener, keeps=at is not None)
    with closing(run):
        run.run()

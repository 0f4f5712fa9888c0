"""The scenarios that Rust and JavaScript run too, here through the public package: sync and async, in memory and on SQLite."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("kind", ["memory", "sqlite", "sqlite-reopened"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(scenario.FOLDER).with_suffix("")))
def test_sync(file: Path, kind: str, tmp_path: Path) -> None:
    def opener(**options: Any) -> scenario.Sync:
        if kind == "memory":
            return scenario.Sync(Store.in_memory(**options))
        return scenario.Sync(Store.open(tmp_path / "store.db", durability="normal", **options))

    scenario.Run(file, opener, keeps=kind != "memory", reopens=kind == "sqlite-reopened").run()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(scenario.FOLDER).with_suffix("")))
def test_async(file: Path, kind: str, tmp_path: Path, runner: asyncio.Runner) -> None:
    async def opened(**options: Any) -> AsyncStore:
        if kind == "memory":
            return await AsyncStore.in_memory(**options)
        return await AsyncStore.open(tmp_path / "store.db", durability="normal", **options)

    def opener(**options: Any) -> scenario.Async:
        return scenario.Async(runner.run(opened(**options)), runner)

    scenario.Run(file, opener, keeps=kind != "memory").run()

from collections.abc import Iterator
from pathlib import Path

import pytest

from convostore import Session, Store


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = Store.in_memory() if request.param == "memory" else Store.open(tmp_path / "store.db")
    with opened:
        yield opened


@pytest.fixture
def session(store: Store) -> Session:
    return store.create_session(scope="C042")

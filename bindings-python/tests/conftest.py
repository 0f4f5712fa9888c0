from collections.abc import Iterator
from pathlib import Path
from typing import Any

import postgres
import pytest

from convostore import Session, Store


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "postgres":
        at = postgres.options()
        with Store.open(postgres.url(), **at) as opened:
            yield opened
        postgres.drop(at["schema"])
        return
    opened = Store.in_memory() if request.param == "memory" else Store.open(tmp_path / "store.db")
    with opened:
        yield opened


@pytest.fixture
def session(store: Store) -> Session:
    return store.create_session(scope="C042")


@pytest.fixture
def schema() -> Iterator[dict[str, Any]]:
    """Options of a store on PostgreSQL in a schema of its own, which is dropped at the end."""
    postgres.url()
    at = postgres.options()
    yield at
    postgres.drop(at["schema"])

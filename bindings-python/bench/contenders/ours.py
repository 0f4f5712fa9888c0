"""convostore."""

from __future__ import annotations

from typing import Any, Literal

import convostore

from . import TEXT, Sessions

ITEM: Any = {"role": "user", "content": TEXT}


class Store:
    is_async = False

    def __init__(self, path: str, durability: Literal["full", "normal"] | None) -> None:
        self.store = convostore.Store.open(path, durability=durability or "full")

    def fill(self, sessions: Sessions) -> None:
        for id, key, count in sessions:
            self.store.create_session(id=id, scope="bench", key=key)
            for first in range(0, count, 1000):
                self.store.save_messages(id, [ITEM] * min(1000, count - first))

    def append(self, session: str, count: int) -> Any:
        if count == 1:
            return self.store.save_message(session, "user", TEXT)
        return self.store.save_messages(session, [ITEM] * count)

    def load(self, session: str) -> list[dict[str, Any]]:
        return [{"role": m.role, "content": m.content} for m in self.store.get_messages(session)]

    def load_all(self, session: str) -> list[dict[str, Any]]:
        return [message.to_dict() for message in self.store.get_messages(session)]

    def load_records(self, session: str) -> list[convostore.Message]:
        return self.store.get_messages(session)

    def last(self, session: str, count: int) -> list[dict[str, Any]]:
        return [{"role": m.role, "content": m.content} for m in self.store.get_messages(session, last=count)]

    def listing(self, count: int) -> Any:
        return [(s.id, s.preview, s.last_active_at) for s in self.store.list_sessions(limit=count)]

    def get_or_create(self, key: str) -> Any:
        return self.store.get_or_create_session(scope="bench", key=key)

    def close(self) -> None:
        self.store.close()


class AsyncStore:
    is_async = True

    def __init__(self, path: str, durability: Literal["full", "normal"] | None) -> None:
        self.store = convostore.AsyncStore(convostore.Store.open(path, durability=durability or "full"))

    async def fill(self, sessions: Sessions) -> None:
        for id, key, count in sessions:
            await self.store.create_session(id=id, scope="bench", key=key)
            for first in range(0, count, 1000):
                await self.store.save_messages(id, [ITEM] * min(1000, count - first))

    async def append(self, session: str, count: int) -> Any:
        if count == 1:
            return await self.store.save_message(session, "user", TEXT)
        return await self.store.save_messages(session, [ITEM] * count)

    async def load(self, session: str) -> list[dict[str, Any]]:
        return [{"role": m.role, "content": m.content} for m in await self.store.get_messages(session)]

    async def load_all(self, session: str) -> list[dict[str, Any]]:
        return [message.to_dict() for message in await self.store.get_messages(session)]

    async def load_records(self, session: str) -> list[convostore.Message]:
        return await self.store.get_messages(session)

    async def last(self, session: str, count: int) -> list[dict[str, Any]]:
        return [{"role": m.role, "content": m.content} for m in await self.store.get_messages(session, last=count)]

    async def listing(self, count: int) -> Any:
        return [(s.id, s.preview, s.last_active_at) for s in await self.store.list_sessions(limit=count)]

    async def get_or_create(self, key: str) -> Any:
        return await self.store.get_or_create_session(scope="bench", key=key)

    async def close(self) -> None:
        await self.store.close()

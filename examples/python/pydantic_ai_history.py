"""The history of a Pydantic AI agent: messages come back equal, tool calls included, in another process too.

What used to be a hand-written SQLite module: `ChatHistory` keeps its methods. No network is needed: the model is a function.
Run it: `python pydantic_ai_history.py [file]`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from convostore import AsyncStore, JsonText, NewMessage, Session
from pydantic import TypeAdapter
from pydantic_ai import Agent
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

one_message: TypeAdapter[ModelMessage] = TypeAdapter(ModelMessage)


def role_of(message: ModelMessage) -> str:
    if isinstance(message, ModelResponse):
        return "model"
    if any(isinstance(part, ToolReturnPart) for part in message.parts):
        return "tool"
    if all(isinstance(part, SystemPromptPart) for part in message.parts):
        return "system"
    return "user"


class ChatHistory:
    """The store of the agent's conversations."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._store: AsyncStore | None = None

    async def initialize_db(self) -> None:
        """Opens the store and makes what is missing."""
        if self._store is None:
            self._store = await AsyncStore.open(self._path)

    @property
    def store(self) -> AsyncStore:
        if self._store is None:
            raise RuntimeError("call initialize_db first")
        return self._store

    async def close(self) -> None:
        await self.store.close()

    async def get_or_create_session(self, session_id: str | None = None) -> Session:
        """The named session, made where there is none; a new one where none is named."""
        if session_id is None:
            return await self.store.create_session()
        return await self.store.get_or_create_session(id=session_id)

    async def save_messages(self, session_id: str, messages: Sequence[ModelMessage]) -> None:
        """Keeps a batch, all or nothing, each message as the very JSON text that Pydantic writes."""
        batch: list[NewMessage] = [
            {"role": role_of(message), "content": JsonText(one_message.dump_json(message).decode()), "created_at": message.timestamp}
            for message in messages
        ]
        await self.store.save_messages(session_id, batch)

    async def get_messages(self, session_id: str) -> list[ModelMessage]:
        """The whole history in order."""
        kept = await self.store.get_messages(session_id)
        return ModelMessagesTypeAdapter.validate_json("[" + ",".join(message.content_json for message in kept) + "]")


def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Stands in for a language model: looks the weather up, then speaks of it."""
    last = messages[-1].parts[-1]
    if isinstance(last, ToolReturnPart):
        return ModelResponse(parts=[TextPart(f"The station says: {last.model_response_str()}")])
    return ModelResponse(parts=[TextPart("Let me see."), ToolCallPart("weather", {"city": "Lisbon", "precision": 2**64})])


agent = Agent(FunctionModel(model), system_prompt="You are a weather service. 🌦")


@agent.tool_plain
def weather(city: str, precision: int) -> dict[str, object]:
    """The weather of a city."""
    return {"city": city, "celsius": 21.0, "station": precision, "notes": None}


async def talk(path: Path) -> None:
    history = ChatHistory(path)
    await history.initialize_db()
    session = await history.get_or_create_session("chat-1")
    first = await agent.run("What is the weather in Lisbon?")
    await history.save_messages(session.id, first.new_messages())
    past = await history.get_messages(session.id)
    assert past == first.all_messages()
    second = await agent.run("And now?", message_history=past)
    await history.save_messages(session.id, second.new_messages())
    # The model of Pydantic AI's own tests calls every tool there is, with values that it makes up.
    other = await history.get_or_create_session()
    with agent.override(model=TestModel()):
        third = await agent.run("Anything?")
    await history.save_messages(other.id, third.new_messages())
    assert await history.get_messages(other.id) == third.all_messages()
    (path.parent / "expected.json").write_bytes(second.all_messages_json())
    print(f"{len(second.all_messages())} messages kept; {first.output}")
    await history.close()


async def check(path: Path) -> None:
    """In another process: what is read equals what was said."""
    history = ChatHistory(path)
    await history.initialize_db()
    session = await history.get_or_create_session("chat-1")
    messages = await history.get_messages(session.id)
    assert messages == ModelMessagesTypeAdapter.validate_json((path.parent / "expected.json").read_bytes())
    calls = [part for message in messages for part in message.parts if isinstance(part, ToolCallPart)]
    assert calls[0].args_as_dict() == {"city": "Lisbon", "precision": 2**64}
    third = await agent.run("And tomorrow?", message_history=messages)
    print(f"in a new process: {len(messages)} messages equal, {len(calls)} tool calls; {third.output}")
    roles = [message.role for message in await history.store.get_messages(session.id)]
    assert roles == ["user", "model", "tool", "model"] * 2, roles
    await history.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        asyncio.run(check(Path(sys.argv[2])))
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(sys.argv[1] if len(sys.argv) > 1 else f"{folder}/history.db")
            asyncio.run(talk(file))
            subprocess.run([sys.executable, __file__, "--check", str(file)], check=True)

"""Types of arguments that are plain values."""

from datetime import datetime
from typing import Any, TypedDict

from ._core import JsonText


class _NewMessage(TypedDict):
    role: str
    content: Any


class NewMessage(_NewMessage, total=False):
    """A message to save, as save_messages takes it; the members mean what save_message's arguments mean."""

    token_count: int | None
    is_summary: bool
    dedup_key: str | None
    created_at: datetime | None


class SessionUpdate(TypedDict, total=False):
    """A change of a session, as save_messages takes it along; the members mean what update_session's arguments mean."""

    status: str | None
    owner: str | None
    metadata: dict[str, Any] | JsonText | None
    merge_metadata: dict[str, Any] | JsonText | None
    expected_revision: int | None

"""The portable store for agents' conversations: sessions and their messages, kept safely, found again at once.

    from convostore import Store

    with Store.open("~/.myagent/sessions.db") as store:
        session = store.get_or_create_session(scope="C042", key="1718.55")
        store.save_message(session.id, "user", "The app crashes on start.")
        history = store.get_messages(session.id, last=20)

`AsyncStore` has the same operations under the same names for asyncio. All errors are `ConvostoreError`s with a `code`.
"""

import atexit
import os

from . import _core
from ._core import (
    Cleanup,
    Context,
    Deletion,
    ExportReport,
    ImportReport,
    JsonText,
    Lifecycle,
    Message,
    MessageStream,
    Page,
    Session,
    Stats,
    Store,
    StoreCheck,
)
from ._errors import (
    AlreadyExistsError,
    BusyError,
    ClosedError,
    ConflictError,
    ConvostoreError,
    CorruptedError,
    DiskFullError,
    ForkedError,
    InvalidArgumentError,
    InvalidTransitionError,
    LockLostError,
    NotFoundError,
    PermissionDeniedError,
    PoisonedError,
    ReadOnlyError,
    ReentrantError,
    StorageError,
    UnknownOutcomeError,
    UnsupportedError,
    UnsupportedSchemaError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._async import AsyncStore as AsyncStore
    from ._types import NewMessage as NewMessage
    from ._types import SessionUpdate as SessionUpdate

__version__ = "0.1.0"

__all__ = [
    "AlreadyExistsError",
    "AsyncStore",
    "BusyError",
    "Cleanup",
    "ClosedError",
    "ConflictError",
    "Context",
    "ConvostoreError",
    "CorruptedError",
    "Deletion",
    "DiskFullError",
    "ExportReport",
    "ForkedError",
    "ImportReport",
    "InvalidArgumentError",
    "InvalidTransitionError",
    "JsonText",
    "Lifecycle",
    "LockLostError",
    "Message",
    "MessageStream",
    "NewMessage",
    "NotFoundError",
    "Page",
    "PermissionDeniedError",
    "PoisonedError",
    "ReadOnlyError",
    "ReentrantError",
    "Session",
    "SessionUpdate",
    "Stats",
    "StorageError",
    "Store",
    "StoreCheck",
    "UnknownOutcomeError",
    "UnsupportedError",
    "UnsupportedSchemaError",
    "__version__",
]

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_core._before_fork, after_in_parent=_core._after_fork_in_parent, after_in_child=_core._after_fork_in_child
    )
atexit.register(_core._at_exit)

# What needs asyncio or typing is imported when it is first asked for: `import convostore` stays quick.
_LATER = {"AsyncStore": "_async", "NewMessage": "_types", "SessionUpdate": "_types"}


def __getattr__(name: str) -> object:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value

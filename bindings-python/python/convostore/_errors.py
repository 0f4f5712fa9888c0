"""The errors: one root, a class for each code, each also the builtin that fits.

Match on the class or on `code`, which is the same in Rust, Python and JavaScript. The message is for people and may change. No content of a
message and no secret appears in any part of an error.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class ConvostoreError(Exception):
    """The root of all errors of convostore.

    Attributes:
        code: The kind of the error in snake_case.
        details: Names and values that belong to the message, such as session_id or revision.
    """

    _code: ClassVar[str] = "storage"
    code: str
    details: dict[str, Any]

    def __init__(self, message: str = "", *, code: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = self._code if code is None else code
        self.details = {} if details is None else details

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        return (_again, (type(self), self.args), self.__dict__)


class NotFoundError(ConvostoreError, LookupError):
    """The session, or whatever else was named, does not exist (code not_found)."""

    _code = "not_found"


class AlreadyExistsError(ConvostoreError, ValueError):
    """The id or the (scope, key) of a session to create is taken, or the file is there (code already_exists)."""

    _code = "already_exists"


class InvalidArgumentError(ConvostoreError, ValueError):
    """An argument is outside what is allowed; the message says which and what is allowed (code invalid_argument)."""

    _code = "invalid_argument"


class InvalidTransitionError(ConvostoreError, ValueError):
    """The session's lifecycle does not allow this change of status (code invalid_transition)."""

    _code = "invalid_transition"


class ConflictError(ConvostoreError, RuntimeError):
    """The expected revision is not the present one, a dedup key came back with another content, or a name is taken by another definition
    (code conflict)."""

    _code = "conflict"


class BusyError(ConvostoreError, TimeoutError):
    """Others held the store for longer than the wait limit. Nothing was changed; it may be tried again (code busy)."""

    _code = "busy"


class ClosedError(ConvostoreError, RuntimeError):
    """The store was closed (code closed)."""

    _code = "closed"


class ReadOnlyError(ConvostoreError, PermissionError):
    """The store, its file or its folder may not be written (code read_only)."""

    _code = "read_only"


class PermissionDeniedError(ConvostoreError, PermissionError):
    """A file or folder may not be opened, made or read (code permission_denied)."""

    _code = "permission_denied"


class DiskFullError(ConvostoreError, OSError):
    """There is no space left for a write. Nothing was changed (code disk_full)."""

    _code = "disk_full"


class CorruptedError(ConvostoreError, RuntimeError):
    """The file or archive is damaged (code corrupted)."""

    _code = "corrupted"


class UnsupportedSchemaError(ConvostoreError, RuntimeError):
    """The file or archive was written by a newer version, or is of another program (code unsupported_schema)."""

    _code = "unsupported_schema"


class UnsupportedError(ConvostoreError, NotImplementedError):
    """This kind of store does not have this operation (code unsupported)."""

    _code = "unsupported"


class LockLostError(ConvostoreError, OSError):
    """Another SQLite in this process dropped the locks of this store; the write was not made and may be tried again (code lock_lost)."""

    _code = "lock_lost"


class UnknownOutcomeError(ConvostoreError, OSError):
    """The connection died, or the disk failed, during the commit: the write was made or not. A retry with the same dedup key settles it (code unknown_outcome)."""

    _code = "unknown_outcome"


class PoisonedError(ConvostoreError, RuntimeError):
    """An earlier defect or a lack of memory left this store unusable (code poisoned)."""

    _code = "poisoned"


class ReentrantError(ConvostoreError, RuntimeError):
    """A clock, an id source or the other end of an archive called back into the store that was calling it (code reentrant)."""

    _code = "reentrant"


class ForkedError(ConvostoreError, RuntimeError):
    """The store was opened before this process was forked off; open it again (code forked)."""

    _code = "forked"


class StorageError(ConvostoreError, OSError):
    """Any other failure of the storage below (code storage)."""

    _code = "storage"


def _again(cls: type[ConvostoreError], args: tuple[Any, ...]) -> ConvostoreError:
    """An error that was pickled, before its members are set."""
    error = cls.__new__(cls, *args)
    error.args = args
    return error


_BY_CODE: dict[str, type[ConvostoreError]] = {cls._code: cls for cls in ConvostoreError.__subclasses__()}


def error_of(code: str, message: str, details: dict[str, Any], causes: list[str] | tuple[str, ...] = ()) -> ConvostoreError:
    """The error of a code; one of the root class for a code that this version does not know."""
    error = _BY_CODE.get(code, ConvostoreError)(message, code=code, details=details)
    for cause in causes:
        error.add_note(f"because: {cause}")
    return error

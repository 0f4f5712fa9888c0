"""Threads that carry out calls for event loops.

They are made when they are needed and end when they find nothing to do for a moment, so a loop that is closed with calls pending leaves none behind.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from _queue import Empty, SimpleQueue

from ._core import _at_exit
from ._errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable
    from typing import Any

    _Work = tuple[AbstractEventLoop, Future[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]

WRITERS = 16
"""The most threads of a store for calls that may write: so many writes share one commit."""
READERS = 8
"""The most threads of a store for reads, which are not to wait behind writes that wait."""
IDLE = 1.0
"""After so many seconds without work a thread ends."""
EXIT = 5.0
"""So many seconds the interpreter's exit waits for work that has begun."""


class Workers:
    """The threads of a store and of its clones for other tenants."""

    __slots__ = ("readers", "writers")

    def __init__(self) -> None:
        self.readers = Lane(READERS)
        self.writers = Lane(WRITERS)


class Lane:
    """Threads that share a queue."""

    __slots__ = ("__weakref__", "_free", "_lock", "_most", "_queue", "_threads")

    def __init__(self, most: int) -> None:
        self._most = most
        self.forget()
        _ALL.add(self)

    def forget(self) -> None:
        """Begins anew, as after a fork, which takes no thread along."""
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        # How many threads wait for work, less the work that waits for a thread.
        self._free = 0

    def submit(self, work: _Work) -> None:
        with self._lock:
            if self._free > 0 or len(self._threads) >= self._most:
                self._free -= 1
                self._queue.put(work)
                return
            thread = threading.Thread(target=_carry_out, args=(weakref.ref(self), self._queue, [work]), name="convostore", daemon=True)
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as e:
            with self._lock:
                self._threads.discard(thread)
                if self._threads:  # one of them will have time for it
                    self._free -= 1
                    self._queue.put(work)
                    return
            raise StorageError("the system gives no thread to carry the call out; nothing was changed") from e

    def rest(self) -> None:
        with self._lock:
            self._free += 1

    def may_leave(self) -> bool:
        """Whether the calling thread, which found no work, may end."""
        with self._lock:
            if self._free <= 0:
                return False  # something was put into the queue for it just now
            self._free -= 1
            self._threads.discard(threading.current_thread())
            return True

    def leave(self) -> None:
        """The calling thread ends, whatever there is to do."""
        with self._lock:
            self._free -= 1
            self._threads.discard(threading.current_thread())

    def stop(self) -> set[threading.Thread]:
        """Has the threads end when they have done what they are at. Gives them back."""
        with self._lock:
            threads = set(self._threads)
        for _ in threads:
            self._queue.put(None)
        return threads


_ALL: weakref.WeakSet[Lane] = weakref.WeakSet()


def _carry_out(lane: weakref.ref[Lane], queue: SimpleQueue[_Work | None], first: list[_Work]) -> None:
    """What a thread does. Its arguments live as long as it does, so the first work is taken out of them: it has the store."""
    work: _Work | None = first.pop()
    while work is not None:
        loop, future, function, args, kwargs = work
        result = error = None
        if not future.cancelled():
            try:
                result = function(*args, **kwargs)
            except BaseException as e:  # whatever it is, it belongs to the caller
                error = e
        del function, args, kwargs, work
        own = lane()
        if own is not None:
            own.rest()
        try:
            loop.call_soon_threadsafe(_settle, future, result, error)
        except RuntimeError:
            pass  # the loop was closed meanwhile: nobody waits any longer
        del own, loop, future, result, error
        while True:
            try:
                work = queue.get(timeout=IDLE)
                break
            except Empty:
                own = lane()
                if own is None or own.may_leave():
                    return
                del own
    own = lane()
    if own is not None:
        own.leave()


def _settle(future: Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
        return
    if isinstance(error, StopIteration):  # no future takes it: it would end the generator that awaits
        stopped = error
        error = RuntimeError("a clock, an id source or a file raised StopIteration")
        error.__cause__ = stopped
    future.set_exception(error)


def _forget_all() -> None:
    for lane in _ALL:
        lane.forget()


def _stop_all() -> None:
    _at_exit()
    until = time.monotonic() + EXIT
    for thread in [thread for lane in _ALL for thread in lane.stop()]:
        thread.join(max(0.0, until - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
atexit.register(_stop_all)

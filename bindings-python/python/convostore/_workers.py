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
from collections import deque
from functools import partial

from ._core import _at_exit, _save_each
from ._errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable
    from typing import Any, Protocol

    from ._core import _Save

    _Told = tuple[Future[Any], Any, BaseException | None]
    """A future, and its result or its error."""

    class _Work(Protocol):
        def carry_out(self) -> Callable[[], None] | None:
            """Does it; gives back what tells of it, to be called when the thread has time for more."""

WRITERS = 16
"""The most threads of a store for calls that may write."""
READERS = 8
"""The most threads of a store for reads, which are not to wait behind writes that wait."""
GROUP = 256
"""The most saves that are carried out together: enough to share the cost of a commit, few enough that the first does not wait for ever."""
IDLE = 1.0
"""After so many seconds without work a thread ends."""
EXIT = 5.0
"""So many seconds the interpreter's exit waits for work that has begun."""


class Workers:
    """The threads of a store and of its clones for other tenants."""

    __slots__ = ("line", "readers", "writers")

    def __init__(self) -> None:
        self.readers = Lane(READERS)
        self.writers = Lane(WRITERS)
        self.line = Line(self.writers)


class Call:
    """An operation that somebody awaits."""

    __slots__ = ("_args", "_function", "_future", "_kwargs", "_loop")

    def __init__(self, loop: AbstractEventLoop, future: Future[Any], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._loop, self._future, self._function, self._args, self._kwargs = loop, future, function, args, kwargs

    def carry_out(self) -> Callable[[], None] | None:
        result = error = None
        if self._future.cancelled():
            return None
        try:
            result = self._function(*self._args, **self._kwargs)
        except BaseException as e:  # whatever it is, it belongs to the caller
            error = e
        # The error leads here, and is not to keep the store alive.
        del self._function, self._args, self._kwargs
        return partial(_tell, self._loop, [(self._future, result, error)])


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


class Line:
    """The line in which saves of many tasks wait, to be carried out together: a commit, and a word to the event loop, for all of them."""

    __slots__ = ("__weakref__", "_are_many", "_is_served", "_lane", "_lock", "_waiting")

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.forget()
        _ALL.add(self)

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[AbstractEventLoop, Future[Any], _Save]] = deque()
        # Whether a thread is about to take those who wait.
        self._is_served = False
        # Whether the last group had several: its tasks come back one after the other, each time that the loop goes round.
        self._are_many = False

    def save(self, loop: AbstractEventLoop, save: _Save) -> Future[Any]:
        future: Future[Any] = loop.create_future()
        with self._lock:
            self._waiting.append((loop, future, save))
            if self._is_served:
                return future
        if self._are_many:
            loop.call_soon(self._begin)  # when all that are about to have come
        else:
            self._begin()
        return future

    def _begin(self) -> None:
        with self._lock:
            if self._is_served or not self._waiting:
                return
            self._is_served = True
        try:
            self._lane.submit(self)
        except StorageError as e:
            while group := self._next_group():
                _tell_each(group, [(None, e)] * len(group))

    def _next_group(self) -> list[tuple[AbstractEventLoop, Future[Any], _Save]]:
        with self._lock:
            group: list[tuple[AbstractEventLoop, Future[Any], _Save]] = []
            while self._waiting and len(group) < GROUP:
                waiting = self._waiting.popleft()
                if not waiting[1].cancelled():
                    group.append(waiting)
            if group:
                self._are_many = len(group) > 1
            else:
                self._is_served = False
            return group

    def carry_out(self) -> None:
        while group := self._next_group():
            try:
                outcomes = _save_each([save for _, _, save in group])
            except BaseException as e:  # a defect, which is to stop nobody else
                outcomes = [(None, e)] * len(group)
            _tell_each(group, outcomes)


_ALL: weakref.WeakSet[Lane | Line] = weakref.WeakSet()


def _carry_out(lane: weakref.ref[Lane], queue: SimpleQueue[_Work | None], first: list[_Work]) -> None:
    """What a thread does. Its arguments live as long as it does, so the first work is taken out of them: it has the store."""
    work: _Work | None = first.pop()
    while work is not None:
        tell = work.carry_out()
        del work
        own = lane()
        if own is not None:
            own.rest()
        if tell is not None:
            tell()
        del own, tell
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


def _tell_each(group: list[tuple[AbstractEventLoop, Future[Any], _Save]], outcomes: list[tuple[Any, BaseException | None]]) -> None:
    """Tells each loop once."""
    told: dict[AbstractEventLoop, list[_Told]] = {}
    for (loop, future, _), outcome in zip(group, outcomes, strict=True):
        told.setdefault(loop, []).append((future, *outcome))
    for loop, its in told.items():
        _tell(loop, its)


def _tell(loop: AbstractEventLoop, told: list[_Told]) -> None:
    try:
        loop.call_soon_threadsafe(_settle, told)
    except RuntimeError:
        pass  # the loop was closed meanwhile: nobody waits any longer


def _settle(told: list[_Told]) -> None:
    for future, result, error in told:
        if future.cancelled():
            continue
        if error is None:
            future.set_result(result)
            continue
        if isinstance(error, StopIteration):  # no future takes it: it would end the generator that awaits
            stopped = error
            error = RuntimeError("a clock, an id source or a file raised StopIteration")
            error.__cause__ = stopped
        future.set_exception(error)


def _forget_all() -> None:
    for each in _ALL:
        each.forget()


def _stop_all() -> None:
    _at_exit()
    until = time.monotonic() + EXIT
    for thread in [thread for lane in _ALL if isinstance(lane, Lane) for thread in lane.stop()]:
        thread.join(max(0.0, until - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
atexit.register(_stop_all)

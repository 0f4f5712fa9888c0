"""The store for asyncio: the same operations under the same names, each awaited.

A call is carried out by one of a few threads of its own, so the event loop is never blocked. Of a cancelled call the rule is: if no thread had begun
it, nothing happens; if one had, it happens whole. What is to be saved is taken as it is at the call: the caller's own thread writes it as JSON.

The operations are made of Store's, with their signatures and descriptions; their types are in _async.pyi.
"""

from __future__ import annotations

import re
from asyncio import get_running_loop

from ._core import Store, _frozen, _NewMessages
from ._workers import Call, Workers

_READS = {"count_messages", "get_context", "get_messages", "get_session", "get_session_by_key", "list_contexts", "list_lifecycles", "list_sessions"}
"""Operations that write nothing and are short."""


def _texts(given):
    """An iterable as it is now. One text alone is left for the store to refuse."""
    return given if given is None or isinstance(given, str) else tuple(given)


def _update(given):
    if not isinstance(given, dict):
        return given
    return {name: _frozen(value, name) if name in ("metadata", "merge_metadata") else value for name, value in given.items()}


_FREEZE = {
    "content": lambda value: _frozen(value, "content"),
    "data": lambda value: _frozen(value, "data"),
    "final_statuses": _texts,
    "merge_metadata": lambda value: _frozen(value, "merge_metadata"),
    "messages": _NewMessages,
    "metadata": lambda value: _frozen(value, "metadata"),
    "moves": lambda value: _texts(value) if value is None or isinstance(value, str) else tuple(map(_texts, value)),
    "patch": lambda value: _frozen(value, "patch"),
    "roles": _texts,
    "statuses": _texts,
    "update": _update,
}
"""How arguments that may change, or be used up, are taken as they are at the call."""
_POSITIONS = {
    "merge_context": (1, "patch"),
    "save_message": (2, "content"),
    "save_messages": (1, "messages"),
    "save_summary": (1, "content"),
    "set_context": (1, "data"),
}
"""Which of them may be given without its name."""
_TOGETHER = {"save_message": Store._save_message, "save_messages": Store._save_messages}
"""Operations of which many may wait, to be carried out together, and what they are until then."""


def _frozen_arguments(name, args, kwargs):
    at, what = _POSITIONS.get(name, (0, ""))
    if what and len(args) > at:
        args = (*args[:at], _FREEZE[what](args[at]), *args[at + 1 :])
    for each in kwargs.keys() & _FREEZE.keys():
        kwargs[each] = _FREEZE[each](kwargs[each])
    return args


class _Opening:
    """A store that is about to be opened: `await` it, or use it in `async with`, which closes it at the end."""

    __slots__ = ("_open", "_store")

    def __init__(self, function, *args, **kwargs):
        self._open = (function, args, kwargs)
        self._store = None

    def __await__(self):
        return self._opened().__await__()

    async def _opened(self):
        workers = Workers()
        function, args, kwargs = self._open
        loop = get_running_loop()
        future = loop.create_future()
        workers.writers.submit(Call(loop, future, function, args, kwargs))
        return AsyncStore(await future, _workers=workers)

    async def __aenter__(self):
        self._store = await self._opened()
        return self._store

    async def __aexit__(self, type, value, traceback):
        if self._store is not None:
            await self._store.close()


class AsyncStore:
    """A store for asyncio: the operations of Store under the same names and with the same arguments, each awaited.

        async with AsyncStore.open("~/.myagent/sessions.db") as store:
            session = await store.get_or_create_session(scope="C042", key="1718.55")
            await store.save_message(session.id, "user", "The app crashes on start.")
            async for message in store.stream_messages(session.id):
                print(message.role, message.content)

    Without `async with`: `store = await AsyncStore.open(path)` and, at the end, `await store.close()`. AsyncStore(store) serves a Store that is open
    already. Any event loop may use it, several at once too.

    A call that is cancelled happened whole or not at all, and the store works on. To know which, give messages a dedup_key and repeat the call.
    What is given to save is taken as it is at the call; a change to it afterwards changes nothing.
    """

    __slots__ = ("__weakref__", "_store", "_workers")

    def __init__(self, store, *, _workers=None):
        if not isinstance(store, Store):
            raise TypeError(f"AsyncStore(store) takes an open Store, not {type(store).__name__}; AsyncStore.open(path) opens one")
        self._store = store
        self._workers = Workers() if _workers is None else _workers

    def _call(self, reads, function, args, kwargs):
        loop = get_running_loop()
        future = loop.create_future()
        (self._workers.readers if reads else self._workers.writers).submit(Call(loop, future, function, args, kwargs))
        return future

    @staticmethod
    def open(path, **options):
        _frozen_arguments("open", (), options)
        return _Opening(Store.open, path, **options)

    @staticmethod
    def in_memory(**options):
        _frozen_arguments("in_memory", (), options)
        return _Opening(Store.in_memory, **options)

    @property
    def tenant(self):
        return self._store.tenant

    @property
    def roles(self):
        return self._store.roles

    def for_tenant(self, tenant):
        return AsyncStore(self._store.for_tenant(tenant), _workers=self._workers)

    def on_primary(self):
        return AsyncStore(self._store.on_primary(), _workers=self._workers)

    async def __aenter__(self):
        return self

    async def __aexit__(self, type, value, traceback):
        await self.close()

    def __repr__(self):
        return repr(self._store).replace(".Store", ".AsyncStore", 1)

    def __reduce__(self):
        raise TypeError("a store cannot be pickled or copied; open it anew where it is needed")

    async def stream_messages(self, session_id, **options):
        _frozen_arguments("stream_messages", (), options)
        stream = await self._call(True, self._store.stream_messages, (session_id,), options)
        while page := await self._call(True, stream._page, (), {}):
            for message in page:
                yield message


def _forwarded(name):
    """The operation of that name, awaited."""
    function, reads = getattr(Store, name), name in _READS

    async def operation(self, /, *args, **kwargs):
        if kwargs or args:
            args = _frozen_arguments(name, args, kwargs)
        return await self._call(reads, function, (self._store, *args), kwargs)

    return operation


def _together(name):
    """The operation of that name, awaited: together with others that wait, where that is of use."""
    later, alone = _TOGETHER[name], _forwarded(name)

    async def operation(self, /, *args, **kwargs):
        if kwargs.get("update") is not None or not self._store._has_one_writer:
            return await alone(self, *args, **kwargs)
        return await self._workers.line.save(get_running_loop(), later(self._store, *args, **kwargs))

    return operation


_AWAITED = (
    (r"with Store\.(open|in_memory)\(", r"async with AsyncStore.\1("),
    (r"= Store\.(open|in_memory)\(", r"= await AsyncStore.\1("),
    (r"for (\w+) in store\.stream_messages\(", r"async for \1 in store.stream_messages("),
    (r"(?<![\w.])store\.(?!for_tenant|on_primary\(\)\.|stream_)(\w+)\(((?:[^()]|\([^()]*\))*)\)\.", r"(await store.\1(\2))."),
    (r"(?<![\w.])(?<!await )store\.(?!for_tenant|stream_)(\w+)\(", r"await store.\1("),
)
"""How an example of Store becomes one of AsyncStore."""


def _awaited(about):
    """A description of Store's for AsyncStore: its examples, which stand at the end, are awaited."""
    text, example, code = about.rpartition("\n\n    ")
    if not re.search(r"\b[Ss]tore\.", code):
        return about
    for pattern, awaited in _AWAITED:
        code = re.sub(pattern, awaited, code)
    return text + example + code


def _complete():
    """Makes what is missing of AsyncStore, and describes all of it as Store is described."""
    for name in vars(Store):
        if name.startswith("_"):
            continue
        if name not in vars(AsyncStore):
            operation = _together(name) if name in _TOGETHER else _forwarded(name)
            operation.__name__, operation.__qualname__ = name, f"AsyncStore.{name}"
            setattr(AsyncStore, name, operation)
        ours, about = vars(AsyncStore)[name], _awaited(getattr(Store, name).__doc__)
        if isinstance(ours, property):
            setattr(AsyncStore, name, property(ours.fget, doc=about))
            continue
        ours = getattr(ours, "__func__", ours)
        ours.__doc__ = about
        ours.__wrapped__ = getattr(Store, name)  # whose signature it has


_complete()

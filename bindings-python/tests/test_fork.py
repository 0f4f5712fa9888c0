"""Forks while threads are inside a store: the child opens stores of its own, or is told that it cannot.

On a disk that takes longer than two seconds for a write, more are told so: such a child is counted, and another one forked in its place.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from processes import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks are POSIX's")


def test_children_of_a_busy_writer_read_and_write(tmp_path: Path) -> None:
    """SQLite's locks and mutexes, as they are in a child, hung it or made it wait for ever before forks were prepared."""
    out = run(
        """
        import os, sys, threading, time
        from convostore import ForkedError, Store
        path = sys.argv[1]
        store = Store.open(path, durability="normal")
        store.create_session(id="s")
        store.create_session(id="c")
        stop = False

        def write():
            while not stop:
                store.save_messages("s", [{"role": "user", "content": "t" * 1000}] * 50)

        def read():
            while not stop:
                store.get_messages("s", last=100)

        threads = [threading.Thread(target=work) for work in (write, write, read)]
        for thread in threads:
            thread.start()
        def child_of(number):
            child = os.fork()
            if child != 0:
                return child
            try:
                own = Store.open(path, wait_limit=100)
            except ForkedError:
                os._exit(3)
            with own, Store.open(f"{path}.{number}", wait_limit=100) as other:
                for each in (own, other):
                    each.get_or_create_session(id="c")
                    each.save_message("c", "user", str(number))
                    last = each.get_messages("c", last=1)
                    assert each.check().is_sound
            os._exit(0)

        codes = []
        while codes.count(0) < 24 and len(codes) < 200:
            children = []
            for number in range(len(codes), len(codes) + 8):
                children.append(child_of(number))
                time.sleep(0.005)
            codes += [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        stop = True
        for thread in threads:
            thread.join()
        print(set(codes) - {3}, codes.count(0) >= 24, store.count_messages("c") == codes.count(0), store.check().is_sound)
        """,
        tmp_path / "a.db",
    )
    assert out.strip() == "{0} True True True"


def test_a_fork_in_the_middle_of_a_long_read_costs_the_child_its_files(tmp_path: Path) -> None:
    """Its SQLite believes to read still, with locks that it has not: it would see pages of different times."""
    out = run(
        """
        import os, sys, threading, time
        from convostore import ForkedError, Store
        path = sys.argv[1]
        store = Store.open(path)
        store.create_session(id="s")
        store.save_message("s", "user", "x" * 3_000_000)  # more than is gathered: it is written while it is read
        inside, go_on = threading.Event(), threading.Event()

        class Slow:
            def write(self, data):
                inside.set()
                go_on.wait()
                return len(data)

        thread = threading.Thread(target=store.export_archive, args=(Slow(),))
        thread.start()
        inside.wait()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            for other in (path, path + ".other"):
                try:
                    Store.open(other)
                    os._exit(11)
                except ForkedError as e:
                    assert e.code == "forked" and "new process" in str(e)
            Store.in_memory().create_session()
            os._exit(0)
        waited = time.monotonic() - began
        code = os.waitpid(child, 0)[1]
        go_on.set()
        thread.join()
        store.save_message("s", "user", "on it goes")
        print(code, waited >= 2, store.check().is_sound)
        """,
        tmp_path / "a.db",
    )
    assert out.strip() == "0 True True"


def test_a_fork_that_nobody_prepared_is_noticed(tmp_path: Path) -> None:
    """One of the C library itself, of which Python knows nothing."""
    out = run(
        """
        import ctypes, os, sys
        from convostore import ForkedError, Store
        path = sys.argv[1]
        store = Store.open(path)
        child = ctypes.PyDLL(None).fork()
        if child == 0:
            for call in (store.stats, lambda: Store.open(path)):
                try:
                    call()
                    os._exit(11)
                except ForkedError:
                    pass
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        store.close()
        child = ctypes.PyDLL(None).fork()
        if child == 0:
            with Store.open(path) as own:  # nothing was open at the fork
                own.create_session(id="child")
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        with Store.open(path) as store:
            print(store.get_session("child").id, store.check().is_sound)
        """,
        tmp_path / "a.db",
    )
    assert out.split() == ["0", "0", "child", "True"]


def test_a_fork_from_inside_an_operation(tmp_path: Path) -> None:
    """From the clock, say. The child may not use SQLite; the parent's operation goes on."""
    out = run(
        """
        import datetime, io, os, sys
        from convostore import ForkedError, Store
        path = sys.argv[1]
        store = Store.open(path)
        store.create_session(id="s")
        store.save_message("s", "user", "x" * 3_000_000)  # more than is gathered: it is written while it is read

        class Forking:
            child = None
            def write(self, data):
                if self.child is None:
                    self.child = os.fork()
                    if self.child == 0:
                        try:
                            Store.open(path)
                        except ForkedError:
                            os._exit(0)
                        os._exit(11)
                return len(data)

        target = Forking()
        report = store.export_archive(target)
        print(os.waitpid(target.child, 0)[1], report.sessions, store.check().is_sound)
        """,
        tmp_path / "a.db",
    )
    assert out.strip() == "0 1 True"


def test_two_threads_fork_at_once(tmp_path: Path) -> None:
    out = run(
        """
        import os, sys, threading
        from convostore import ForkedError, Store
        path = sys.argv[1]
        store = Store.open(path, durability="normal")
        store.create_session(id="s")
        codes = []

        def forks():
            for _ in range(10):
                child = os.fork()
                if child == 0:
                    try:
                        own = Store.open(path, wait_limit=100)
                    except ForkedError:
                        os._exit(3)
                    with own:
                        own.save_message("s", "user", "child")
                    os._exit(0)
                store.save_message("s", "user", "parent")
                codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        threads = [threading.Thread(target=forks) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(set(codes) - {3}, store.count_messages("s") == 30 + codes.count(0))
        """,
        tmp_path / "a.db",
    )
    assert out.strip() == "{0} True"

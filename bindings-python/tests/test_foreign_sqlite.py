"""A second SQLite in the process: Python's own sqlite3 opens and closes the same file while another process writes.

On POSIX systems that silently drops the locks of the store's SQLite. With the guard nothing that was acknowledged is lost; without it, it is:
`test_without_the_guard_it_is_lost` shows that the tests would notice. CONVOSTORE_SOAK_SECONDS: for how long it comes and goes, beyond 1,500 times.
"""

import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from processes import start
from report import record

from convostore import ConvostoreError, LockLostError, Store, UnknownOutcomeError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the guard is Linux's; elsewhere the danger is documented")

# How often the foreign SQLite opens and closes the file, at least, and for how long.
ROUNDS = 1500
SECONDS = float(os.environ.get("CONVOSTORE_SOAK_SECONDS", "0"))

# A damaged store refuses everything.
MOST_PROBLEMS = 100

# Writes until it is told to end, by the end of its input.
OTHER = """
    import sys, threading
    from convostore import ConvostoreError, Store
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    with Store.open(sys.argv[1], durability="normal") as store:
        number = 0
        while not ended.is_set():
            number += 1
            try:
                store.save_message("other", "user", str(number))
                print(number)
            except ConvostoreError as e:
                print("error", e.code, e, file=sys.stderr)
"""


@dataclass
class Outcome:
    acknowledged: int
    lost: int
    lock_lost: int
    unknown_outcome: int
    rounds: int
    problems: list[str]


def ordeal(path: Path, least: int, seconds: float, **options: Any) -> Outcome:
    """Writes here and in another process while a foreign SQLite comes and goes, so often and for so long at least; says what was lost of what was
    acknowledged."""
    with tempfile.TemporaryFile("w+") as saved, Store.open(path, durability="normal", **options) as store:
        store.create_session(id="own")
        store.create_session(id="other")
        stop = threading.Event()
        rounds = failed = 0

        def foreign() -> None:
            nonlocal rounds, failed
            while not stop.is_set():
                try:
                    with closing(sqlite3.connect(path)) as db:
                        db.execute("select count(*) from sqlite_master").fetchone()
                except sqlite3.Error:  # its own reading is not protected: this process's locks do not keep us from what it reads
                    failed += 1
                rounds += 1
                time.sleep(0.0005)

        process = start(OTHER, path, stdout=saved)
        thread = threading.Thread(target=foreign)
        thread.start()
        own: list[tuple[int, str]] = []
        lock_lost = unknown = 0
        problems: list[str] = []
        until = time.monotonic() + seconds
        number = 0
        while (time.monotonic() < until or rounds < least or len(own) < least) and len(problems) < MOST_PROBLEMS:
            number += 1
            batch: list[Any] = [{"role": "user", "content": f"{number}/{part}"} for part in range(100)]
            try:
                own += [(message.seq, message.content) for message in store.save_messages("own", batch)]
            except LockLostError:
                lock_lost += 1
            except UnknownOutcomeError:  # the commit itself was disturbed: said, so nothing is lost silently
                unknown += 1
            except ConvostoreError as e:
                problems.append(f"{e.code}: {e}")
        stop.set()
        thread.join()
        _, err = process.communicate(timeout=300)
        saved.seek(0)
        other = saved.read().split()
        problems += [line for line in err.splitlines() if "lock_lost" not in line and "unknown_outcome" not in line]
    lost, found = judge(path, own, other)
    if failed > rounds // 2:
        found.append(f"{failed} of {rounds} readings by the other SQLite failed")
    return Outcome(len(own) + len(other), lost, lock_lost, unknown, rounds, problems + found)


JUDGE = """
    import json, sys
    from convostore import Store
    with Store.open(sys.argv[1]) as store:
        here = {(message.seq, message.content) for message in store.get_messages("own")} if store.get_session("own") else set()
        there = {message.content for message in store.get_messages("other")}
        own, other = json.load(sys.stdin)
        lost = sum((seq, content) not in here for seq, content in own) + sum(one not in there for one in other)
        print(json.dumps([lost, list(store.check().problems)]))
"""


def judge(path: Path, own: list[tuple[int, str]], other: list[str]) -> tuple[int, list[str]]:
    """How much is lost, and what is wrong with the file. Another process looks, since a damaged file may do anything to it."""
    process = start(JUDGE, path)
    try:
        out, err = process.communicate(json.dumps([own, other]), timeout=600)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return 0, ["reading the file took too long"]
    if process.returncode != 0:
        return 0, [err.splitlines()[-1]]
    lost, problems = json.loads(out)
    return lost, problems


APART = """
    import json, sys
    from dataclasses import asdict
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from test_foreign_sqlite import ordeal
    print(json.dumps(asdict(ordeal(Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), **json.loads(sys.argv[5])))))
"""


def apart(path: Path, least: int, seconds: float, **options: Any) -> Outcome | int:
    """The ordeal in a process of its own: where the locks are gone another process may truncate what is mapped here, and that kills. Then the
    signal's number, negative."""
    process = start(APART, Path(__file__).parent, path, least, seconds, json.dumps(options))
    out, err = process.communicate(timeout=600 + seconds)
    if process.returncode < 0:
        return process.returncode
    assert process.returncode == 0, err
    return Outcome(**json.loads(out.splitlines()[-1]))


BESIDE = """
    import json, sys
    from convostore import ConvostoreError, Store
    with Store.open(sys.argv[1], wait_limit=0.1, **json.loads(sys.argv[2])) as store:
        for line in sys.stdin:
            try:
                store.save_message("other", "user", line.strip())
                print("saved", flush=True)
            except ConvostoreError as e:
                print(e.code, flush=True)
"""

APART_TOO = """
    import json, sys
    from dataclasses import asdict
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from test_foreign_sqlite import disturbed_import
    print(json.dumps(asdict(disturbed_import(Path(sys.argv[2]), **json.loads(sys.argv[3])))))
"""


@dataclass
class Import:
    outcome: str
    saved: int
    lost: int
    problems: list[str]


def disturbed_import(path: Path, **options: Any) -> Import:
    """No matter of chance: an import is one transaction and reads its archive in it. Whenever it does, a foreign SQLite comes and goes,
    and then another process saves a message."""
    archive = io.BytesIO()
    with Store.in_memory() as source:
        source.create_session(id="own")
        source.save_messages("own", [{"role": "user", "content": "x" * 1000}] * 1000)
        source.export_archive(archive)
    with Store.open(path, **options) as store:
        store.create_session(id="other")
        other = start(BESIDE, path, json.dumps(options))
        saved: list[str] = []

        class Disturbed(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                data = super().read(size)
                db = sqlite3.connect(path)
                db.execute("select count(*) from sqlite_master").fetchone()
                db.close()
                assert other.stdin is not None and other.stdout is not None
                number = f"number {self.tell()}"
                other.stdin.write(f"{number}\n")
                other.stdin.flush()
                if other.stdout.readline() == "saved\n":
                    saved.append(number)
                return data

        try:
            outcome = f"{store.import_archive(Disturbed(archive.getvalue())).messages} messages"
        except ConvostoreError as e:
            outcome = e.code
        other.communicate(timeout=300)
    own = [(n + 1, "x" * 1000) for n in range(1000)] if outcome == "1000 messages" else []
    lost, problems = judge(path, own, saved)
    return Import(outcome, len(saved), lost, problems)


def disturbed_import_apart(path: Path, **options: Any) -> Import | int:
    process = start(APART_TOO, Path(__file__).parent, path, json.dumps(options))
    out, err = process.communicate(timeout=300)
    if process.returncode < 0:
        return process.returncode
    assert process.returncode == 0, err
    return Import(**json.loads(out.splitlines()[-1]))


def test_an_import_that_lost_its_locks_says_so_and_loses_nothing(tmp_path: Path) -> None:
    done = disturbed_import_apart(tmp_path / "a.db")
    print(done)
    assert isinstance(done, Import), f"killed by signal {done}"
    assert done.outcome == "lock_lost", done
    assert (done.lost, done.problems) == (0, []), done


def test_without_the_guard_it_is_lost(tmp_path: Path) -> None:
    done = disturbed_import_apart(tmp_path / "a.db", _lock_guard=False)
    print(done)
    assert not isinstance(done, Import) or done.lost or done.problems, done


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    outcome = apart(tmp_path / "a.db", ROUNDS, SECONDS)
    print(outcome)
    # The control is the one that is no matter of chance.
    control = disturbed_import_apart(tmp_path / "b.db", _lock_guard=False)
    seen = not isinstance(control, Import) or control.lost or control.problems
    if isinstance(outcome, Outcome):
        record("R5 python, its own SQLite", outcome.rounds, outcome.lost + len(outcome.problems), int(bool(seen)), outcome)
    else:
        record("R5 python, its own SQLite", ROUNDS, 1, int(bool(seen)), f"killed by signal {-outcome}")

"""Other processes for tests."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def start(code: str, *args: Any, **options: Any) -> subprocess.Popen[str]:
    """Runs Python code in another process, its standard streams as text."""
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *map(str, args)], **options)


def run(code: str, *args: Any, timeout: float = 300) -> str:
    """Runs Python code in another process to its end, which must be good, and gives what it printed."""
    process = start(code, *args)
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
    assert process.returncode == 0, f"exit {process.returncode}\n{out}\n{err}"
    return out


@contextmanager
def blocked(path: Path, seconds: float | None = None) -> Iterator[None]:
    """Another process holds SQLite's write lock, for so long or until the end of the block."""
    process = start(
        """
        import sqlite3, sys, threading
        db = sqlite3.connect(sys.argv[1], isolation_level=None)
        db.execute("begin immediate")
        print("held", flush=True)
        if sys.argv[2] == "None":
            sys.stdin.readline()
        else:
            threading.Event().wait(float(sys.argv[2]))
        db.execute("rollback")
        """,
        path,
        seconds,
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
        if process.stderr is not None:
            process.stderr.close()

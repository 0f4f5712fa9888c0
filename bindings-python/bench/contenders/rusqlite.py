"""Raw rusqlite on the same tables: bench/examples/raw_append.rs, a program of its own, which takes its own time, so that the way to it is not in it."""

from __future__ import annotations

import os
import subprocess

from . import TEXT, Sessions


class Rusqlite:
    is_async = False

    def __init__(self, path: str, durability: str | None) -> None:
        program = [os.environ["CONVOSTORE_RAW_APPEND"], path, durability or "full", TEXT]
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")

    def fill(self, sessions: Sessions) -> None:
        for id, _, _ in sessions:
            self.tell(f"create {id}")

    def timed_append(self, calls: int, session: str, count: int) -> float:
        """The seconds of so many appends."""
        assert self.process.stdout is not None
        self.tell(f"{session} {calls} {count}")
        return int(self.process.stdout.readline()) / 1e9

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)

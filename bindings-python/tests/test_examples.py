"""The examples run, each from its file."""

import os
import subprocess
import sys
from pathlib import Path

import postgres
import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "python"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
@pytest.mark.parametrize("given", [False, True], ids=["temporary", "given"])
def test_example(file: Path, given: bool, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "new folder" / "store.db")] if given else []
    done = subprocess.run([sys.executable, "-W", "error", str(file), *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout and not done.stderr, done.stderr
    assert not given or (tmp_path / "new folder" / "store.db").exists()


def test_the_ticket_bot_on_postgresql() -> None:
    environment = os.environ | {"TICKET_BOT_STORE": postgres.url()}
    for _ in range(2):  # again and again on the same database
        done = subprocess.run(
            [sys.executable, "-W", "error", str(FOLDER / "ticket_bot.py")], capture_output=True, text=True, timeout=300, env=environment
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "6 tickets" in done.stdout and not done.stderr, done.stderr

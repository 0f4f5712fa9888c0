"""Nothing acknowledged is lost: a process that writes through the installed package is killed again and again, without warning.

CONVOSTORE_KILLS says how often, 300 times unless told; CONVOSTORE_SEED begins where a failure was seen. The result is a line of the project's report:
CONVOSTORE_REPORT, or target/reliability/report.jsonl.
"""

import os
import random
import sys
from pathlib import Path

import pytest
from processes import run
from report import record

KILLS = int(os.environ.get("CONVOSTORE_KILLS", "300"))
# The control goes on until it was seen so often; long before so many kills.
SEEN, CONTROLS = 3, 2_000

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and SIGKILL of POSIX")

# A process of its own that forks the writers off: it has no thread, and no store is open when it forks.
PROGRAM = """
    import os, random, signal, sys, time
    from pathlib import Path
    from convostore import Store

    folder, kills, seed, order, enough = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    chance = random.Random(seed)
    EACH = 25  # kills of one file: so it stays small, and others begin fresh

    def write(path, told):
        store = Store.open(path)
        store.get_or_create_session(id="s")
        n = store.count_messages("s") // 3
        while True:
            n += 1
            batch = [{"role": "user", "content": {"n": n, "part": part}} for part in range(3)]
            if order == "before":
                os.write(told, b"%d\\n" % n)
            store.save_messages("s", batch, update={"metadata": {"n": n}})
            if order == "after":
                os.write(told, b"%d\\n" % n)

    def killed(path):
        "The last write that was acknowledged."
        heard, told = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(heard)
                write(path, told)
            finally:
                os._exit(1)
        os.close(told)
        first = os.read(heard, 1 << 16)
        time.sleep(chance.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        rest = b"".join(iter(lambda: os.read(heard, 1 << 16), b""))
        os.close(heard)
        status = os.waitpid(child, 0)[1]
        assert os.WTERMSIG(status) == signal.SIGKILL, "the writer ended by itself"
        return int((first + rest).split()[-1])

    def violations(path, acknowledged):
        found = []
        with Store.open(path) as store:
            session = store.get_session("s")
            said = [(m.content["n"], m.content["part"]) for m in store.get_messages("s")]
            whole = len(said) // 3
            if whole < acknowledged:
                found.append(f"{acknowledged} acknowledged, {whole} there")
            if said != [(n // 3 + 1, n % 3) for n in range(len(said))] or len(said) % 3:
                found.append("a batch in part, or out of order")
            if session.metadata.get("n", 0) != whole or session.message_count != len(said):
                found.append("the session does not fit its messages")
            found += store.check().problems
        return found

    broken = 0
    for round in range(kills):
        path = folder / f"{round // EACH}.db"
        found = violations(path, killed(path))
        if found:
            broken += 1
            print(f"seed {seed}, kill {round}: {found}", file=sys.stderr)
        if broken == enough:
            break
    print(broken)
"""


def violations(folder: Path, kills: int, order: str, enough: int) -> int:
    """How many of the kills lost something; it ends once that were enough."""
    folder.mkdir()
    seed = int(os.environ.get("CONVOSTORE_SEED") or random.SystemRandom().randrange(2**32))
    print(f"CONVOSTORE_SEED={seed}, acknowledged {order} the commit")
    return int(run(PROGRAM, folder, kills, seed, order, enough, timeout=600 + kills))


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    found = violations(tmp_path / "real", KILLS, "after", KILLS + 1)
    control = violations(tmp_path / "control", CONTROLS, "before", SEEN)
    record("R1 python wheel", KILLS, found, control)

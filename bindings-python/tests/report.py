"""What came of trying a guarantee, as a line of the report that all languages write to."""

import json
import os
from pathlib import Path

REPORT = Path(os.environ.get("CONVOSTORE_REPORT", Path(__file__).parents[2] / "target" / "reliability" / "report.jsonl"))


def record(guarantee: str, runs: int, violations: int, control_violations: int, seen: object = "") -> None:
    """Writes the line, then fails where the guarantee did not hold, saying what was seen, or where the control shows that the test sees nothing."""
    line = {"guarantee": guarantee, "runs": runs, "violations": violations, "control_violations": control_violations}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    with REPORT.open("a") as file:
        file.write(json.dumps(line) + "\n")
    assert violations == 0, f"{guarantee} did not hold: {str(seen)[:2000]}"
    assert control_violations > 0, f"{guarantee} held with the protection off too, so its test proves nothing"

"""The table that people read and the lines that programs read."""

from __future__ import annotations

import json
from pathlib import Path

COLUMNS = ["Store", "AsyncStore", "sqlite3", "SQLiteSession", "langchain", "SQLAlchemy"]
RESULTS = Path(__file__).parents[2] / "target/bench/results.jsonl"


class Report:
    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.lines: list[dict[str, object]] = []
        self.missed: list[str] = []

    def row(
        self,
        workload: str,
        values: dict[str, float],
        *,
        metric: str = "median_us",
        base: str = "Store",
        goals: dict[str, float] | None = None,
        at_most: float | None = None,
        absent: str = "no call",
    ) -> None:
        """A row: each value, and how many times that of `base` it is. `goals` says how many times that must be at least, `at_most` how high `base` may be."""
        cells = []
        for name in COLUMNS:
            value = values.get(name)
            if value is None:
                cells.append("" if name.endswith("Store") else absent)
                continue
            # As wide where there is none, so that numbers stand below numbers.
            ratio = "" if name == "Store" else " " * 7
            if name != base and values[base]:
                found = value / values[base]
                ratio = f" {found:5.2f}x" if found < 100 else f" {found:5.0f}x"
            cells.append(number(value) + ratio)
            self.line(workload, name, metric, value)
        wanted, met = [], True
        for name, factor in (goals or {}).items():
            found = values[name] / values[base]
            met &= found >= factor
            wanted.append(f"{name} ≥ {factor:g}x")
            self.line(workload, name, f"times_{base}", found)
        if at_most is not None:
            met &= values[base] <= at_most
            wanted.append(f"{base} ≤ {at_most:g}")
        self.add(workload, cells, ", ".join(wanted), met)

    def single(self, workload: str, text: str, goal: str = "", met: bool = True) -> None:
        """A row that has one number, or the reason why it has none."""
        self.add(workload, [text], goal, met)

    def add(self, workload: str, cells: list[str], goal: str, met: bool, name: str | None = None) -> None:
        verdict = ("met" if met else "MISSED") if goal else ""
        if goal and not met:
            self.missed.append(name or workload)
        self.rows.append([workload, *cells, *[""] * (len(COLUMNS) - len(cells)), goal, verdict])

    def line(self, workload: str, contender: str, metric: str, value: float) -> None:
        self.lines.append({"suite": "python", "workload": workload, "contender": contender, "metric": metric, "value": value})

    def print(self) -> None:
        head = ["microseconds of a call", *COLUMNS, "goal", ""]
        wide = [row for row in self.rows if not is_spanning(row)]
        widths = [max(len(row[n]) for row in [head, *wide]) for n in range(len(head))]
        widths[0] = max(len(row[0]) for row in self.rows)
        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        print(rule, line(head, widths), rule, *(line(row, widths) for row in self.rows), rule, sep="\n")
        print(f"{len(self.missed)} goals missed" + "".join(f"; {workload}" for workload in self.missed))

    def keep(self) -> None:
        """Appends the lines to the results of the project."""
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        with RESULTS.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in self.lines)
        print(f"written to {RESULTS.relative_to(Path(__file__).parents[2])}")


def is_spanning(row: list[str]) -> bool:
    """Whether the row's one text runs over the columns of all contenders."""
    return len(row[1]) > 16 and not any(row[2 : 1 + len(COLUMNS)])


def line(row: list[str], widths: list[int]) -> str:
    last = 1 + len(COLUMNS)
    cells = [text.rjust(width) for text, width in zip(row[1:last], widths[1:last], strict=True)]
    middle = row[1].ljust(len("  ".join(cells if not is_spanning(row) else [" " * width for width in widths[1:last]])))
    return "  ".join([row[0].ljust(widths[0]), middle if is_spanning(row) else "  ".join(cells), row[last].ljust(widths[last]), row[last + 1]]).rstrip()


def number(value: float) -> str:
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def of_rust(workload: str) -> float | None:
    """What the Rust bench last measured of raw rusqlite, in microseconds."""
    found = None
    if RESULTS.exists():
        for text in RESULTS.read_text().splitlines():
            line = json.loads(text)
            if (line.get("suite"), line.get("workload"), line.get("contender"), line.get("metric")) == ("rust", workload, "raw rusqlite", "median_us"):
                found = float(line["value"])
    return found

"""The table that people read and the lines that programs read."""

from __future__ import annotations

import json
from pathlib import Path

COLUMNS = ["Store", "AsyncStore", "sqlite3", "rusqlite", "SQLiteSession", "langchain", "SQLAlchemy", "langgraph", "ADK", "ADK-sqlite"]
RESULTS = Path(__file__).parents[2] / "target/bench/results.jsonl"


class Report:
    def __init__(self, suite: str = "python", columns: list[str] = COLUMNS) -> None:
        self.suite, self.columns = suite, columns
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
        near: dict[str, float] | None = None,
        at_most: float | None = None,
        absent: str = "no call",
        fails: dict[str, str] | None = None,
    ) -> None:
        """A row: each value, and how many times that of `base` it is.

        `goals` says how many times that must be at least, `near` how many times that of another `base` may be, `at_most` how high it may be.
        """
        cells = []
        for name in self.columns:
            value = values.get(name)
            if value is None:
                cells.append((fails or {}).get(name) or ("" if name.endswith("Store") else absent))
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
        for name, factor in (near or {}).items():
            found = values[base] / values[name]
            met &= found <= factor
            wanted.append(f"{base} ≤ {factor:g}x {name}")
            self.line(workload, base, f"times_{name}", found)
        if at_most is not None:
            met &= values[base] <= at_most
            wanted.append(f"{base} ≤ {at_most:g}")
        self.add(workload, cells, ", ".join(wanted), met)

    def add(self, workload: str, cells: list[str], goal: str, met: bool, name: str | None = None) -> None:
        verdict = ("met" if met else "MISSED") if goal else ""
        if goal and not met:
            self.missed.append(name or workload)
        self.rows.append([workload, *cells, *[""] * (len(self.columns) - len(cells)), goal, verdict])

    def line(self, workload: str, contender: str, metric: str, value: float) -> None:
        self.lines.append({"suite": self.suite, "workload": workload, "contender": contender, "metric": metric, "value": value})

    def print(self) -> None:
        head = ["microseconds of a call", *self.columns, "goal", ""]
        widths = [max(len(row[n]) for row in [head, *self.rows]) for n in range(len(head))]
        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        print(rule, line(head, widths), rule, *(line(row, widths) for row in self.rows), rule, sep="\n")
        print(f"{len(self.missed)} goals missed" + "".join(f"; {workload}" for workload in self.missed))

    def keep(self) -> None:
        """Appends the lines to the results of the project."""
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        with RESULTS.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in self.lines)
        print(f"written to {RESULTS.relative_to(Path(__file__).parents[2])}")


def line(row: list[str], widths: list[int]) -> str:
    cells = [text.rjust(width) for text, width in zip(row[1:-2], widths[1:-2], strict=True)]
    return "  ".join([row[0].ljust(widths[0]), *cells, row[-2].ljust(widths[-2]), row[-1]]).rstrip()


def number(value: float) -> str:
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


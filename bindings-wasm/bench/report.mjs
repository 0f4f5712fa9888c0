// The table that people read and the lines that programs read.
import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { OURS } from "./contenders/index.mjs";

const number = (value) => (value < 1000 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));

export class Report {
  #rows = [];
  #lines = [];
  #missed = [];

  /**
   * A row: each value, and how many times that of ours it is. `goals`: how many times it must be at least; below 1 it says how much slower than that we may
   * be. `atMost`: how high ours may be.
   */
  row(workload, values, { metric = "median_us", goals = {}, atMost, missing = {} } = {}) {
    const ours = values[OURS];
    const cells = { ...missing };
    const [wanted, met] = [[], []];
    for (const [name, value] of Object.entries(values)) {
      const times = value / ours;
      cells[name] = name === OURS ? number(value) : `${number(value)} ${times < 100 ? times.toFixed(2) : Math.round(times)}x`;
      this.line(workload, name, metric, value);
      if (name !== OURS) this.line(workload, name, `times_${OURS}`, times);
    }
    for (const [name, least] of Object.entries(goals)) {
      if (values[name] === undefined) continue;
      wanted.push(least < 1 ? `≤ ${Number((1 / least).toFixed(2))}x ${name}` : `${name} ≥ ${least}x`);
      met.push(values[name] / ours >= least);
    }
    if (atMost !== undefined) {
      wanted.push(`≤ ${atMost}`);
      met.push(ours <= atMost);
    }
    const misses = wanted.filter((_, i) => !met[i]);
    if (misses.length > 0) this.#missed.push(`${workload}: ${misses.join(", ")}`);
    const verdict = wanted.length === 0 ? "" : misses.length === 0 ? "met" : `MISSED ${misses.join(", ")}`;
    this.#rows.push([workload, cells, wanted.join(", "), verdict]);
  }

  line(workload, contender, metric, value) {
    this.#lines.push({ suite: "npm", workload, contender, metric, value });
  }

  /** Prints the rows so far, with a column for each of these contenders. */
  print(title, columns) {
    const table = [[title, ...columns, "goal", ""], ...this.#rows.map(([workload, cells, ...rest]) => [workload, ...columns.map((name) => cells[name] ?? "—"), ...rest])];
    const widths = table[0].map((_, i) => Math.max(...table.map((row) => row[i].length)));
    for (const row of table) {
      console.log(row.map((text, i) => (i === 0 || i > columns.length ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join("  ").trimEnd());
    }
    console.log();
    this.#rows = [];
  }

  /** Says what was missed, and appends the lines to the results of the project. */
  end(path) {
    console.log(this.#missed.length === 0 ? "all goals met" : `goals missed: ${this.#missed.join("; ")}`);
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, this.#lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    console.log("written to target/bench/results.jsonl");
  }
}

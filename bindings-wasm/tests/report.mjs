// What came of trying a guarantee, as a line of the report that all languages write to.
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { rootFolder } from "./places.mjs";

const path = process.env.CONVOSTORE_REPORT ?? join(rootFolder, "target", "reliability", "report.jsonl");

/** Writes the line, then fails where the guarantee did not hold, or where the control shows that the test sees nothing. */
export function record({ guarantee, runs, violations, controlViolations }) {
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, `${JSON.stringify({ guarantee, runs, violations, control_violations: controlViolations })}\n`);
  assert.equal(violations, 0, `${guarantee} did not hold`);
  assert.notEqual(controlViolations, 0, `${guarantee} held with the protection off too, so its test proves nothing`);
}

// convostore beside what one would use in JavaScript instead, in one run, in turns: medians, ratios, and goals.
//   run.sh [--quick]
// Prints tables and appends to target/bench/results.jsonl, a line {suite, workload, contender, metric, value} each. Machines are noisy, so only the
// ratio of contenders that took turns is worth anything.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { cpus } from "node:os";
import { benchInMemory } from "./in-memory.mjs";
import { benchKept } from "./kept.mjs";
import { Report } from "./report.mjs";

const quick = process.argv.includes("--quick");
const results = process.env.CONVOSTORE_RESULTS ?? join(import.meta.dirname, "results.jsonl");
const require = createRequire(import.meta.url);
const version = (name) => JSON.parse(readFileSync(join(require.resolve.paths(name)[0], name, "package.json"), "utf8")).version;
const packages = ["convostore", "@openai/agents-core", "sql.js", "@sqlite.org/sqlite-wasm", "better-sqlite3"];

const versions = `Node ${process.version}, ${cpus()[0]?.model}; ${packages.map((name) => `${name} ${version(name)}`).join(", ")}`;
console.log(versions);
console.log("messages of 300 characters; a ratio says how many times ours it is, so above 1 ours is faster");
console.log("A Map that keeps references and copies nothing is faster than anything else here: it hands out what others then change.\n");
const report = new Report();
report.line("about", versions, "about", 0);
await benchInMemory(report, quick);
mkdirSync(dirname(results), { recursive: true });
await benchKept(report, quick, dirname(results));
report.end(results);

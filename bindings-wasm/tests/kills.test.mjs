// R1: what was acknowledged survives the death of its process, a batch is whole or absent, and opening rewrites nothing.
// CONVOSTORE_KILLS: how often a writer is killed; CONVOSTORE_SOAK_SECONDS: as often as that allows instead. CONVOSTORE_SEED begins where a failure was seen.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Store } from "convostore";
import { random, seed } from "./chance.mjs";
import { temporaryFolder } from "./places.mjs";
import { record } from "./report.mjs";

const folder = temporaryFolder();
const seconds = process.env.CONVOSTORE_SOAK_SECONDS;
const KILLS = seconds === undefined ? Number(process.env.CONVOSTORE_KILLS ?? 50) : 100_000;
const end = Date.now() + Number(seconds ?? 86_400) * 1000;
const LANES = 2;
const start = seed();
/** After so many deaths a new file is begun. */
const DEATHS_OF_A_FILE = 20;
/** The control goes on until it saw so many violations; long before so many deaths. */
const SEEN = 3;
const CONTROLS = 2_000;

/** Lets a writer write for a moment and kills it, one in ten while it opens, others once some calls were acknowledged. Says which. */
async function letWriteAndKill(path, run, order, pick) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "kills-writer.mjs"), path, run, order, `${pick(2 ** 32)}`], { stdio: ["ignore", "pipe", "pipe"] });
  let trouble = "";
  child.stderr.on("data", (data) => { trouble += data; });
  const ended = new Promise((done) => child.once("close", (code) => done(code)));
  let out = "";
  const some = 3 + pick(5);
  const writes = new Promise((done) => child.stdout.on("data", (data) => {
    out += data;
    if (out.split("\n").length > some) done();
  }));
  if (pick(10) === 0) await pause(20 + pick(80));
  else {
    await Promise.race([writes, ended]);
    await pause(pick(20));
  }
  child.kill("SIGKILL");
  assert.equal(await ended, null, `the writer ended by itself: ${trouble}`);
  const lines = out.split("\n").slice(0, -1);
  return lines.slice(1);
}

/** Opens the file after a death, and says in words what is wrong. */
async function problemsOf({ path, acknowledged, known }) {
  const before = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  let store;
  try {
    store = await Store.open({ path });
  } catch (error) {
    return [`it does not open: ${error}`];
  }
  const found = (await store.check()).problems;
  const messages = (await store.getSession("a")) === null ? [] : await store.getMessages("a");
  await store.close();
  const opened = readFileSync(path);
  if (before.length >= 24 && !before.subarray(0, opened.length).equals(opened)) found.push("opening changed more than a torn end");
  messages.forEach((message, i) => {
    if (message.seq !== i + 1) found.push(`message ${i + 1} has the number ${message.seq}`);
    if (i < known.length && message.contentJson !== known[i]) found.push(`message ${i + 1} is another than before`);
  });
  if (messages.length < known.length) found.push(`${known.length - messages.length} messages that were there are lost`);
  known.splice(0, Infinity, ...messages.map((message) => message.contentJson));
  const parts = new Map();
  for (const { content } of messages) parts.set(content.name, [...(parts.get(content.name) ?? []), content.part]);
  for (const [name, given] of parts) if (!["1/1", "1/3,2/3,3/3"].includes(given.join())) found.push(`the batch ${name} is there in part: ${given}`);
  for (const name of acknowledged) if (!parts.has(name)) found.push(`${name} was acknowledged and is lost`);
  return found;
}

async function lane(number, kills, order, enough = Infinity) {
  const pick = random(start + number);
  const tally = { deaths: 0, acknowledged: 0, violations: 0, shown: [] };
  let history;
  for (; tally.deaths < kills && tally.violations < enough && (tally.deaths === 0 || Date.now() < end); tally.deaths++) {
    if (tally.deaths % DEATHS_OF_A_FILE === 0) history = { path: join(folder, `${order}-${number}-${tally.deaths}`), acknowledged: [], known: [] };
    const acknowledged = await letWriteAndKill(history.path, `${tally.deaths}`, order, pick);
    tally.acknowledged += acknowledged.length;
    history.acknowledged.push(...acknowledged);
    const problems = await problemsOf(history);
    tally.violations += problems.length;
    tally.shown.push(...problems.slice(0, 3 - tally.shown.length).map((problem) => `death ${tally.deaths}: ${problem}`));
  }
  return tally;
}

test(`a writer killed ${KILLS} times loses nothing that was acknowledged`, async (t) => {
  const control = await lane(0, CONTROLS, "acknowledge-first", SEEN);
  const lanes = await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number, Math.ceil(KILLS / LANES), "commit-first")));
  const sum = (name) => lanes.reduce((total, each) => total + each[name], 0);
  t.diagnostic(`CONVOSTORE_SEED=${start}`);
  t.diagnostic(`${sum("acknowledged")} calls were acknowledged`);
  for (const problem of lanes.flatMap((each) => each.shown)) t.diagnostic(problem);
  assert.ok(sum("acknowledged") > sum("deaths"), "the writers hardly wrote");
  record({ guarantee: "R1 node file", runs: sum("deaths"), violations: sum("violations"), controlViolations: control.violations });
});

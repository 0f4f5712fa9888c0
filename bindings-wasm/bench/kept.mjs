// What is kept in a file: ours beside SQLite at equal durability, where that can be had.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { kept, OURS } from "./contenders/index.mjs";
import { diskSync, inFreshProcesses, inTurns } from "./measure.mjs";
import { message, messages } from "./messages.mjs";

/** Why one is missing, in a few words. */
const why = (error) => (error.code === "ERR_UNKNOWN_BUILTIN_MODULE" ? "needs Node 22.5" : "not built here");

export async function benchKept(report, quick, place) {
  const rounds = quick ? 5 : 25;
  const folder = mkdtempSync(join(place, "kept-"));
  try {
    const [stores, missing] = [{}, {}];
    for (const [name, load] of Object.entries(kept)) {
      try {
        stores[name] = await (await load())(join(folder, name.replace(":", "-")));
      } catch (error) {
        missing[name] = why(error);
      }
    }
    const work = (calls, run) => inTurns(rounds, calls, Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, { run: (n) => run(store, n) }])));
    for (const store of Object.values(stores)) await store.begin("a");
    report.row("append one, in a file", await work(10, (store, n) => store.append("a", message(n))), { missing });
    report.row("append 50, in a file", await work(4, (store) => store.appendAll("a", messages(50))), { missing });
    const at_once = await work(1, (store) => Promise.all(Array.from({ length: 64 }, (_, n) => store.append("a", message(n)))));
    report.row("64 at once, a message, in a file", Object.fromEntries(Object.entries(at_once).map(([name, time]) => [name, time / 64])), { missing });
    report.row("load 1,000, in a file", await loads(stores, work), { missing });
    for (const store of Object.values(stores)) await store.close();
    console.log(`one fdatasync of this disk takes ${diskSync(folder).toFixed(0)} µs`);
    report.print("kept, microseconds of a call", Object.keys(kept));
    await opening(report, quick, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function loads(stores, work) {
  for (const store of Object.values(stores)) {
    await store.begin("thousand");
    await store.appendAll("thousand", messages(1000));
  }
  return work(2, (store) => store.load("thousand"));
}

/** Reads a store of 100,000 messages from its file, in a new process each time. */
async function opening(report, quick, folder) {
  const path = join(folder, "large");
  const store = await (await kept[OURS]())(path);
  for (let i = 0; i < 100; i++) {
    await store.begin(`s-${i}`);
    await store.appendAll(`s-${i}`, messages(1000));
  }
  await store.close();
  const megabytes = statSync(path).size / 1e6;
  const { [OURS]: [seconds, grown] } = inFreshProcesses(quick ? 2 : 7, [OURS], "opening.mjs", path);
  const rate = megabytes / seconds;
  report.line("opening a file", OURS, "mb_per_s", rate);
  report.line("opening a file", OURS, "bytes_of_memory_per_byte", grown / 1e6 / megabytes);
  console.log(`opening a file of ${megabytes.toFixed(1)} MB, 100,000 messages: ${(seconds * 1000).toFixed(0)} ms, ${rate.toFixed(0)} MB/s; memory grows by ${(grown / 1e6).toFixed(0)} MB\n`);
}

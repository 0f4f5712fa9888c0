// What keeps nothing: ours beside what a program in JavaScript would write or take instead.
import { inMemory, OURS } from "./contenders/index.mjs";
import { inFreshProcesses, inTurns } from "./measure.mjs";
import { message, messages } from "./messages.mjs";

const filled = async (store, id, count) => {
  await store.begin(id);
  await store.appendAll(id, messages(count));
};

/** One workload of all contenders that have the call. `size`: how many results there must be. */
async function work(rounds, calls, stores, call, args, { prepare, size } = {}) {
  const works = {};
  for (const [name, store] of Object.entries(stores)) {
    if (store[call] === undefined) continue;
    if (size !== undefined && (await store[call](...args(0, 0))).length !== size) throw new Error(`${name} gave another number of results than ${size}`);
    works[name] = { prepare: prepare && ((round) => prepare(store, round)), run: (n, round) => store[call](...args(n, round)) };
  }
  return inTurns(rounds, calls, works);
}

export async function benchInMemory(report, quick) {
  const rounds = quick ? 7 : 41;
  const stores = {};
  const opens = {};
  for (const [name, load] of Object.entries(inMemory)) stores[name] = await (opens[name] = await load())();
  const fresh = (store, round) => store.begin(`new-${round}`);
  const fifty = messages(50);
  const batch = (store, round) => store.begin(`batch-${round}`);
  report.row("append one", await work(rounds, 200, stores, "append", (n, round) => [`new-${round}`, message(n)], { prepare: fresh }), {
    goals: { "Map, JSON text": 1 / 2, MemorySession: 2, "sql.js": 10 },
  });
  report.row("append 50", await work(rounds, 8, stores, "appendAll", (_, round) => [`batch-${round}`, fifty], { prepare: batch }));
  for (const store of Object.values(stores)) {
    await filled(store, "thousand", 1000);
    await filled(store, "long", 10_000);
  }
  report.row("load 1,000", await work(rounds, 4, stores, "load", () => ["thousand"], { size: 1000 }), { goals: { "Map, JSON text": 1 / 1.3, MemorySession: 2.5 } });
  report.row("last 20 of 10,000", await work(rounds, 100, stores, "last", () => ["long", 20], { size: 20 }), { goals: { "Map, JSON text": 1 / 1.5 } });
  for (const store of Object.values(stores)) {
    for (let i = 0; i < 10_000 && store.list !== undefined; i++) {
      await store.begin(`listed-${i}`);
      await store.append(`listed-${i}`, message(i));
    }
  }
  report.row("list 50 of 10,000", await work(rounds, 10, stores, "list", () => [50], { size: 50 }), { goals: { "sqlite-wasm": 3 } });
  for (const store of Object.values(stores)) await store.close();

  const opening = Object.fromEntries(Object.entries(opens).map(([name, open]) => {
    let store;
    return [name, { prepare: () => store?.close(), run: async () => { store = await open(); } }];
  }));
  report.row("open, empty", await inTurns(rounds, 1, opening), { atMost: 5000 });
  const names = Object.keys(inMemory);
  const first = inFreshProcesses(quick ? 3 : 9, names, "first-open.mjs");
  const column = (found, i) => Object.fromEntries(Object.entries(found).map(([name, row]) => [name, row[i]]));
  report.row("… the first of a process", column(first, 0), { atMost: 5000 });
  report.row("… with its import", column(first, 1));
  const memory = inFreshProcesses(quick ? 1 : 5, names, "memory.mjs");
  report.row("memory of a message, bytes", column(memory, 0), { metric: "bytes" });
  report.print("in memory, microseconds of a call", [OURS, ...names.filter((name) => name !== OURS)]);
}

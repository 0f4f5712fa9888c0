// What keeps nothing: ours beside what a program in JavaScript would write or take instead.
import { inMemory } from "./contenders/index.mjs";
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

/** A new store of each, filled, for one or two rows: what others hold costs every collection of garbage. */
async function withStores(opens, fill, work) {
  const stores = {};
  for (const [name, open] of Object.entries(opens)) await fill((stores[name] = await open()));
  await work(stores);
  for (const store of Object.values(stores)) await store.close();
}

async function writes(report, rounds, opens) {
  const [fresh, batch, fifty] = [(store, round) => store.begin(`new-${round}`), (store, round) => store.begin(`batch-${round}`), messages(50)];
  await withStores(opens, async () => {}, async (stores) => {
    report.row("append one", await work(rounds, 200, stores, "append", (n, round) => [`new-${round}`, message(n)], { prepare: fresh }), {
      goals: { "Map, JSON text": 1 / 2, MemorySession: 2, "sql.js": 10 },
    });
    report.row("append 50", await work(rounds, 8, stores, "appendAll", (_, round) => [`batch-${round}`, fifty], { prepare: batch }));
  });
}

async function reads(report, rounds, opens) {
  const conversations = async (store) => {
    await filled(store, "thousand", 1000);
    await filled(store, "long", 10_000);
  };
  await withStores(opens, conversations, async (stores) => {
    report.row("load 1,000", await work(rounds, 4, stores, "load", () => ["thousand"], { size: 1000 }), { goals: { "Map, JSON text": 1 / 1.3, MemorySession: 2.5 } });
    report.row("last 20 of 10,000", await work(rounds, 100, stores, "last", () => ["long", 20], { size: 20 }), { goals: { "Map, JSON text": 1 / 1.5 } });
  });
  const sessions = async (store) => {
    for (let i = 0; i < 10_000 && store.list !== undefined; i++) {
      await store.begin(`listed-${i}`);
      await store.append(`listed-${i}`, message(i));
    }
  };
  await withStores(opens, sessions, async (stores) => {
    report.row("list 50 of 10,000", await work(rounds, 10, stores, "list", () => [50], { size: 50 }), { goals: { "sqlite-wasm": 3 } });
  });
}

async function openings(report, rounds, opens, quick) {
  const opening = Object.fromEntries(Object.entries(opens).map(([name, open]) => {
    let store;
    return [name, { prepare: () => store?.close(), run: async () => { store = await open(); } }];
  }));
  report.row("open, empty", await inTurns(rounds, 1, opening), { atMost: 5000 });
  const first = inFreshProcesses(quick ? 3 : 9, Object.keys(opens), "first-open.mjs");
  const column = (i) => Object.fromEntries(Object.entries(first).map(([name, row]) => [name, row[i]]));
  report.row("… the first of a process", column(0), { atMost: 5000 });
  report.row("… with its import", column(1));
}

export async function benchInMemory(report, quick) {
  const [rounds, names] = [quick ? 7 : 25, Object.keys(inMemory)];
  const opens = {};
  for (const [name, load] of Object.entries(inMemory)) opens[name] = await load();
  await writes(report, rounds, opens);
  await reads(report, rounds, opens);
  await openings(report, rounds, opens, quick);
  const memory = inFreshProcesses(quick ? 1 : 5, names, "memory.mjs");
  report.row("memory of a message, bytes", Object.fromEntries(names.map((name) => [name, memory[name][0]])), { metric: "bytes" });
  report.print("in memory, microseconds of a call", names);
}

// Measures the package against what a program in JavaScript would write instead, interleaved, in one process.
//   node bench/bench.mjs            prints a table and appends to target/bench/results.jsonl
// A Map that keeps references and copies nothing is faster than all of these; it also hands out what callers then change.
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "convostore";

const TEXT = "The quick brown fox jumps over the lazy dog. ".repeat(7).slice(0, 300);
const message = (i) => ({ role: i % 2 ? "assistant" : "user", content: `${i} ${TEXT}` });
const rounds = Number(process.env.ROUNDS ?? 15);

/** A Map of lists, copied on the way in and out by `copy` and `back`. */
const map = (copy, back) => ({
  open: async () => {
    const sessions = new Map();
    const list = (id) => sessions.get(id) ?? sessions.set(id, []).get(id);
    return {
      append: async (id, said) => {
        const all = list(id);
        const saved = { seq: all.length + 1, createdAt: new Date(), ...said };
        all.push(copy(saved));
        return saved;
      },
      appendAll: async (id, said) => said.map((each) => list(id).push(copy({ seq: list(id).length + 1, createdAt: new Date(), ...each }))),
      load: async (id) => list(id).map(back),
      last: async (id, n) => list(id).slice(-n).map(back),
      close: async () => {},
    };
  },
});

const ours = (open) => ({
  open: async () => {
    const store = await open();
    const known = new Set();
    const session = async (id) => {
      if (!known.has(id)) await store.getOrCreateSession({ id, scope: "bench" });
      known.add(id);
    };
    return {
      append: async (id, said) => {
        if (!known.has(id)) await session(id);
        return store.saveMessage(id, said);
      },
      appendAll: async (id, said) => {
        if (!known.has(id)) await session(id);
        return store.saveMessages(id, said);
      },
      load: (id) => store.getMessages(id),
      last: (id, n) => store.getMessages(id, { last: n }),
      list: () => store.listSessions({ scope: "bench", limit: 50 }),
      store,
      close: () => store.close(),
    };
  },
});

const contenders = {
  "convostore in memory": ours(() => Store.inMemory()),
  "Map of JSON text": map(JSON.stringify, (text) => JSON.parse(text)),
  "Map with structuredClone": map((value) => structuredClone(value), (value) => structuredClone(value)),
};

const tasks = {
  "append one": { times: 2000, run: async (store, i) => store.append("a", message(i)) },
  "append 50": { times: 40, run: async (store) => store.appendAll("b", Array.from({ length: 50 }, (_, i) => message(i))) },
  "load 1,000": { times: 10, before: async (store) => store.appendAll("c", Array.from({ length: 1000 }, (_, i) => message(i))), run: async (store) => store.load("c") },
  "last 20 of 10,000": { times: 200, before: async (store) => store.appendAll("d", Array.from({ length: 10_000 }, (_, i) => message(i))), run: async (store) => store.last("d", 20) },
};

const found = {};
for (let round = 0; round < rounds; round++) {
  for (const [task, { times, before, run }] of Object.entries(tasks)) {
    for (const [name, contender] of Object.entries(contenders)) {
      const store = await contender.open();
      await before?.(store);
      const start = performance.now();
      for (let i = 0; i < times; i++) await run(store, i);
      ((found[task] ??= {})[name] ??= []).push(((performance.now() - start) * 1000) / times);
      await store.close();
    }
  }
}

{
  const times = [];
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    const store = await Store.inMemory();
    times.push((performance.now() - start) * 1000);
    await store.close();
  }
  found["open, empty"] = { "convostore in memory": times };
  const store = await Store.inMemory();
  for (let i = 0; i < 10_000; i++) await store.createSession({ scope: "bench" });
  const list = [];
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    await store.listSessions({ scope: "bench", limit: 50 });
    list.push((performance.now() - start) * 1000);
  }
  found["list 50 of 10,000"] = { "convostore in memory": list };
  await store.close();
  const folder = mkdtempSync(join(tmpdir(), "convostore-bench-"));
  const path = join(folder, "a");
  const kept = await Store.open({ path });
  await kept.createSession({ id: "a" });
  const append = [];
  for (let i = 0; i < 300; i++) {
    const start = performance.now();
    await kept.saveMessage("a", message(i));
    append.push((performance.now() - start) * 1000);
  }
  found["append one, kept"] = { "convostore on a file": append };
  for (let i = 0; i < 100; i++) await kept.saveMessages("a", Array.from({ length: 1000 }, (_, k) => message(k)));
  await kept.close();
  const before = process.memoryUsage();
  const start = performance.now();
  const again = await Store.open({ path });
  const seconds = (performance.now() - start) / 1000;
  const after = process.memoryUsage();
  const megabytes = statSync(path).size / 1e6;
  console.log(`opening: ${megabytes.toFixed(1)} MB in ${seconds.toFixed(3)} s, ${(megabytes / seconds).toFixed(0)} MB/s; memory ${((after.rss - before.rss) / 1e6).toFixed(0)} MB more for 100,300 messages of ${TEXT.length} bytes`);
  found.open_mb_per_s = { "convostore on a file": [megabytes / seconds] };
  await again.close();
  rmSync(folder, { recursive: true });
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const folder = join(import.meta.dirname, "..", "..", "target", "bench");
mkdirSync(folder, { recursive: true });
for (const [task, by] of Object.entries(found)) {
  const base = by["convostore in memory"] && median(by["convostore in memory"]);
  for (const [name, list] of Object.entries(by)) {
    const value = median(list);
    console.log(`${task.padEnd(20)} ${name.padEnd(28)} ${value.toFixed(1).padStart(10)} µs${base && base !== value ? `  (ours is ${(base / value).toFixed(2)}×)` : ""}`);
    appendFileSync(join(folder, "results.jsonl"), `${JSON.stringify({ suite: "npm", task, contender: name, median: value, rounds: list.length, node: process.version, cpu: cpus()[0]?.model })}\n`);
  }
}

// Contenders that take turns; fresh processes; the disk.
import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** So many rounds warm caches and compilers, WebAssembly's too, and are not counted. */
const WARMING = 12;

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** The same order of turns in each run. */
let state = 7;
function shuffle(names) {
  for (let i = names.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (i + 1));
    [names[i], names[other]] = [names[other], names[i]];
  }
}

/**
 * Lets all work in turns, each turn `calls` calls, in another order each round, and gives the median microseconds of a call of each. A work is
 * `{ prepare, run }`: the first runs before each turn, untimed. What gives a promise is awaited; what does not is not made to wait.
 */
export async function inTurns(rounds, calls, works) {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
  const names = Object.keys(works);
  for (let round = 0; round < rounds + WARMING; round++) {
    shuffle(names);
    for (const name of names) {
      const { prepare, run } = works[name];
      await prepare?.(round);
      globalThis.gc?.({ type: "minor" }); // the litter of the one before is not ours
      const start = performance.now();
      for (let call = 0; call < calls; call++) {
        const result = run(call, round);
        if (result instanceof Promise) await result;
      }
      const time = performance.now() - start;
      if (round >= WARMING) times[name].push((time * 1000) / calls);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, found]) => [name, median(found)]));
}

/** Runs a program for each name in a process of its own, in turns; it prints one number or several as JSON. Gives the medians. */
export function inFreshProcesses(rounds, names, program, ...more) {
  const found = Object.fromEntries(names.map((name) => [name, []]));
  const order = [...names];
  for (let round = 0; round <= rounds; round++) {
    shuffle(order);
    for (const name of order) {
      const output = execFileSync(process.execPath, ["--expose-gc", join(import.meta.dirname, program), name, ...more], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
      if (round > 0) found[name].push(JSON.parse(output)); // the first one warms the disk's cache
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, rows]) => [name, rows[0].map((_, i) => median(rows.map((row) => row[i])))]));
}

/** The median microseconds of appending 4 KiB to a file and syncing it. */
export function diskSync(folder) {
  const path = join(folder, "sync");
  const file = openSync(path, "w");
  const times = Array.from({ length: 200 }, () => {
    writeSync(file, Buffer.alloc(4096, 7));
    const start = performance.now();
    fdatasyncSync(file);
    return (performance.now() - start) * 1000;
  });
  closeSync(file);
  rmSync(path);
  return median(times);
}

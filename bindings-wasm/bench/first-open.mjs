// How long the first store takes to open in a new process, without and with what is imported for it. In microseconds.
import { inMemory } from "./contenders/index.mjs";

const start = performance.now();
const open = await inMemory[process.argv[2]]();
const loaded = performance.now();
const store = await open();
const end = performance.now();
console.log(JSON.stringify([(end - loaded) * 1000, (end - start) * 1000]));
await store.close();

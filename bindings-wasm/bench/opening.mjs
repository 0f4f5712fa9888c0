// How long a large store takes to open, in seconds, and by how many bytes the process grows.
import { Store } from "convostore";

const empty = await Store.inMemory();
const before = process.memoryUsage().rss;
const start = performance.now();
const store = await Store.open({ path: process.argv[3] });
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify([seconds, process.memoryUsage().rss - before]));
await Promise.all([store.close(), empty.close()]);

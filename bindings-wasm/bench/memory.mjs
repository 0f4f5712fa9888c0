// How many bytes of the process a message of 300 characters takes, where there are 100,000 in 100 sessions.
import { inMemory } from "./contenders/index.mjs";
import { messages } from "./messages.mjs";

const [SESSIONS, EACH] = [100, 1000];
const store = await (await inMemory[process.argv[2]]())();
const resident = () => {
  for (let i = 0; i < 4; i++) globalThis.gc();
  return process.memoryUsage().rss;
};
// Once, for what is allocated only once.
await store.begin("first");
await store.appendAll("first", messages(EACH));
const before = resident();
for (let i = 0; i < SESSIONS; i++) {
  await store.begin(`s-${i}`);
  await store.appendAll(`s-${i}`, messages(EACH));
}
console.log(JSON.stringify([(resident() - before) / (SESSIONS * EACH)]));

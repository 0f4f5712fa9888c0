// Saves messages until it is killed, and says on stdout what was acknowledged.
import { writeSync } from "node:fs";
import { Store } from "convostore";

const store = await Store.open({ path: process.argv[2] });
const session = await store.getOrCreateSession({ id: "a" });
for (let i = 0; ; i++) {
  const { seq } = await store.saveMessage(session.id, { role: "user", content: `${process.pid} ${i} ${"x".repeat(i % 700)}` });
  writeSync(1, `${seq}\n`);
  if (i % 10 === 9) await store.updateSession(session.id, { metadata: { i } });
}

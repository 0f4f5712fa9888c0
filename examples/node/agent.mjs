// An agent that can be killed at any moment and goes on where it was: it reads conversations one by one and reports what was asked and done in them.
//
//   node agent.mjs [conversations.jsonl] [store]     works, or goes on; Ctrl-C pauses it
//   node agent.mjs --sessions [store]                what there is in the store
//
// What it has done it reads from the store, not from memory: that is all there is to resuming. Each step is saved, under a key made of its number, before
// the next begins: a step that was saved before a crash is not saved twice after it.
import { join, resolve } from "node:path";
import { BusyError, Store } from "convostore";
import { decide, summarise } from "./model.mjs";
import { tools } from "./tools.mjs";

const SAMPLE = join(import.meta.dirname, "..", "data", "library-conversations.jsonl");
/** A history that is longer is replaced by a summary. */
const LONGEST = 8;

/** The history since the last summary. An agent that was killed after saving one, before deleting what it stands for, deletes that now. */
async function historyOf(store, id) {
  const all = await store.getMessages(id);
  const last = all.findLastIndex((message) => message.isSummary);
  if (last > 0) await store.deleteMessagesBefore(id, all[last].seq);
  return all.slice(Math.max(last, 0));
}

/** One step: what the model decides, and what the tool says to that. The answer, once there is one. */
async function step(store, id, history) {
  const last = history[history.length - 1];
  // Killed while the tool ran: it was decided already.
  const decided = last.role === "assistant" ? last.content : decide(history);
  if (decided.answer !== undefined) {
    // The answer and the end of the session, in one transaction.
    const end = { status: "terminated", mergeMetadata: { answer: decided.answer } };
    await store.saveMessages(id, [{ role: "assistant", content: decided.answer, dedupKey: "answer" }], { update: end });
    return decided.answer;
  }
  const name = `${decided.tool}-${decided.arguments.number}`;
  if (last.role !== "assistant") await store.saveMessage(id, { role: "assistant", content: decided, dedupKey: `${name}-call` });
  const result = await tools[decided.tool](decided.arguments);
  await store.saveMessage(id, { role: "tool", content: result, dedupKey: `${name}-result` });
  console.log(`${name}: ${result.question ?? "nothing more to read"}`);
  return undefined;
}

async function work(store, file, signal) {
  const session = await store.getOrCreateSession({ scope: process.cwd(), key: file });
  const { id } = session;
  if (session.status === "terminated") return console.log(`done before: ${session.metadata.answer}`);
  console.log(session.messageCount === 0 ? `begin: ${file}` : `resume after ${session.messageCount} messages, ${session.status}`);
  if (session.status !== "active") await store.updateSession(id, { status: "active" });
  for (;;) {
    const history = await historyOf(store, id);
    if (signal.aborted) {
      await store.updateSession(id, { status: "paused" });
      return console.log("paused; run it again to go on");
    }
    if (history.length === 0) await store.saveMessage(id, { role: "user", content: { task: "report", file }, dedupKey: "task" });
    else if (history.length > LONGEST) await store.saveSummary(id, summarise(history));
    else {
      const answer = await step(store, id, history);
      if (answer !== undefined) return console.log(answer);
    }
  }
}

async function list(store) {
  for (let cursor; ; ) {
    const { items, nextCursor } = await store.listSessions(cursor === undefined ? {} : { cursor });
    for (const session of items) console.log(`${session.lastActiveAt.toISOString()}  ${session.status.padEnd(10)}  ${session.messageCount} messages  ${session.key}`);
    if (nextCursor === null) return;
    cursor = nextCursor;
  }
}

const [first, second] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
let store;
try {
  store = await Store.open({ path: second ?? "agent.sessions" });
  await (first === "--sessions" ? list(store) : work(store, resolve(first ?? SAMPLE), stop.signal));
} catch (error) {
  if (!(error instanceof BusyError)) throw error;
  console.error(`another agent is at work here: ${error.message}`);
  process.exitCode = 1;
} finally {
  await store?.close();
}

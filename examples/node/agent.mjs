// A small agent that can be killed at any moment and goes on where it was.
//
//   node agent.mjs <file> <task>
//
// It works through a task step by step: it "thinks", calls a tool, notes the result. Each step is saved before the next begins, under a
// dedup key made of the step's number, so a step that was saved before a crash is not saved twice after it. What it has done so
// far it reads from the store, not from memory: that is all there is to resuming.
import { ConflictError, Store } from "convostore";

const [file = "agent.sessions", task = "Tidy up the bug reports"] = process.argv.slice(2);

/** Stands for a language model: it decides by what has been said so far. */
function model(history) {
  const done = history.filter((message) => message.role === "tool").length;
  return done < 5
    ? { tool: "read_report", arguments: { number: done + 1 } }
    : { text: `All ${done} reports are read: ${history.filter((message) => message.role === "tool").map((message) => message.content.title).join(", ")}.` };
}

/** Stands for a tool that takes its time. */
async function call({ arguments: { number } }) {
  await new Promise((done) => setTimeout(done, 40));
  return { number, title: `report ${number}` };
}

const store = await Store.open({ path: file });
try {
  const session = await store.getOrCreateSession({ scope: process.cwd(), key: task });
  if (session.status === "terminated") {
    console.log(`done before: ${session.metadata.answer}`);
  } else {
    if (session.status !== "active") await store.updateSession(session.id, { status: "active" });
    console.log(session.messageCount === 0 ? `begin: ${task}` : `resume after ${session.messageCount} messages: ${task}`);
    await store.saveMessage(session.id, { role: "user", content: task, dedupKey: "task" });
    for (;;) {
      const history = await store.getMessages(session.id);
      const last = history[history.length - 1];
      const asked = last.role === "assistant" ? last.content : model(history);
      if (asked.text !== undefined) {
        // The answer and the end of the session, in one transaction.
        const end = { status: "terminated", mergeMetadata: { answer: asked.text } };
        await store.saveMessages(session.id, [{ role: "assistant", content: asked.text, dedupKey: "answer" }], { update: end });
        console.log(asked.text);
        break;
      }
      const step = `step-${history.filter((message) => message.role === "tool").length + 1}`;
      if (last.role !== "assistant") await store.saveMessage(session.id, { role: "assistant", content: asked, dedupKey: `${step}-call` });
      const result = await call(asked);
      await store.saveMessage(session.id, { role: "tool", content: result, dedupKey: `${step}-result` });
      console.log(`${step}: ${result.title}`);
    }
  }
} catch (error) {
  if (error instanceof ConflictError) console.error("another step was saved under the same key:", error.details);
  throw error;
} finally {
  await store.close();
}

// The agent is killed again and again, and comes to the same end as one that is left alone, with no step done twice.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Store } from "convostore";

const folder = mkdtempSync(join(tmpdir(), "convostore-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const data = join(folder, "conversations.jsonl");
const COUNT = 11;
const conversation = (i) => ({
  id: `c-${i}`,
  messages: [{ role: "user", content: `Question ${i}?` }, { role: "assistant", content: null, tool_calls: [{ function: { name: i % 3 ? "find_loans" : "renew" } }] }],
});
writeFileSync(data, Array.from({ length: COUNT }, (_, i) => `${JSON.stringify(conversation(i + 1))}\n`).join(""));

/** Runs the agent, whose tools take so many milliseconds; `stop` is called with it when it has said something. */
const run = (args, stop, pause = 40) =>
  new Promise((done) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "agent.mjs"), ...args], { stdio: ["ignore", "pipe", "pipe"], cwd: folder, env: { ...process.env, AGENT_PAUSE: `${pause}` } });
    let out = "";
    child.stderr.on("data", (data) => { out += data; });
    child.stdout.on("data", (data) => {
      out += data;
      stop?.(child, out);
    });
    child.once("close", (status) => done({ out, status }));
  });

test("killed and resumed, it comes to the same end", async () => {
  const alone = await run([data, join(folder, "alone")]);
  assert.equal(alone.status, 0, alone.out);
  const answer = alone.out.trim().split("\n").at(-1);
  assert.equal(answer, `${COUNT} conversations. Tools used: find_loans 8×, renew 3×. First question: “Question 1?”`);

  const file = join(folder, "killed");
  let kills = 0;
  for (; ; kills++) {
    // Each time at another moment after a step, so that each run gets on.
    let after;
    const { out, status } = await run([data, file], (child, out) => {
      if (out.includes("read_conversation-")) after ??= setTimeout(() => child.kill("SIGKILL"), (kills % 4) * 12);
    });
    clearTimeout(after);
    if (status !== null) {
      assert.equal(out.trim().split("\n").at(-1).replace("done before: ", ""), answer);
      break;
    }
  }
  assert.ok(kills >= 3, `killed ${kills} times`);
  const again = await run([data, file]);
  assert.equal(again.out, `done before: ${answer}\n`);
  assert.match((await run(["--sessions", file])).out, /terminated {2}.*conversations\.jsonl/);

  const store = await Store.open({ path: file });
  const { items: [session] } = await store.listSessions();
  const messages = await store.getMessages(session.id);
  assert.ok(messages[0].isSummary && messages.length < 12, "long histories are summarised");
  assert.equal(messages.filter((message) => message.isSummary).length, 1);
  const numbers = messages.filter((message) => message.role === "tool").map((message) => message.content.number);
  assert.deepEqual(numbers, numbers.map((_, i) => messages[0].content.read + 1 + i), "no step is missing and none done twice");
  assert.equal(session.status, "terminated");
  await store.close();
});

test("paused by Ctrl-C; a second one at the same time is told so", { skip: process.platform === "win32" }, async () => {
  const file = join(folder, "paused");
  let second;
  const first = await run([data, file], (child, out) => {
    if (out.includes("read_conversation-1")) second ??= run([data, file]).then((told) => { child.kill("SIGINT"); return told; });
  }, 1000); // So that it is still at work when the second one has begun.
  assert.match((await second).out, /another agent is at work here: process \d+ has the store open/);
  assert.match(first.out, /paused; run it again to go on\n$/);
  assert.match((await run(["--sessions", file])).out, /paused/);
  const { out, status } = await run([data, file]);
  assert.equal(status, 0);
  assert.match(out, /^resume after \d+ messages, paused\n/);
  assert.match(out, /11 conversations\./);
});

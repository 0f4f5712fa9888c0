// The agent is killed again and again, and comes to the same end, with no step done twice.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Store } from "convostore";

const run = (file, killAfter) =>
  new Promise((done) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "agent.mjs"), file], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (data) => { out += data; });
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
    child.once("close", (status) => {
      clearTimeout(timer);
      done({ out, status });
    });
  });

test("killed and resumed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "convostore-"));
  const file = join(folder, "agent.sessions");
  for (let i = 0; i < 6; i++) await run(file, 120 + i * 45);
  const { out, status } = await run(file);
  assert.equal(status, 0, out);
  const again = await run(file);
  assert.match(again.out, /^done before: All 5 reports are read/);
  const store = await Store.open({ path: file });
  const { items: [session] } = await store.listSessions();
  const messages = await store.getMessages(session.id);
  assert.deepEqual(messages.map((message) => message.role), ["user", ...Array(5).fill(["assistant", "tool"]).flat(), "assistant"]);
  assert.deepEqual(messages.filter((message) => message.role === "tool").map((message) => message.content.number), [1, 2, 3, 4, 5]);
  assert.deepEqual(messages.map((message) => message.seq), messages.map((_, i) => i + 1));
  assert.equal(session.status, "terminated");
  await store.close();
  rmSync(folder, { recursive: true });
});

// The file's keeper on a disk that fails, is full, or takes little at a time: each operation at each of its calls.
import assert from "node:assert/strict";
import { appendFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Store } from "convostore";
import { systemError, withFaults } from "./faults.mjs";
import { temporaryFolder } from "./places.mjs";

const folder = temporaryFolder();
let next = 0;
const fresh = () => join(folder, `${++next}.convostore`);
const code = (promise) => promise.then(() => "no error", (error) => error.code);
const says = (content) => ({ role: "user", content });

/** A store with one session, and a check that what is said to be kept is all there is, here and in the file. */
async function prepared() {
  const path = fresh();
  const store = await Store.open({ path });
  await store.createSession({ id: "a" });
  return { path, store };
}
async function holds(path, contents) {
  const store = await Store.open({ path });
  assert.deepEqual((await store.getMessages("a")).map((message) => message.content), contents);
  assert.deepEqual((await store.check()).problems, []);
  await store.close();
}

test("a disk that takes seven bytes at a time, and gives five", async () => {
  const path = fresh();
  const little = {
    write: (write, [bytes, offset, length, at]) => write(bytes, offset, Math.min(7, length), at),
    read: (read, [bytes, offset, length, at]) => read(bytes, offset, Math.min(5, length), at),
  };
  const calls = await withFaults(little, async () => {
    const store = await Store.open({ path });
    await store.createSession({ id: "a" });
    await store.saveMessages("a", [says("x".repeat(200)), says("y")]);
    await store.close();
    await holds(path, ["x".repeat(200), "y"]);
  });
  assert.ok(calls.write > 40 && calls.read > 60);
  await holds(path, ["x".repeat(200), "y"]);
});

test("a write that fails in the middle is taken back, and the next one works", async () => {
  for (const [fault, expected] of [["ENOSPC", "disk_full"], ["EDQUOT", "disk_full"], ["EIO", "storage"]]) {
    const { path, store } = await prepared();
    const { size } = statSync(path);
    await withFaults({
      write: async (write, [bytes, offset, length, at]) => {
        if (offset > 0) throw systemError(fault);
        return write(bytes, offset, Math.floor(length / 2), at);
      },
    }, async () => assert.equal(await code(store.saveMessage("a", says("lost"))), expected));
    assert.equal(statSync(path).size, size);
    assert.equal(await store.countMessages("a"), 0);
    await store.saveMessage("a", says("kept"));
    await store.close();
    await holds(path, ["kept"]);
  }
});

test("a sync that fails takes the write back; where even that fails the outcome is unknown, and nothing more is written", async () => {
  const { path, store } = await prepared();
  let failing = 1;
  const sync = { datasync: (sync) => (failing-- > 0 ? Promise.reject(systemError("EIO")) : sync()) };
  await withFaults(sync, async () => assert.equal(await code(store.saveMessage("a", says("lost"))), "storage"));
  await store.saveMessage("a", says("kept"));
  await withFaults({ datasync: () => Promise.reject(systemError("EIO")) }, async () => {
    assert.equal(await code(store.saveMessage("a", says("unknown"))), "unknown_outcome");
  });
  assert.equal(await code(store.saveMessage("a", says("refused"))), "unknown_outcome");
  await store.close();
  await holds(path, ["kept"]);
});

test("a file that was written anew, and whose name may not be on the disk, acknowledges nothing until it is", { skip: process.platform === "win32" }, async () => {
  const { path, store } = await prepared();
  await store.saveMessage("a", says("before"));
  const folderFails = { sync: async (sync, _, file) => ((await file.stat()).isDirectory() ? Promise.reject(systemError("EIO")) : sync()) };
  await withFaults(folderFails, async () => {
    assert.equal((await store.deleteSession("a-secret", { erase: true })).erasure, "pending");
    assert.equal(await code(store.saveMessage("a", says("lost"))), "storage");
    assert.equal(await store.countMessages("a"), 1);
  });
  await store.saveMessage("a", says("after"));
  await store.close();
  await holds(path, ["before", "after"]);
});

test("somebody else who writes while a write is made: the outcome is unknown, and nothing more is written", async () => {
  const { path, store } = await prepared();
  await withFaults({ datasync: (sync) => { appendFileSync(path, "x"); return sync(); } }, async () => {
    assert.equal(await code(store.saveMessage("a", says("perhaps"))), "unknown_outcome");
  });
  assert.equal(await code(store.saveMessage("a", says("refused"))), "unknown_outcome");
  assert.equal(await store.countMessages("a"), 0);
  await store.close();
  await holds(path, ["perhaps"]);
});

test("writing a file anew that fails leaves the old one, at whatever write", async () => {
  const { path, store } = await prepared();
  await store.saveMessage("a", says("kept"));
  // The deletion itself is a write of its own, and is kept: only a new file is written at its beginning, and synced as a whole.
  const full = () => Promise.reject(systemError("ENOSPC"));
  for (const fault of [{ write: (write, args) => (args[3] === 0 ? full() : write(...args)) }, { sync: full }]) {
    await store.createSession({ id: "b" });
    await withFaults(fault, async () => {
      const { deleted, erasure, reason } = await store.deleteSession("b", { erase: true });
      assert.deepEqual([deleted, erasure], [true, "pending"]);
      assert.match(reason, /could not be written anew \(ENOSPC\)/);
    });
    assert.equal(await store.getSession("b"), null);
    assert.throws(() => statSync(`${path}.new`), { code: "ENOENT" });
  }
  await store.saveMessage("a", says("too"));
  await store.close();
  await holds(path, ["kept", "too"]);
});

test("of writes kept together that do not fit, those that fit alone are kept", async () => {
  const { path, store } = await prepared();
  const room = 2000;
  await withFaults({
    write: (write, [bytes, offset, length, at]) => (length > room ? Promise.reject(systemError("ENOSPC")) : write(bytes, offset, length, at)),
  }, async (calls) => {
    const contents = ["1".repeat(900), "2".repeat(5000), "3".repeat(900), "4".repeat(900)];
    assert.deepEqual(await Promise.all(contents.map((content) => code(store.saveMessage("a", says(content))))), ["no error", "disk_full", "no error", "no error"]);
    assert.equal(calls.write, 5, "together, then one by one");
  });
  assert.deepEqual((await store.getMessages("a")).map((message) => [message.seq, message.content[0]]), [[1, "1"], [2, "3"], [3, "4"]]);
  await store.close();
  await holds(path, ["1".repeat(900), "3".repeat(900), "4".repeat(900)]);
});

test("a file whose maker was stopped before it could be used is begun anew", async () => {
  for (const begun of [Buffer.alloc(0), Buffer.alloc(24), Buffer.alloc(5), Buffer.from("convostore-log1\n")]) {
    const path = fresh();
    writeFileSync(path, begun);
    const store = await Store.open({ path });
    await store.createSession({ id: "a" });
    await store.close();
    await holds(path, []);
  }
  const path = fresh();
  writeFileSync(path, Buffer.alloc(25));
  assert.equal(await code(Store.open({ path })), "unsupported_schema");
  truncateSync(path, 24);
  await (await Store.open({ path })).close();
});

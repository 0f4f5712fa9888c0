// The keeper for Node: an append-only file that nothing tears.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, appendFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Store } from "convostore";
import { temporaryFolder } from "./places.mjs";

const folder = temporaryFolder();
let next = 0;
const fresh = () => join(folder, `${++next}.convostore`);
const code = (promise) => promise.then(() => "no error", (error) => error.code);

test("file and folder are their owner's alone", async () => {
  const path = join(folder, "deep", "er", "a.convostore");
  const store = await Store.open({ path });
  await store.createSession();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, "deep", "er")).mode & 0o777, 0o700);
  await store.deleteSession("nobody", { erase: true });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await store.close();
  assert.deepEqual(readdirSync(join(folder, "deep", "er")), ["a.convostore"]);
});

test("what was acknowledged is there again", async () => {
  const path = fresh();
  let store = await Store.open({ path, ids: () => "a" });
  await store.createSession({ scope: "C1", key: "k", metadata: { n: 2n ** 64n } });
  await store.saveMessages("a", [{ role: "user", content: "Grüße\0" }, { role: "tool", content: { n: [1, -0, 1e300] }, dedupKey: "d", tokenCount: 3 }]);
  await store.setContext("C1", { a: 1 });
  await store.forTenant("beta").createSession();
  const state = async () => [await store.getSession("a"), await store.getMessages("a"), await store.getContext("C1"), await store.stats(), await store.forTenant("beta").stats()];
  const before = await state();
  await store.close();
  store = await Store.open({ path });
  const after = await state();
  before[3].bytes = after[3].bytes;
  assert.deepEqual(after, before);
  assert.deepEqual((await store.check()).problems, []);
  await store.close();
});

test("a torn end is cut off at whatever byte it was torn; everything before is kept", async () => {
  const path = fresh();
  const store = await Store.open({ path });
  await store.createSession({ id: "a" });
  const ends = [statSync(path).size];
  for (let i = 0; i < 3; i++) {
    await store.saveMessage("a", { role: "user", content: `message ${i}` });
    ends.push(statSync(path).size);
  }
  const torn = fresh();
  for (let size = 0; size <= ends.at(-1); size++) {
    copyFileSync(path, torn);
    truncateSync(torn, size);
    const opened = await Store.open({ path: torn });
    const kept = ends.filter((end) => end <= size).length;
    const count = kept === 0 ? await opened.getSession("a") : await opened.countMessages("a");
    assert.equal(count, kept === 0 ? null : kept - 1, `cut at ${size}`);
    // And it goes on from there.
    if (size % 13 === 0 && kept > 0) assert.equal((await opened.saveMessage("a", { role: "user", content: "on" })).seq, kept);
    await opened.close();
  }
  for (const tail of [Buffer.alloc(500), Buffer.from("garbage"), readFileSync(path).subarray(24, 90)]) {
    copyFileSync(path, torn);
    appendFileSync(torn, tail);
    const opened = await Store.open({ path: torn });
    assert.ok((await opened.countMessages("a")) >= 3);
    await opened.close();
  }
  await store.close();
});

test("damage in the middle is corrupted, at whatever byte", async () => {
  const path = fresh();
  const store = await Store.open({ path });
  await store.createSession({ id: "a" });
  for (let i = 0; i < 3; i++) await store.saveMessage("a", { role: "user", content: `message ${i}` });
  const before = statSync(path).size;
  await store.saveMessage("a", { role: "user", content: "last" });
  await store.close();
  const whole = readFileSync(path);
  const damaged = fresh();
  for (let at = 0; at < before; at++) {
    const bytes = Buffer.from(whole);
    bytes[at] ^= 0x55;
    writeFileSync(damaged, bytes);
    const found = await code(Store.open({ path: damaged }));
    assert.ok(found === "corrupted" || (at < 16 && found === "unsupported_schema"), `byte ${at}: ${found}`);
    assert.deepEqual(readFileSync(damaged), bytes, "a damaged file is left as it is");
  }
  writeFileSync(damaged, "Dear diary, this is another program's file\n");
  assert.equal(await code(Store.open({ path: damaged })), "unsupported_schema");
  writeFileSync(damaged, Buffer.concat([Buffer.from("convostore-log2\n"), whole.subarray(16)]));
  assert.equal(await code(Store.open({ path: damaged })), "unsupported_schema");
});

test("what comes before the damage opens in a copy that is cut off there", async () => {
  const path = fresh();
  let store = await Store.open({ path });
  await store.createSession({ id: "a" });
  for (let i = 0; i < 5; i++) await store.saveMessage("a", { role: "user", content: `message ${i}` });
  await store.close();
  const bytes = readFileSync(path);
  bytes[bytes.indexOf("message 3")] ^= 0x55;
  writeFileSync(path, bytes);
  const { details } = await Store.open({ path }).then(assert.fail, (error) => error);
  assert.ok(details.offset > 0);
  const copy = fresh();
  copyFileSync(path, copy);
  truncateSync(copy, details.offset);
  store = await Store.open({ path: copy });
  assert.deepEqual((await store.getMessages("a")).map((message) => message.content), ["message 0", "message 1", "message 2"]);
  assert.deepEqual((await store.check()).problems, []);
  await store.close();
});

test("what is outdated does not pile up, and an append writes no more for a long history", async () => {
  const path = fresh();
  const store = await Store.open({ path });
  await store.createSession({ id: "a" });
  const text = "x".repeat(4000);
  for (let i = 0; i < 1500; i++) await store.setContext("C1", { i, text });
  assert.ok(statSync(path).size < 2_200_000, `${statSync(path).size} bytes`);
  const grown = async () => {
    const before = statSync(path).size;
    await store.saveMessage("a", { role: "user", content: "the same" });
    return statSync(path).size - before;
  };
  const first = await grown();
  await store.saveMessages("a", Array.from({ length: 5000 }, (_, i) => ({ role: "user", content: `message ${i}` })));
  assert.ok((await grown()) <= first + 200);
  await store.close();
  const again = await Store.open({ path });
  assert.equal((await again.getContext("C1")).data.i, 1499);
  assert.equal(await again.countMessages("a"), 5002);
  assert.deepEqual((await again.check()).problems, []);
  await again.close();
});

test("erasing removes the bytes from the file", async () => {
  const path = fresh();
  const store = await Store.open({ path });
  for (const id of ["a", "b"]) {
    await store.createSession({ id });
    await store.saveMessage(id, { role: "user", content: `the secret of ${id}` });
  }
  assert.deepEqual(await store.deleteSession("a", { erase: true }), { deleted: true, erasure: "complete", reason: null });
  assert.ok(!readFileSync(path).includes("the secret of a"));
  assert.ok(readFileSync(path).includes("the secret of b"));
  await store.saveMessage("b", { role: "user", content: "on" });
  await store.close();
});

test("a copy opens by itself, and takes no other's place", async () => {
  const [path, copy] = [fresh(), fresh()];
  const store = await Store.open({ path });
  await store.createSession({ id: "a" });
  await store.backup(copy);
  assert.equal(await code(store.backup(copy)), "already_exists");
  assert.equal(statSync(copy).mode & 0o777, 0o600);
  const other = await Store.open({ path: copy });
  assert.equal((await other.getSession("a")).id, "a");
  await Promise.all([store.close(), other.close()]);
});

test("a full disk is disk_full: nothing has happened, and memory and file agree", { skip: process.platform === "win32" }, async () => {
  const path = fresh();
  const script = `
    import { Store } from "convostore";
    const store = await Store.open({ path: ${JSON.stringify(path)} });
    await store.createSession({ id: "a" });
    let saved = 0, code;
    try { for (;;) { await store.saveMessage("a", { role: "user", content: "x".repeat(5000) }); saved++; } } catch (error) { code = error.code; }
    const small = await store.saveMessage("a", { role: "user", content: "y" }).then((message) => message.seq, (error) => error.code);
    console.log(JSON.stringify([code, saved, await store.countMessages("a"), small]));
    await store.close();`;
  const out = execFileSync("sh", ["-c", `ulimit -f 64; exec "$0" --input-type=module -e '${script}'`, process.execPath], { cwd: import.meta.dirname, encoding: "utf8" });
  const [full, saved, count, small] = JSON.parse(out);
  assert.equal(full, "disk_full");
  assert.equal(count, saved + (typeof small === "number" ? 1 : 0));
  const store = await Store.open({ path });
  assert.equal(await store.countMessages("a"), count);
  await store.close();
});

test("a file that others wrote to or replaced is written no more", async () => {
  const path = fresh();
  let store = await Store.open({ path });
  await store.createSession({ id: "a" });
  appendFileSync(path, "x");
  assert.equal(await code(store.saveMessage("a", { role: "user", content: "x" })), "lock_lost");
  assert.equal(await store.countMessages("a"), 0);
  await store.close();
  store = await Store.open({ path });
  rmSync(path);
  assert.equal(await code(store.touchSession("a")), "lock_lost");
  await store.close();
});

test("opening and closing leaves no descriptor and no file behind", { skip: !existsSync("/proc/self/fd") }, async () => {
  const path = fresh();
  const round = async () => {
    const store = await Store.open({ path });
    await store.getOrCreateSession({ id: "a" });
    assert.equal(await code(Store.open({ path: folder })), "storage");
    await store.close();
  };
  await round();
  const [before, names] = [readdirSync("/proc/self/fd").length, readdirSync(folder)];
  for (let i = 0; i < 300; i++) await round();
  assert.deepEqual([readdirSync("/proc/self/fd").length, readdirSync(folder)], [before, names]);
});

test("what cannot be opened says why", { skip: process.platform === "win32" }, async () => {
  assert.equal(await code(Store.open({ path: folder })), "storage");
  assert.equal(await code(Store.open({ name: "browser" })), "invalid_argument");
  for (const path of ["", "a\0b", 5, undefined]) assert.equal(await code(Store.open({ path })), "invalid_argument");
  writeFileSync(join(folder, "file"), "");
  assert.equal(await code(Store.open({ path: join(folder, "file", "a") })), "storage");
  if (existsSync("/proc/version")) assert.match(await code(Store.open({ path: "/proc/convostore/a" })), /storage|permission_denied|read_only/);
});

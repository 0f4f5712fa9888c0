// One opener at a time, by whatever name, and what becomes of the locks of the dead.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, linkSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BusyError, Store } from "convostore";
import { temporaryFolder } from "./places.mjs";

const folder = temporaryFolder();
let next = 0;
const fresh = () => join(folder, `${++next}.convostore`);
const code = (promise) => promise.then(() => "no error", (error) => error.code);
const locksOf = (path) => readdirSync(folder).filter((name) => name.startsWith(`${path.slice(folder.length + 1)}.lock-`));
const OPEN = `import { Store } from "convostore"; await Store.open({ path: process.argv[1] }).then(() => console.log("opened"), (error) => console.log(error.code));`;
const inAnother = (path, script = OPEN) => execFileSync(process.execPath, ["--input-type=module", "-e", script, path], { cwd: import.meta.dirname, encoding: "utf8" }).trim();

test("one opener at a time; a dead one's lock is taken away", async () => {
  const path = fresh();
  const store = await Store.open({ path });
  await assert.rejects(Store.open({ path }), (error) => {
    assert.ok(error instanceof BusyError);
    assert.equal(error.details.pid, process.pid);
    assert.ok(existsSync(error.details.lock));
    return true;
  });
  assert.equal(inAnother(path), "busy");
  await store.close();
  assert.equal(inAnother(path), "opened"); // and ended without closing
  assert.equal(locksOf(path).length, 1);
  writeFileSync(`${path}.lock-${process.pid}-1-0123456789ab`, ""); // our process id, but of a process that started at another time
  const again = await Store.open({ path });
  await again.close();
  assert.deepEqual(locksOf(path), []);
});

test("only lock files are taken away", async () => {
  const path = fresh();
  const others = ["lock-", "lock-1", `lock-${process.pid}-1-xyz`, "lock-999999999", "lock-999999999-1-0123456789abc", "lock-b"].map((name) => `${path}.${name}`);
  for (const other of others) writeFileSync(other, "precious");
  const store = await Store.open({ path });
  await store.close();
  for (const other of others) assert.ok(existsSync(other), other);
});

test("of many that open at once one is let in", async () => {
  const path = fresh();
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => Store.open({ path }).then((store) => store, (error) => error.code)));
  const stores = outcomes.filter((outcome) => typeof outcome !== "string");
  assert.equal(stores.length, 1);
  assert.ok(outcomes.every((outcome) => typeof outcome !== "string" || outcome === "busy"));
  await stores[0].close();
});

test("of processes that take over a dead one's lock at once one is let in", async () => {
  // Each says whether it was let in, and holds what it has until all have said so.
  const script = `${OPEN} process.stdin.resume(); process.stdin.once("end", () => process.exit());`;
  for (let round = 0; round < 4; round++) {
    const path = fresh();
    inAnother(path);
    assert.equal(locksOf(path).length, 1);
    const children = Array.from({ length: 5 }, () => spawn(process.execPath, ["--input-type=module", "-e", script, path], { cwd: import.meta.dirname, stdio: ["pipe", "pipe", "inherit"] }));
    const said = await Promise.all(children.map((child) => new Promise((done) => child.stdout.once("data", (data) => done(`${data}`.trim())))));
    assert.deepEqual(said.sort(), ["busy", "busy", "busy", "busy", "opened"]);
    await Promise.all(children.map((child) => new Promise((done) => { child.once("close", done); child.stdin.end(); })));
  }
});

test("a symbolic link is the file that it leads to", { skip: process.platform === "win32" }, async () => {
  const [path, link] = [fresh(), fresh()];
  mkdirSync(join(folder, "real"));
  symlinkSync("real", join(folder, "linked"));
  symlinkSync(path, link);
  assert.equal(await code(Store.open({ path: link })), "storage", "that leads nowhere");
  const store = await Store.open({ path });
  assert.equal(await code(Store.open({ path: link })), "busy");
  await store.createSession({ id: "a" });
  await store.close();
  const again = await Store.open({ path: link });
  assert.equal(await code(Store.open({ path })), "busy");
  await again.deleteSession("a", { erase: true });
  await again.createSession({ id: "b" });
  await again.close();
  assert.ok(lstatSync(link).isSymbolicLink());
  const real = await Store.open({ path });
  assert.equal((await real.getSession("b")).id, "b");
  await real.close();
  const inFolder = await Store.open({ path: join(folder, "linked", "a") });
  assert.equal(await code(Store.open({ path: join(folder, "real", "a") })), "busy");
  await inFolder.close();
});

test("a file with two names is refused: each would have a lock of its own", { skip: process.platform === "win32" }, async () => {
  const [path, other] = [fresh(), fresh()];
  await (await Store.open({ path })).close();
  linkSync(path, other);
  for (const name of [path, other]) await assert.rejects(Store.open({ path: name }), { code: "storage", message: /several names/ });
  rmSync(other);
  await (await Store.open({ path })).close();
  assert.deepEqual([locksOf(path), locksOf(other)], [[], []]);
});

test("lock and file are their owner's alone, whatever the umask", { skip: process.platform === "win32" }, async () => {
  const path = fresh();
  const before = process.umask(0);
  try {
    const store = await Store.open({ path });
    await store.createSession({ id: "a" });
    await store.deleteSession("a", { erase: true });
    for (const name of [path, join(folder, locksOf(path)[0])]) assert.equal(statSync(name).mode & 0o777, 0o600, name);
    await store.close();
  } finally {
    process.umask(before);
  }
});

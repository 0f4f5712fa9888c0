// Arguments that are made to deceive: what only looks like bytes, dates and values, and what is far too large. None of it reaches WebAssembly.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { InvalidArgumentError, JsonText, jsonText, Store } from "convostore";
import { temporaryFolder } from "./places.mjs";

const folder = temporaryFolder();
const says = (content, more) => ({ role: "user", content, ...more });
const outcome = (work) => (async () => work())().then((value) => value, (error) => error);
const isInvalid = (error, what) => assert.ok(error instanceof InvalidArgumentError, `${what}: ${error}`);
/** Another realm, as tests have it that run in a sandbox of their own. */
const realm = createContext({});
const there = (code) => runInContext(code, realm);

let store;
before(async () => {
  store = await Store.inMemory();
  await store.createSession({ id: "a" });
});
after(() => store.close());
/** All is as it was: nothing was saved, and WebAssembly still works. */
async function isUnharmed() {
  assert.deepEqual([await store.countMessages("a"), (await store.stats()).sessions, (await store.check()).problems], [0, 1, []]);
}

test("what only looks like bytes is no archive", async () => {
  const bytes = (await store.exportArchive()).archive;
  class Longer extends Uint8Array {
    get length() { return 2 ** 31; }
  }
  const detached = new Uint8Array(8);
  structuredClone(detached, { transfer: [detached.buffer] });
  const gone = new ArrayBuffer(8);
  structuredClone(gone, { transfer: [gone] });
  const fakes = [Object.create(Uint8Array.prototype), new Proxy(bytes, {}), Object.create(ArrayBuffer.prototype), Object.create(Blob.prototype), Object.create(ReadableStream.prototype), { length: 4 }, new Uint16Array(4), detached, gone];
  for (const fake of fakes) {
    isInvalid(await outcome(() => store.importArchive(fake)), `${Object.prototype.toString.call(fake)}`);
    isInvalid(await outcome(() => store.importArchive((async function* () { yield bytes.subarray(0, 3); yield fake; })())), "in a stream");
    await isUnharmed();
  }
  // What is more than it says is taken for what it is.
  for (const odd of [new Longer(bytes), Buffer.from(bytes), new Uint8Array(bytes.buffer, 0)]) assert.equal((await store.importArchive(odd)).unchanged, 1);
  await isUnharmed();
});

test("bytes, dates and values of another realm are taken for what they are", async () => {
  const { archive } = await store.exportArchive();
  realm.archive = archive;
  for (const code of ["Uint8Array.from(archive)", "Uint8Array.from(archive).buffer"]) assert.equal((await store.importArchive(there(code))).unchanged, 1, code);
  const other = await Store.inMemory({ clock: () => there("new Date(5)") });
  const { id, createdAt } = await other.createSession({ metadata: there("({ a: [1] })") });
  const saved = await other.saveMessage(id, says(there("({ b: [null, { c: 1 }] })"), { createdAt: there("new Date(3)") }));
  assert.deepEqual([+createdAt, +saved.createdAt, saved.content, (await other.saveMessages(id, there("[{ role: 'user', content: 'x' }]"))).length], [5, 3, { b: [null, { c: 1 }] }, 1]);
  await other.close();
});

test("what only looks like a date is none", async () => {
  const spoof = { [Symbol.toStringTag]: "Date", getTime: () => 5 };
  const fakes = [spoof, { ...spoof, getTime: undefined }, Object.create(Date.prototype), new Proxy(new Date(0), {}), Object.assign(Object.create(Date.prototype), { getTime: () => "5" })];
  for (const fake of fakes) {
    isInvalid(await outcome(() => store.saveMessage("a", says("x", { createdAt: fake }))), "createdAt");
    const other = await Store.inMemory({ clock: () => fake });
    isInvalid(await outcome(() => other.createSession()), "clock");
    await other.close();
  }
  const other = await Store.inMemory({ clock: () => Object.assign(new Date(7), { getTime: () => ({ valueOf: assert.fail }), valueOf: assert.fail }) });
  assert.equal(+(await other.createSession()).createdAt, 7);
  await other.close();
  await isUnharmed();
});

test("a value that would be written as another is refused", async () => {
  const hidden = (value, name, hide) => Object.defineProperty(value, name, { value: hide, enumerable: false });
  const values = [
    hidden({ a: 1 }, "toJSON", () => "other"), hidden([1], "toJSON", () => undefined), Object.assign([1], { toJSON: () => undefined }), { deep: [hidden({}, "toJSON", () => 1n)] },
    hidden(Object.assign(Object.create(null), { a: 1 }), "toJSON", () => "other"), Object.create({ __proto__: null, toJSON: () => "other" }), { [Symbol("s")]: 1 }, [{ [Symbol("s")]: 1 }],
    Object.create(JsonText.prototype), Object.assign(Object.create(JsonText.prototype), { text: 5 }), Object.assign(jsonText("1"), { text: {} }),
  ];
  for (const value of values) isInvalid(await outcome(() => store.saveMessage("a", says(value))), "content");
  for (const value of values.filter((value) => !Array.isArray(value))) isInvalid(await outcome(() => store.setContext("c", value)), "data");
  await isUnharmed();
});

test("a signal that cannot be left is none", async () => {
  const signal = { aborted: false, throwIfAborted() {}, addEventListener() {} };
  const kept = await Store.open({ path: join(folder, "signal") });
  isInvalid(await outcome(() => kept.createSession({}, { signal })), "signal");
  assert.equal((await kept.stats()).sessions, 0);
  await kept.close();
});

test("texts and values of any size are refused without harm", async () => {
  const huge = "x".repeat(2 ** 29 - 64);
  const large = "\0".repeat(120 << 20);
  const calls = [
    () => store.saveMessage("a", says(huge)), () => store.saveMessage("a", says({ a: huge })), () => store.saveMessage("a", says({ a: large })), () => store.saveMessage("a", says(jsonText(huge))), () => store.saveSummary("a", huge),
    () => store.saveMessages("a", [says(huge), says(huge)]), () => store.saveMessages("a", Array(9).fill(says("x".repeat(60 << 20)))), () => store.setContext("c", { huge }), () => store.createSession({ metadata: { large } }),
    () => store.getSession(huge), () => store.getSessionByKey(huge, huge), () => store.createSession({ id: huge }), () => store.listSessions({ cursor: huge }), () => store.listSessions({ scopePrefix: huge }), () => store.getMessages(huge),
    () => store.saveMessage("a", says("x", { dedupKey: huge })), () => store.saveMessage("a", { role: huge, content: "x" }), () => store.defineLifecycle({ name: huge, initial: "s", statuses: ["s"] }), () => Store.inMemory({ tenant: huge }), () => store.forTenant(huge),
  ];
  for (const call of calls) {
    const error = await outcome(call);
    isInvalid(error, `${call}`);
    assert.ok(error.message.length < 300, `${call}`);
  }
  await isUnharmed();
});

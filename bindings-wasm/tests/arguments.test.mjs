// What callers give by mistake: each is told so by an error of the package, and nothing has happened.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ConvostoreError, InvalidArgumentError, JsonText, Store } from "convostore";
import { temporaryFolder } from "./places.mjs";

const folder = temporaryFolder();
let next = 0;
const fresh = () => join(folder, `${++next}.convostore`);
const says = (content) => ({ role: "user", content });
const outcome = (work) => (async () => work())().then(() => "no error", (error) => error);

/** Calls of everything that waits, with what is to be its `waits`. */
const waiting = (store) => ({
  createSession: (waits) => store.createSession({}, waits), getOrCreateSession: (waits) => store.getOrCreateSession({}, waits), resumeSession: (waits) => store.resumeSession("C", {}, waits),
  updateSession: (waits) => store.updateSession("a", {}, waits), touchSession: (waits) => store.touchSession("a", waits), deleteSession: (waits) => store.deleteSession("a", waits),
  cleanupSessions: (waits) => store.cleanupSessions(waits), saveMessage: (waits) => store.saveMessage("a", says("x"), waits), saveMessages: (waits) => store.saveMessages("a", [says("x")], waits),
  saveSummary: (waits) => store.saveSummary("a", "x", waits), popMessage: (waits) => store.popMessage("a", waits), deleteMessagesBefore: (waits) => store.deleteMessagesBefore("a", 1, waits),
  clearMessages: (waits) => store.clearMessages("a", waits), setContext: (waits) => store.setContext("C", {}, waits), mergeContext: (waits) => store.mergeContext("C", {}, waits),
  deleteContext: (waits) => store.deleteContext("C", waits), defineLifecycle: (waits) => store.defineLifecycle({ name: "l", initial: "s", statuses: ["s"] }, waits),
  importArchive: (waits) => store.importArchive(new Uint8Array(), waits), streamMessages: (waits) => store.streamMessages("a", waits).next(),
});

function isInvalid(error, argument, what) {
  assert.ok(error instanceof InvalidArgumentError, `${what}: ${error}`);
  if (argument !== undefined) assert.equal(error.details.argument, argument, `${what}: ${error}`);
}

/** A proxy that was revoked. */
function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

test("a signal that is none, a misspelt name and what is no object are refused wherever something waits", async () => {
  for (const store of [await Store.inMemory(), await Store.open({ path: fresh() })]) {
    await store.createSession({ id: "a" });
    await store.saveMessage("a", says("x"));
    const before = await store.stats();
    for (const [name, call] of Object.entries(waiting(store))) {
      for (const signal of [new AbortController(), null, 5, "soon", {}, { aborted: false }, revoked()]) isInvalid(await outcome(() => call({ signal })), "signal", name);
      isInvalid(await outcome(() => call({ sginal: AbortSignal.abort() })), "sginal", name);
      for (const waits of [AbortSignal.abort(), new Map(), 5, null, "x", [], () => {}, revoked()]) isInvalid(await outcome(() => call(waits)), undefined, name);
      assert.equal((await outcome(() => call({ signal: AbortSignal.abort() }))).name, "AbortError", name);
    }
    assert.deepEqual(await store.stats(), before);
    await store.close();
  }
  isInvalid(await outcome(() => Store.open({ path: fresh(), signal: new AbortController() })), "signal", "open");
});

test("a signal ends the import of a stream that gives nothing more", async () => {
  const store = await Store.inMemory();
  const cancelled = [];
  const stalled = {
    stream: () => new ReadableStream({ cancel: (reason) => void cancelled.push(reason) }),
    "stream that cannot be cancelled": () => new ReadableStream({ cancel: () => new Promise(() => {}) }),
    iterator: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: async () => void cancelled.push("returned") }) }),
    generator: async function* () { await new Promise(() => {}); },
  };
  for (const [name, make] of Object.entries(stalled)) {
    const stop = new AbortController();
    const reason = new Error(name);
    const importing = outcome(() => store.importArchive(make(), { signal: stop.signal }));
    await pause(5);
    stop.abort(reason);
    assert.equal(await Promise.race([importing, pause(1000, "still waiting")]), reason);
  }
  assert.deepEqual([cancelled[0]?.message, cancelled[1]], ["stream", "returned"]);
  assert.equal((await outcome(() => store.importArchive(new ReadableStream(), { signal: AbortSignal.abort() }))).name, "AbortError");
  await store.close();
});

test("texts that UTF-8 cannot hold are refused, not changed", async () => {
  const store = await Store.inMemory({ ids: () => "\ud800" });
  isInvalid(await outcome(() => store.createSession()), "ids", "ids");
  assert.equal((await store.stats()).sessions, 0);
  await store.close();
  const path = join(folder, "half\ud800");
  isInvalid(await outcome(() => Store.open({ path })), "path", "path");
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith("half")), []);
});

test("what is no object, is revoked, has holes, or is somebody else's", async () => {
  const store = await Store.inMemory();
  await store.createSession({ id: "a" });
  const locked = new ReadableStream();
  locked.getReader();
  const bad = revoked();
  const calls = [
    () => new Store(), () => Reflect.construct(Store, [{}, {}]), () => new JsonText(5), () => store.resumeSession("x", null), () => store.resumeSession("x", 5), () => store.resumeSession("x", []),
    () => store.createSession(bad), () => store.createSession({ metadata: bad }), () => store.createSession({ createdAt: bad }), () => store.createSession({ id: bad }), () => store.listSessions(bad),
    () => store.saveMessage("a", bad), () => store.saveMessage("a", says(bad)), () => store.saveMessage("a", says({ deep: [bad] })), () => store.saveMessages("a", bad), () => store.saveMessages("a", [bad]),
    () => store.saveMessages("a", [, says("x")]), () => store.getMessages("a", { roles: bad }), () => store.getMessages("a", { roles: [, "user"] }), () => store.importArchive(bad), () => store.importArchive(locked),
    () => store.importArchive({ [Symbol.asyncIterator]: 5 }), () => store.exportArchiveTo(bad), () => store.exportArchive(bad), () => store.defineLifecycle(bad), () => store.setContext("c", bad),
    () => store.defineLifecycle({ name: "a", initial: "b", statuses: bad }), () => store.defineLifecycle({ name: "a", initial: "b", statuses: ["b"], moves: [bad] }),
    () => store.defineLifecycle({ name: "a", initial: "b", statuses: ["b"], moves: [, ["b", "b"]] }), () => Store.inMemory(bad), () => Store.inMemory({ roles: bad }), () => Store.inMemory({ roles: [, "x"] }),
  ];
  for (const call of calls) isInvalid(await outcome(call), undefined, `${call}`);
  assert.equal(await store.countMessages("a"), 0);
  await store.close();
});

test("what a getter, a source or a sink throws comes back as it is", async () => {
  const store = await Store.inMemory();
  const own = new RangeError("mine");
  const fails = () => { throw own; };
  const calls = [
    () => store.createSession({ get scope() { return fails(); } }), () => store.createSession(new Proxy({}, { ownKeys: fails })), () => store.importArchive(new ReadableStream({ start: fails })),
    () => store.importArchive(new ReadableStream({ pull: fails })), () => store.importArchive((async function* () { fails(); })()), () => store.exportArchiveTo(new WritableStream({ write: fails })),
  ];
  for (const call of calls) assert.equal(await outcome(call), own, `${call}`);
  await store.close();
});

test("no error repeats an argument of any length", async () => {
  const long = "x".repeat(70_000);
  const store = await Store.inMemory();
  await store.createSession({ id: "a" });
  class Odd {}
  Object.defineProperty(Odd, "name", { value: long });
  const calls = [
    () => store.defineLifecycle({ name: "l", initial: long, statuses: ["s"] }), () => store.defineLifecycle({ name: "l", initial: "s", statuses: ["s"], moves: [["s", long]] }),
    () => store.defineLifecycle({ name: long, initial: "s", statuses: ["s"] }), () => store.createSession({ [long]: 1 }), () => store.createSession({ lifecycle: long }), () => store.createSession({ status: long }),
    () => store.createSession({ id: long }), () => store.updateSession("a", { status: long }), () => store.touchSession(long), () => store.saveMessage("a", { role: long, content: "x" }), () => store.saveMessage("a", says(new Odd())),
    () => store.listSessions({ cursor: long }), () => store.listSessions({ order: long }), () => store.getMessages("a", { roles: [long] }), () => Store.inMemory({ preview: long }), () => Store.inMemory({ ids: long }), () => Store.inMemory({ tenant: long }),
    () => Store.open({ path: join(folder, long) }), () => Store.open({ path: join(folder, "y".repeat(3000)) }), () => Store.open({ [long]: 1 }),
  ];
  for (const call of calls) {
    const error = await outcome(call);
    assert.ok(error instanceof ConvostoreError, `${call}: ${error}`);
    assert.ok(error.message.length < 1000, `${call}: ${error.message.length} characters`);
    for (const value of Object.values(error.details)) assert.ok(String(value).length < 5000, `${call}`);
  }
  await store.close();
});

test("errors name what is named here", async () => {
  const store = await Store.inMemory();
  await store.createSession({ id: "a" });
  const streaming = await outcome(() => store.streamMessages("a", { last: 2 }).next());
  isInvalid(streaming, "last", "streamMessages");
  assert.match(streaming.message, /getMessages/);
  isInvalid(await outcome(() => store.importArchive(new Uint8Array())), "archive", "importArchive");
  await store.close();
});

test("what the core refuses is told with JavaScript's names, and what it quotes stays as it was given", async () => {
  const store = await Store.inMemory();
  const { id } = await store.createSession({ id: "get_messages", scope: "C", key: "dedup_key" });
  const later = new Date(Date.now() + 1e9);
  const wrong = {
    dedupKey: () => store.saveMessage(id, { role: "user", content: "x", dedupKey: "" }),
    tokenCount: () => store.saveMessage(id, { role: "user", content: "x", tokenCount: -1 }),
    role: () => store.saveMessage(id, { role: "nobody", content: "x" }),
    sessionId: () => store.getMessages(""),
    id: () => store.getSession(""),
    createdAt: () => store.createSession({ createdAt: later }),
    lifecycle: () => store.createSession({ lifecycle: "none" }),
    status: () => store.createSession({ status: "none" }),
    limit: () => store.getMessages(id, { limit: 1, last: 1 }),
    scope: () => store.listSessions({ scope: "a", scopePrefix: "a" }),
    metadata: () => store.updateSession(id, { metadata: {}, mergeMetadata: {} }),
    key: () => store.getOrCreateSession({}),
    order: () => store.listSessions({ order: "none" }),
    cursor: () => store.listSessions({ cursor: "none" }),
    ids: () => Store.inMemory({ ids: "none" }),
    preview: () => Store.inMemory({ preview: "none" }),
    name: () => Store.open({ path: fresh(), name: "chat" }),
  };
  for (const [argument, work] of Object.entries(wrong)) {
    const error = await outcome(work);
    isInvalid(error, argument, argument);
    assert.doesNotMatch(error.message.replace("first_spoken", ""), /[a-z]_[a-z]/, argument);
  }
  const taken = await outcome(() => store.createSession({ scope: "C", key: "dedup_key" }));
  assert.match(taken.message, /"dedup_key" already; getOrCreateSession continues it/);
  assert.match((await outcome(() => store.touchSession("get_messages_2"))).message, /"get_messages_2"/);
});

test("a lifecycle without statuses has those that it names", async () => {
  const store = await Store.inMemory();
  const { statuses } = await store.defineLifecycle({ name: "review", initial: "open", moves: [["open", "merged"]], finalStatuses: ["merged", "dropped"] });
  assert.deepEqual(statuses, ["open", "merged", "dropped"]);
});

test("after close the answer is closed, also to arguments that are wrong", async () => {
  const store = await Store.inMemory();
  const names = Object.getOwnPropertyNames(Store.prototype).filter((name) => !["constructor", "tenant", "close", "streamMessages", "forTenant"].includes(name));
  await store.close();
  for (const name of [...names]) for (const args of [[], [5, 5, 5], [null, null, null]]) assert.equal((await outcome(() => store[name](...args))).code, "closed", name);
  assert.equal((await outcome(() => store.streamMessages(5).next())).code, "closed");
  assert.equal((await outcome(() => store.forTenant(5))).code, "closed");
});

test("one signal for many writes is one listener", () => {
  const script = `
    import { getEventListeners } from "node:events";
    import { Store } from "convostore";
    const store = await Store.open({ path: ${JSON.stringify(fresh())} });
    process.on("warning", (warning) => console.log(String(warning)));
    const stop = new AbortController();
    const { signal } = stop;
    await store.createSession({ id: "a" });
    const some = (n) => Array.from({ length: n }, (_, i) => i % 2 ? store.touchSession("a", { signal }) : store.importArchive(new Uint8Array(), { signal }).catch((error) => error.code));
    const running = Promise.all(some(40));
    console.log(getEventListeners(signal, "abort").length);
    await running;
    console.log(getEventListeners(signal, "abort").length);
    const stopped = Promise.allSettled(some(40));
    stop.abort(new Error("enough"));
    console.log((await stopped).filter(({ reason }) => reason?.message === "enough").length > 0);
    console.log(getEventListeners(signal, "abort").length);
    await store.close();
    await new Promise((done) => setTimeout(done, 20));`;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: import.meta.dirname, encoding: "utf8", stdio: "pipe" });
  assert.deepEqual(said.trim().split("\n"), ["1", "0", "true", "0"]);
});

// What must not happen, and what happens when it does.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ConvostoreError, jsonText, NotFoundError, Store } from "convostore";
import { limited, trapping } from "./altered.mjs";
import { temporaryFolder } from "./places.mjs";

const folder = temporaryFolder();
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");
const code = (promise) => promise.then(() => "no error", (error) => (error instanceof ConvostoreError ? error.code : `not ours: ${error}`));

test("after close everything is closed, however often; also on other tenants' stores", async () => {
  for (const open of [() => Store.inMemory(), () => Store.open({ path: join(folder, "closed") })]) {
    const store = await open();
    const other = store.forTenant("other");
    const running = store.createSession();
    await Promise.all([store.close(), other.close(), store.close()]);
    await running;
    await store[Symbol.asyncDispose]();
    const calls = {
      createSession: [], getSession: ["a"], getSessionByKey: ["a", "b"], getOrCreateSession: [{ id: "a" }], resumeSession: ["a"], listSessions: [], updateSession: ["a", {}],
      touchSession: ["a"], deleteSession: ["a"], cleanupSessions: [], saveMessage: ["a", { role: "user", content: "x" }], saveMessages: ["a", []], saveSummary: ["a", "x"],
      getMessages: ["a"], countMessages: ["a"], popMessage: ["a"], deleteMessagesBefore: ["a", 1], clearMessages: ["a"], getContext: ["a"], setContext: ["a", {}],
      mergeContext: ["a", {}], deleteContext: ["a"], listContexts: [], defineLifecycle: [{ name: "a", initial: "b", statuses: ["b"] }], listLifecycles: [], stats: [], check: [],
      exportArchive: [], importArchive: [new Uint8Array()], backup: ["a"], exportArchiveTo: [new WritableStream()],
    };
    for (const closed of [store, other]) {
      for (const [name, args] of Object.entries(calls)) assert.equal(await code(closed[name](...args)), "closed", name);
      assert.equal(await code(closed.streamMessages("a").next()), "closed");
      assert.throws(() => closed.forTenant("x"), { code: "closed" });
    }
    const untried = Object.getOwnPropertyNames(Store.prototype).filter((name) => !(name in calls) && !["constructor", "close", "forTenant", "tenant", "streamMessages"].includes(name));
    assert.deepEqual(untried, []);
  }
});

test("a clock or an id source that calls the store is told so", async () => {
  const outcomes = [];
  let store;
  const path = join(folder, "reentrant");
  for (const open of [(options) => Store.inMemory(options), (options) => Store.open({ ...options, path })]) {
    store = await open({
      clock: () => {
        outcomes.push(code(store.createSession()), code(store.getSession("a")));
        return new Date(0);
      },
      ids: () => {
        outcomes.push(code(store.createSession()), code(store.listSessions()));
        return `${outcomes.length}`;
      },
    });
    await store.createSession();
    assert.deepEqual(await Promise.all(outcomes.splice(0)), ["reentrant", "reentrant", "reentrant", "reentrant"]);
    assert.equal((await store.listSessions()).items.length, 1);
    await store.close();
  }
});

test("what a clock or an id source throws comes back as it is, and nothing has happened", async () => {
  let trouble;
  const own = new RangeError("mine");
  const store = await Store.inMemory({
    clock: () => {
      if (trouble === "clock") throw own;
      return trouble === "invalid" ? new Date(NaN) : trouble === "number" ? 5 : new Date(0);
    },
    ids: () => {
      if (trouble === "ids") throw own;
      return trouble === "no text" ? 5 : "a";
    },
  });
  for (trouble of ["clock", "ids"]) await assert.rejects(store.createSession(), (error) => error === own);
  for (trouble of ["invalid", "number", "no text"]) assert.equal(await code(store.createSession()), "invalid_argument");
  trouble = undefined;
  assert.equal((await store.stats()).sessions, 0);
  await store.createSession();
  await store.close();
});

test("arguments of other types and misspelt names are invalid_argument", async () => {
  const store = await Store.inMemory();
  await store.createSession({ id: "a" });
  const message = (content, more) => store.saveMessage("a", { role: "user", content, ...more });
  const cyclic = {};
  cyclic.self = cyclic;
  class Point {}
  const calls = [
    () => store.getSession(5), () => store.getSession(), () => store.getSession(null), () => store.getSession("\ud800"), () => store.createSession({ scop: "x" }), () => store.createSession([]),
    () => store.createSession({ id: 5 }), () => store.createSession({ metadata: [] }), () => store.createSession({ metadata: "x" }), () => store.createSession({ createdAt: 5 }),
    () => store.createSession({ createdAt: new Date(NaN) }), () => store.listSessions({ limit: 1.5 }), () => store.listSessions({ limit: -1 }), () => store.listSessions({ order: "size" }),
    () => store.saveMessage("a"), () => store.saveMessage("a", { role: "user" }), () => store.saveMessages("a", {}), () => store.saveMessages("a", [{}]), () => store.getMessages("a", { last: "5" }),
    () => message(undefined), () => message({ a: undefined }), () => message([undefined]), () => message([, 1]), () => message(NaN), () => message([Infinity]), () => message(() => 1), () => message(Symbol("x")),
    () => message(new Date()), () => message({ when: new Date() }), () => message(new Map()), () => message(new Set()), () => message(new Point()), () => message(new Uint8Array(2)), () => message(cyclic),
    () => message(jsonText("{oops")), () => message({ a: jsonText("1") }), () => message("x", { tokenCount: -1 }), () => message("x", { tokenCount: 2 ** 53 }), () => message("x", { isSummary: 1 }),
    () => message("x", { dedupKey: "\udc00" }), () => store.cleanupSessions({ olderThan: "1d" }), () => store.resumeSession("a", { idle: -1 }), () => store.setContext("a", null),
    () => store.setContext("a", {}, { expectedRevision: 0.5 }), () => store.importArchive("text"), () => store.importArchive(5), () => store.defineLifecycle(), () => store.exportArchiveTo({}), () => Store.inMemory({ ids: "serial" }),
    () => Store.inMemory({ clock: 5 }), () => Store.inMemory({ tenant: "" }), () => Store.inMemory({ roles: "x" }), () => Store.inMemory({ preview: "last" }), () => Store.inMemory({ name: "x" }), () => store.updateSession("a", { staus: "x" }),
  ];
  for (const call of calls) assert.equal(await code(call()), "invalid_argument", `${call}`);
  assert.equal(await store.countMessages("a"), 0);
  await store.close();
});

test("contents come back as they went in", async () => {
  const store = await Store.inMemory();
  await store.createSession({ id: "a" });
  const values = [
    "", "text", "Grüße \u{1f980}", "\0", "\ud800", "a\udfffb", null, true, 0, -0, 1.5, 1e300, 5e-324, 2 ** 53 - 1, [], {}, [[[]]], { a: { b: [1, "2", null] } },
    2n ** 53n, -(2n ** 63n), 2n ** 64n + 1n, [1n << 100n, { n: -(1n << 80n) }], JSON.parse('{"__proto__":{"a":1},"b":2}'), { "1234567890123456": 1 }, "12345678901234567890",
    JSON.parse('{"a":12345678901234567,"__proto__":{"x":1}}'), Object.assign(Object.create(null), { a: 1 }), { "": "", "\"": "\\" }, " 12345678901234567 ", { escaped: "\"12345678901234567\\" },
  ];
  for (const content of values) {
    const saved = await store.saveMessage("a", { role: "user", content });
    const [read] = await store.getMessages("a", { last: 1 });
    assert.deepEqual(saved.contentJson, read.contentJson);
    // What was a number is one again; beyond 2^53 it is the exact integer.
    const plain = (value) => (typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)])) : Array.isArray(value) ? value.map(plain) : typeof value === "bigint" ? `${value}n` : typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21 ? `${BigInt(value)}n` : value);
    assert.deepStrictEqual(plain(read.content), plain(content));
    assert.deepStrictEqual(plain(saved.content), plain(read.content));
  }
  for (const text of ['{"n":1.0}', "1e400", '"\\u0041"', ' [ 1 , 2 ] ', "123456789012345678901234567890.5", '"\\ud800"', '{"a":1,"a":2}', "-0", "-12345678901234567890"]) {
    await store.saveMessage("a", { role: "user", content: jsonText(text) });
    const [read] = await store.getMessages("a", { last: 1 });
    assert.equal(read.contentJson, text);
  }
  const [big] = await store.getMessages("a", { last: 1 });
  assert.equal(big.content, -12345678901234567890n);
  const message = await store.saveMessage("a", { role: "user", content: JSON.parse('{"__proto__":{"polluted":12345678901234567890}}') });
  assert.equal(message.content.polluted, undefined);
  assert.ok(Object.hasOwn(message.content, "__proto__"));
  await store.close();
});

test("errors are of their class, and carry code and details", async () => {
  const store = await Store.inMemory();
  await assert.rejects(store.touchSession("nobody"), (error) => {
    assert.ok(error instanceof NotFoundError && error instanceof ConvostoreError && error instanceof Error);
    assert.equal(error.name, "NotFoundError");
    assert.deepEqual([error.code, error.details], ["not_found", { session_id: "nobody" }]);
    return true;
  });
  await store.close();
});

test("archives: bytes, blobs, streams and iterators, the same bytes again", async () => {
  const store = await Store.inMemory();
  await store.createSession({ id: "a", metadata: { n: 2n ** 70n } });
  await store.saveMessages("a", Array.from({ length: 3000 }, (_, i) => ({ role: "user", content: `message ${i}` })));
  const { archive, report } = await store.exportArchive();
  assert.equal(report.bytes, archive.length);
  const gathered = [];
  const told = await store.exportArchiveTo(new WritableStream({ write: (piece) => void gathered.push(piece) }));
  assert.deepEqual(told, report);
  assert.deepEqual(Buffer.concat(gathered), Buffer.from(archive));
  const half = archive.length >> 1;
  const parts = [archive.slice(0, half), archive.slice(half)];
  for (const source of [archive, archive.buffer, new Blob([archive]), new Blob(parts).stream(), ReadableStream.from(parts), (async function* () { yield* parts; })()]) {
    const other = await Store.inMemory();
    const { sessions, messages } = await other.importArchive(source);
    assert.deepEqual([sessions, messages], [1, 3000]);
    assert.deepEqual((await other.exportArchive()).archive, archive);
    await other.close();
  }
  await store.close();
});

test("a signal ends a wait; what already runs is completed", async () => {
  const store = await Store.open({ path: join(folder, "signal") });
  await store.createSession({ id: "a" });
  const stop = new AbortController();
  const first = store.saveMessage("a", { role: "user", content: "1" });
  const second = store.saveMessage("a", { role: "user", content: "2" }, { signal: stop.signal });
  const third = store.saveMessage("a", { role: "user", content: "3" });
  stop.abort(new Error("enough"));
  await assert.rejects(second, /enough/);
  assert.deepEqual([(await first).seq, (await third).seq], [1, 2]);
  await assert.rejects(store.touchSession("a", { signal: AbortSignal.abort() }), { name: "AbortError" });
  await store.close();
});

test("until it is kept a write is not seen, and reads do not wait", async () => {
  const store = await Store.open({ path: join(folder, "pending") });
  await store.createSession({ id: "a" });
  const saving = store.saveMessage("a", { role: "user", content: "1" });
  assert.equal(await store.countMessages("a"), 0);
  await saving;
  assert.equal(await store.countMessages("a"), 1);
  await store.close();
});

/** Loads the package with an altered file of WebAssembly, breaks it, and sees what then becomes of it and of what was kept. */
async function assertPoisoned(alter, breaks) {
  const published = readFileSync(createRequire(import.meta.url).resolve("convostore/convostore.wasm"));
  const place = mkdtempSync(join(folder, "poisoned-"));
  const altered = join(place, "altered.wasm");
  writeFileSync(altered, alter(published));
  const script = `
    import { readFileSync } from "node:fs";
    import { init, Store, PoisonedError } from "convostore";
    await init(readFileSync(${JSON.stringify(altered)}));
    const path = ${JSON.stringify(join(place, "kept.convostore"))};
    const kept = await Store.open({ path });
    const memory = await Store.inMemory();
    await kept.createSession({ id: "a" });
    await memory.createSession({ id: "a" });
    await kept.saveMessage("a", { role: "user", content: "kept" });
    const tell = (promise) => promise.then(() => "no error", (error) => [error.code, error instanceof PoisonedError, typeof error.details.cause, /wasm-bindgen|null pointer|recursive/.test(error.message)].join());
    const first = await tell((async () => { ${breaks}; })());
    const then = [await tell(memory.getSession("a")), await tell(kept.getSession("a")), await tell(kept.saveMessage("a", { role: "user", content: "x" }))];
    await memory.close();
    const again = await Store.open({ path });
    const contents = (await again.getMessages("a")).map((message) => message.content);
    await again.saveMessage("a", { role: "user", content: "goes on" });
    const still = await tell(kept.getSession("a"));
    await kept.close();
    await again.close();
    console.log(JSON.stringify({ first, then, contents, still }));`;
  const out = JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: import.meta.dirname, encoding: "utf8" }));
  const poisoned = "poisoned,true,string,false";
  assert.deepEqual(out, { first: poisoned, then: [poisoned, poisoned, poisoned], contents: ["kept"], still: poisoned });
}

test("exhausted memory poisons the instance, and what was kept opens in a new one", async () => {
  await assertPoisoned((wasm) => limited(wasm, 400), 'for (;;) await memory.saveMessage("a", { role: "user", content: "x".repeat(1 << 20) })');
});

test("a trap, as a panic ends in one, poisons the instance, and what was kept opens in a new one", async () => {
  await assertPoisoned((wasm) => trapping(wasm, "corestore_stream_messages"), 'await memory.streamMessages("a").next()');
});

/** Twice, and with a pause: finalizers run after a collection, and what they let go of is collected by the next. */
async function collected() {
  for (let i = 0; i < 2; i++) {
    await new Promise((done) => setTimeout(done, 50));
    gc();
  }
  return process.memoryUsage();
}

test("100,000 stores opened and closed leave nothing behind", async () => {
  const round = async (n) => {
    for (let i = 0; i < n; i++) {
      const store = await Store.inMemory({ ids: () => "a" });
      store.forTenant("other");
      if (i % 10 === 0) await store.createSession();
      await store.close();
    }
    return collected();
  };
  await round(20_000);
  const before = await round(1000);
  const after = await round(100_000);
  const grown = after.heapUsed - before.heapUsed;
  assert.ok(grown < 2 << 20, `${grown} bytes`);
  assert.ok(after.arrayBuffers + after.external - before.arrayBuffers - before.external < 4 << 20, "the memory of WebAssembly grew");
});

// 1,000 in the short form. CONVOSTORE_SOAK_SECONDS: 100,000, or as many as that allows.
test("kept stores opened and closed leave nothing behind", async () => {
  const seconds = process.env.CONVOSTORE_SOAK_SECONDS;
  const path = join(folder, "opened-often");
  const round = async (n, until = Infinity) => {
    for (let i = 0; i < n && performance.now() < until; i++) {
      const store = await Store.open({ path });
      await store.getOrCreateSession({ id: "a" });
      await store.close();
    }
    return collected();
  };
  const before = await round(300);
  const after = await (seconds === undefined ? round(1000) : round(100_000, performance.now() + seconds * 1000));
  const grown = after.heapUsed - before.heapUsed;
  assert.ok(grown < 1 << 20, `${grown} bytes`);
  assert.ok(after.arrayBuffers + after.external - before.arrayBuffers - before.external < 4 << 20, "the memory of WebAssembly grew");
});

test("a kept store that was forgotten lets go of its file, also where it had failed", async () => {
  for (const fails of [false, true]) {
    const path = join(folder, `forgotten-${fails}`);
    const forget = async () => {
      const store = await Store.open({ path });
      await store.createSession({ id: "a" });
      if (!fails) return;
      appendFileSync(path, "somebody else's");
      assert.equal(await code(store.touchSession("a")), "lock_lost");
    };
    const isLocked = () => readdirSync(folder).some((name) => name.startsWith(`forgotten-${fails}.lock-`));
    await forget();
    assert.equal(isLocked(), true);
    for (let i = 0; i < 100 && isLocked(); i++) await collected();
    assert.equal(isLocked(), false, fails ? "it had failed" : "it worked");
  }
});

// In a real browser: what goes wrong around a store. Other versions of the program, data that are cleared, private windows, broken IndexedDB, memory.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browse, serve, skip, until } from "./browser.mjs";
import { limited } from "./altered.mjs";
import { packageFolder } from "./places.mjs";

let server;
let browser;
let folder;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "convostore-"));
  // The next version of the program: the same with another version of the schema, and less patience.
  const later = join(folder, "later");
  cpSync(join(packageFolder, "dist"), later, { recursive: true });
  const open = join(later, "indexeddb", "open.js");
  const text = readFileSync(open, "utf8");
  const changed = text.replace("VERSION = 1;", "VERSION = 2;").replace("10_000", "300");
  assert.equal(changed.length, text.length - 3);
  writeFileSync(open, changed);
  writeFileSync(join(folder, "limited.wasm"), limited(readFileSync(join(packageFolder, "dist", "web", "core_bg.wasm")), 400));
  server = await serve({ "/more/": folder });
  browser = await browse(server.origin);
});
after(async () => {
  await browser?.close();
  await server?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** What a page calls on failures. */
const helpers = () => {
  globalThis.code = (promise) => promise.then(() => "no error", (error) => error.code ?? `not ours: ${error}`);
  globalThis.says = (content) => ({ role: "user", content });
};
async function tab() {
  const page = await browser.tab();
  await page.evaluate(helpers);
  return page;
}

test("a new version of the program takes over from the tabs of the old one, and finds what they kept", { skip }, async () => {
  const [old, fresh] = [await tab(), await tab()];
  await old.evaluate(async () => {
    globalThis.store = await Store.open({ name: "versions" });
    await store.createSession({ id: "a" });
    await store.saveMessage("a", says("by the old one"));
  });
  const found = await fresh.evaluate(async () => {
    const { Store } = await import("/more/later/browser.js");
    globalThis.later = await Store.open({ name: "versions" });
    await later.saveMessage("a", says("by the new one"));
    return (await later.getMessages("a")).map((message) => message.content);
  });
  assert.deepEqual(found, ["by the old one", "by the new one"]);
  const codes = await old.evaluate(async () => [await code(store.saveMessage("a", says("x"))), await code(store.getSession("a")), await code(Store.open({ name: "versions" }))]);
  assert.deepEqual(codes, Array(3).fill("unsupported_schema"));
  await Promise.all([old.close(), fresh.close()]);
});

test("a new version waits for an old tab that does not let go, and then says busy", { skip }, async () => {
  const [old, fresh] = [await tab(), await tab()];
  await old.evaluate(async () => {
    const store = await Store.open({ name: "stuck" });
    await store.createSession({ id: "a" });
    await store.close();
    // A tab that is too busy to hear of it.
    globalThis.held = await new Promise((done) => { const opening = indexedDB.open("convostore/stuck"); opening.onsuccess = () => done(opening.result); });
  });
  const openLater = () => fresh.evaluate(async () => {
    const { Store } = await import("/more/later/browser.js");
    return code(Store.open({ name: "stuck" }).then((store) => store.close()));
  });
  assert.equal(await openLater(), "busy");
  await old.evaluate(() => held.close());
  assert.equal(await openLater(), "no error");
  await Promise.all([old.close(), fresh.close()]);
});

test("a write that is kept is acknowledged, also where the database is taken away while it is made", { skip }, async () => {
  const page = await tab();
  const found = await page.evaluate(async () => {
    const store = await Store.open({ name: "taken" });
    await store.createSession({ id: "a" });
    // The transaction goes on until the next version has asked for the database.
    const { commit } = IDBTransaction.prototype;
    let taking;
    IDBTransaction.prototype.commit = function () {
      IDBTransaction.prototype.commit = commit;
      let isAsked = false;
      this.db.addEventListener("versionchange", () => { isAsked = true; });
      taking = new Promise((done, failed) => {
        const opening = indexedDB.open(this.db.name, 2);
        opening.onerror = failed;
        opening.onsuccess = () => {
          const reading = opening.result.transaction("rows").objectStore("rows").getAll();
          reading.onsuccess = () => done(JSON.stringify(reading.result).includes("to be kept"));
        };
      });
      const meta = this.objectStore("meta");
      const goOn = () => { isAsked ? this.commit() : (meta.get("number").onsuccess = goOn); };
      goOn();
    };
    const { seq } = await store.saveMessage("a", says("to be kept"));
    return [seq, await taking, await code(store.getSession("a"))];
  });
  assert.deepEqual(found, [1, true, "unsupported_schema"]);
  await page.close();
});

test("a database that fails at whatever it is asked for: typed errors, none that nobody hears of, and it goes on", { skip }, async () => {
  const page = await tab();
  const found = await page.evaluate(async () => {
    const failing = async (prototype, name, fail, work) => {
      const original = prototype[name];
      prototype[name] = function (...given) { return fail(() => original.apply(this, given), this); };
      try {
        return await work();
      } finally {
        prototype[name] = original;
      }
    };
    const ways = {
      throws: () => { throw new DOMException("injected", "UnknownError"); },
      "aborts its transaction": (run, it) => { const asked = run(); (it.transaction ?? it).abort(); return asked; },
    };
    let store = await Store.open({ name: "failing" });
    await store.createSession({ id: "a" });
    const wrong = [];
    let saved = 0;
    for (const [way, fail] of Object.entries(ways)) {
      for (const name of ["put", "get", "getAll", "getAllKeys"]) {
        const write = await failing(IDBObjectStore.prototype, name, fail, () => code(store.saveMessage("a", says(name))));
        if (write !== (name === "getAllKeys" ? "no error" : "storage")) wrong.push(`${name} ${way}: writing says ${write}`);
        saved += write === "no error";
        await store.close();
        const open = await failing(IDBObjectStore.prototype, name, fail, () => code(Store.open({ name: "failing" }).then((opened) => opened.close())));
        if (open !== (name === "put" ? "no error" : "storage")) wrong.push(`${name} ${way}: opening says ${open}`);
        store = await Store.open({ name: "failing" });
        await store.saveMessage("a", says("on"));
        saved++;
      }
    }
    if ((await store.countMessages("a")) !== saved) wrong.push(`${await store.countMessages("a")} messages, not ${saved}`);
    return [...wrong, ...(await store.check()).problems];
  });
  assert.deepEqual(found, []);
  assert.deepEqual(browser.trouble, []);
  await page.close();
});

test("data that the browser or the user clears: the store is closed, and the next one is empty", { skip }, async () => {
  const page = await tab();
  await page.evaluate(async () => {
    globalThis.store = await Store.open({ name: "evicted" });
    await store.createSession({ id: "a" });
  });
  const session = await browser.context.newCDPSession(page);
  await session.send("Storage.clearDataForOrigin", { origin: server.origin, storageTypes: "indexeddb" });
  await until(page, async () => (await code(store.getSession("a"))) !== "no error");
  const found = await page.evaluate(async () => {
    const codes = [await code(store.getSession("a")), await code(store.saveMessage("a", says("x")))];
    const again = await Store.open({ name: "evicted" });
    const { sessions } = await again.stats();
    await again.createSession({ id: "b" });
    await again.close();
    return [...codes, sessions];
  });
  assert.deepEqual(found, ["closed", "closed", 0]);
  await page.close();
});

test("persistence is asked for, and a browser that refuses it or has no such thing does not matter", { skip }, async () => {
  const page = await tab();
  const found = await page.evaluate(async () => {
    let asked = 0;
    const outcomes = [];
    for (const persist of [async () => { asked++; return false; }, async () => { asked++; throw new Error("no"); }, undefined]) {
      Object.defineProperty(navigator.storage, "persist", { value: persist, configurable: true });
      outcomes.push(await code(Store.open({ name: "persist" }).then((store) => store.close())));
    }
    return [asked, outcomes];
  });
  assert.deepEqual(found, [2, ["no error", "no error", "no error"]]);
  await page.close();
});

test("where IndexedDB is forbidden or broken, or there are no Web Locks, opening is unsupported", { skip }, async () => {
  const page = await tab();
  const found = await page.evaluate(async () => {
    const { open } = IDBFactory.prototype;
    const outcomes = [];
    for (const broken of [
      () => { throw new DOMException("denied", "SecurityError"); },
      () => { const request = {}; setTimeout(() => { request.error = new DOMException("A mutation operation was attempted", "InvalidStateError"); request.onerror(); }); return request; },
      () => { const request = {}; setTimeout(() => { request.error = new DOMException("Internal error", "UnknownError"); request.onerror(); }); return request; },
    ]) {
      IDBFactory.prototype.open = broken;
      outcomes.push(await code(Store.open({ name: "broken" })));
    }
    IDBFactory.prototype.open = open;
    Object.defineProperty(navigator, "locks", { value: undefined });
    outcomes.push(await code(Store.open({ name: "broken" })), await code(Store.inMemory().then((store) => store.close())));
    return outcomes;
  });
  assert.deepEqual(found, ["unsupported", "unsupported", "unsupported", "unsupported", "no error"]);
  await page.close();
});

test("a private window keeps as long as it is open", { skip }, async () => {
  const window = await browser.privately();
  try {
    const page = await window.newPage();
    await page.goto(server.origin);
    await page.waitForFunction("globalThis.ready");
    await page.evaluate(async () => { const store = await Store.open({ name: "private" }); await store.createSession({ id: "a" }); });
    await page.reload();
    await page.waitForFunction("globalThis.ready");
    assert.equal(await page.evaluate(async () => (await (await Store.open({ name: "private" })).stats()).sessions), 1);
  } finally {
    await window.close();
  }
  const next = await browser.privately();
  try {
    const page = await next.newPage();
    await page.goto(server.origin);
    await page.waitForFunction("globalThis.ready");
    assert.equal(await page.evaluate(async () => (await (await Store.open({ name: "private" })).stats()).sessions), 0);
  } finally {
    await next.close();
  }
});

test("an append writes no more for a long history", { skip }, async () => {
  const page = await tab();
  const found = await page.evaluate(async () => {
    const store = await Store.open({ name: "long" });
    await store.createSession({ id: "a" });
    const { put } = IDBObjectStore.prototype;
    let written = [];
    IDBObjectStore.prototype.put = function (value, ...key) {
      written.push(JSON.stringify([value, key]).length);
      return put.call(this, value, ...key);
    };
    const append = async () => {
      written = [];
      await store.saveMessage("a", says("the same"));
      return [written.length, written.reduce((sum, size) => sum + size, 0)];
    };
    const first = await append();
    await store.saveMessages("a", Array.from({ length: 5000 }, (_, i) => says(`message ${i}`)));
    return [first, await append()];
  });
  const [[puts, characters], [then, more]] = found;
  assert.equal(then, puts);
  assert.ok(more < characters + 200, `${found}`);
  await page.close();
});

test("writes that wait are kept in one transaction; a large one reaches other tabs too", { skip }, async () => {
  const [one, two] = [await tab(), await tab()];
  for (const page of [one, two]) await page.evaluate(async () => { globalThis.store = await Store.open({ name: "groups" }); });
  const found = await one.evaluate(async () => {
    let transactions = 0;
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (names, mode, ...more) {
      if (mode === "readwrite") transactions++;
      return transaction.call(this, names, mode, ...more);
    };
    await store.createSession({ id: "a" });
    transactions = 0;
    const saved = await Promise.all(Array.from({ length: 100 }, (_, i) => (i === 50 ? code(store.touchSession("nobody")) : store.saveMessage("a", says(`${i}`)))));
    const together = transactions;
    await store.saveMessage("a", says("x".repeat(1 << 20)));
    return [saved.filter((each) => each === "not_found").length, saved.at(-1).seq, together];
  });
  assert.deepEqual(found, [1, 99, 2]);
  await until(two, async () => (await code(store.countMessages("a"))) === "no error" && (await store.countMessages("a")) === 100);
  assert.deepEqual(await two.evaluate(async () => [(await store.getMessages("a", { last: 1 }))[0].content.length, (await store.saveMessage("a", says("on"))).seq]), [1 << 20, 101]);
  await Promise.all([one.close(), two.close()]);
});

test("two stores of one name in one page write by turns", { skip }, async () => {
  const page = await tab();
  const found = await page.evaluate(async () => {
    const stores = [await Store.open({ name: "twice" }), await Store.open({ name: "twice" })];
    await stores[0].createSession({ id: "a" });
    const saved = await Promise.all(Array.from({ length: 60 }, (_, i) => stores[i % 2].saveMessage("a", says(`${i}`))));
    const last = await stores[0].saveMessage("a", says("last"));
    await stores[0].close();
    return [saved.map((message) => message.seq).sort((a, b) => a - b), last.seq, (await stores[1].saveMessage("a", says("on"))).seq, (await stores[1].check()).problems];
  });
  assert.deepEqual(found, [Array.from({ length: 60 }, (_, i) => i + 1), 61, 62, []]);
  await page.close();
});

test("exhausted memory poisons the instance, lets go of the lock, and what was kept opens in a new one", { skip }, async () => {
  const [page, other] = [await tab(), await tab()];
  const found = await page.evaluate(async () => {
    const { init, PoisonedError, Store } = api;
    await init("/more/limited.wasm");
    const [kept, memory] = [await Store.open({ name: "poisoned" }), await Store.inMemory()];
    await kept.createSession({ id: "a" });
    await kept.saveMessage("a", says("kept"));
    await memory.createSession({ id: "a" });
    const first = await code((async () => { for (;;) await memory.saveMessage("a", says("x".repeat(1 << 20))); })());
    const then = [await code(memory.getSession("a")), await code(kept.saveMessage("a", says("x")))];
    const isClass = await kept.getSession("a").catch((error) => error instanceof PoisonedError && typeof error.details.cause === "string");
    const again = await Store.open({ name: "poisoned" });
    const { seq } = await again.saveMessage("a", says("goes on"));
    return [first, ...then, isClass, seq];
  });
  assert.deepEqual(found, ["poisoned", "poisoned", "poisoned", true, 2]);
  assert.equal(await other.evaluate(async () => (await (await Store.open({ name: "poisoned" })).saveMessage("a", says("from another tab"))).seq), 3);
  await Promise.all([page.close(), other.close()]);
});

test("how fast a kept store opens", { skip }, async (t) => {
  const page = await tab();
  const { megabytes, seconds } = await page.evaluate(async () => {
    let store = await Store.open({ name: "large" });
    const text = "The quick brown fox jumps over the lazy dog. ".repeat(7).slice(0, 300);
    for (let i = 0; i < 20; i++) {
      await store.createSession({ id: `${i}` });
      await store.saveMessages(`${i}`, Array.from({ length: 1000 }, () => says(text)));
    }
    await store.close();
    const start = performance.now();
    store = await Store.open({ name: "large" });
    const seconds = (performance.now() - start) / 1000;
    const { messages } = await store.stats();
    await store.close();
    return { megabytes: (messages * 300) / 1e6, seconds };
  });
  assert.equal(megabytes, 6);
  t.diagnostic(`${megabytes} MB of text in ${(seconds * 1000).toFixed(0)} ms: ${(megabytes / seconds).toFixed(0)} MB/s`);
  await page.close();
});

test("no page had an error or asked another host", { skip }, () => {
  assert.deepEqual(browser.trouble, []);
});

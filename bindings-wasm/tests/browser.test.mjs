// In a real browser: the scenarios in memory and kept; reload, a tab that is killed, tabs that write together, a full quota, a newer schema.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { browse, serve, skip, until } from "./browser.mjs";
import { scenarioFolder } from "./places.mjs";

let server;
let browser;

before(async () => {
  if (skip) return;
  server = await serve();
  browser = await browse(server.origin);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test("the scenarios, in memory and kept", { skip }, async (t) => {
  const page = await browser.tab();
  const files = readdirSync(scenarioFolder, { recursive: true }).filter((name) => name.endsWith(".json")).sort();
  for (const name of files) {
    const text = readFileSync(join(scenarioFolder, name), "utf8");
    for (const kind of ["memory", "kept"]) {
      await t.test(`${kind} ${name}`, async () => {
        const failed = await page.evaluate(async ([text, kind, name]) => {
          const world =
            kind === "memory"
              ? { api, open: (options) => Store.inMemory(options) }
              : {
                  api,
                  reopens: true,
                  open: (options) => Store.open({ ...options, name }),
                  clear: () => new Promise((done, failed) => {
                    const deleting = indexedDB.deleteDatabase(`convostore/${name}`);
                    deleting.onsuccess = done;
                    deleting.onerror = failed;
                  }),
                };
          try {
            await runScenario(JSON.parse(text), world);
          } catch (error) {
            return `${error.stack}`;
          }
        }, [text, kind, name]);
        assert.equal(failed, undefined);
      });
    }
  }
  await page.close();
});

test("what is kept survives a reload", { skip }, async () => {
  const page = await browser.tab();
  await page.evaluate(async () => {
    globalThis.store = await Store.open({ name: "reload" });
    const session = await store.createSession({ id: "a", metadata: { big: 2n ** 64n } });
    await store.saveMessage(session.id, { role: "user", content: "before the reload" });
  });
  await page.reload();
  await page.waitForFunction("globalThis.ready");
  const found = await page.evaluate(async () => {
    const store = await Store.open({ name: "reload" });
    const [message] = await store.getMessages("a");
    const session = await store.getSession("a");
    await store.close();
    return [message.content, session.metadataJson];
  });
  assert.deepEqual(found, ["before the reload", '{"big":18446744073709551616}']);
  await page.close();
});

test("two tabs write at once: nothing is lost or doubled, and the numbers have no gap", { skip }, async () => {
  const tabs = await Promise.all([browser.tab(), browser.tab()]);
  await tabs[0].evaluate(async () => {
    const store = await Store.open({ name: "tabs" });
    await store.createSession({ id: "a" });
    await store.close();
  });
  const saved = await Promise.all(tabs.map((tab, which) => tab.evaluate(async (which) => {
    globalThis.store = await Store.open({ name: "tabs" });
    const saved = [];
    for (let i = 0; i < 60; i++) saved.push((await store.saveMessage("a", { role: "user", content: `${which}-${i}`, dedupKey: `${which}-${i}` })).seq);
    return saved;
  }, which)));
  assert.deepEqual(saved.flat().sort((a, b) => a - b), Array.from({ length: 120 }, (_, i) => i + 1));
  for (const tab of tabs) {
    // Without a write of its own a tab learns of the others' by their broadcast.
    await until(tab, async () => (await store.countMessages("a")) === 120);
    const contents = await tab.evaluate(async () => (await store.getMessages("a")).map((message) => message.content));
    assert.equal(new Set(contents).size, 120);
    assert.deepEqual(await tab.evaluate(async () => (await store.check()).problems), []);
  }
  await Promise.all(tabs.map((tab) => tab.close()));
});

test("a tab that was away for long loads everything anew", { skip }, async () => {
  const [writer, reader] = await Promise.all([browser.tab(), browser.tab()]);
  await reader.evaluate(async () => {
    globalThis.store = await Store.open({ name: "away" });
    await store.createSession({ id: "a" });
  });
  await writer.evaluate(async () => {
    const store = await Store.open({ name: "away" });
    // More changes than are remembered, in a burst that the other tab cannot follow because it is busy.
    for (let i = 0; i < 300; i++) await store.saveMessage("a", { role: "user", content: `${i}` });
    await store.deleteSession("a", { erase: true });
    await store.createSession({ id: "b" });
    await store.close();
  });
  const found = await reader.evaluate(async () => {
    await store.createSession({ id: "c" });
    return [(await store.listSessions()).items.map((session) => session.id).sort(), (await store.check()).problems];
  });
  assert.deepEqual(found, [["b", "c"], []]);
  await Promise.all([writer.close(), reader.close()]);
});

test("a tab killed in the middle harms nobody, and nothing acknowledged is lost", { skip }, async () => {
  const witness = await browser.tab();
  await witness.evaluate(async () => {
    globalThis.store = await Store.open({ name: "killed" });
    await store.createSession({ id: "a" });
  });
  let acknowledged = 0;
  for (let round = 0; round < 5; round++) {
    const victim = await browser.context.newPage();
    let begun;
    const writes = new Promise((done) => { begun = done; });
    await victim.exposeFunction("acknowledge", (count) => { acknowledged = count; begun(); });
    await victim.goto(server.origin);
    await victim.waitForFunction("globalThis.ready");
    const writing = victim.evaluate(async () => {
      const store = await Store.open({ name: "killed" });
      for (;;) await acknowledge((await store.saveMessage("a", { role: "user", content: "x" })).seq);
    });
    await Promise.race([writes, writing]);
    writing.catch(() => {});
    await pause(round * 17);
    // The renderer is killed, not asked.
    const crashed = new Promise((done) => victim.once("crash", done));
    (await browser.context.newCDPSession(victim)).send("Page.crash").catch(() => {});
    await crashed;
    victim.close().catch(() => {});
    const seq = await witness.evaluate(async () => (await store.saveMessage("a", { role: "assistant", content: "y" })).seq);
    assert.ok(seq > acknowledged, `${seq} after ${acknowledged}`);
  }
  const seqs = await witness.evaluate(async () => (await store.getMessages("a")).map((message) => message.seq));
  assert.deepEqual(seqs, seqs.map((_, i) => i + 1));
  assert.deepEqual(await witness.evaluate(async () => (await store.check()).problems), []);
  await witness.close();
});

test("a full quota is disk_full, and memory and database agree", { skip }, async (t) => {
  // A browser of its own: each remembers for a while how much room there is.
  const small = await browse(server.origin);
  t.after(() => small.close());
  const page = await small.tab();
  const session = await small.context.newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 8 << 20 });
  const result = await page.evaluate(async () => {
    globalThis.store = await Store.open({ name: "quota" });
    await store.createSession({ id: "a" });
    return (await store.saveMessage("a", { role: "user", content: "first" })).seq;
  });
  assert.equal(result, 1);
  const code = await page.evaluate(async () => {
    try {
      // Noise, since what is alike takes no room.
      const noise = () => Array.from(crypto.getRandomValues(new Uint16Array(1 << 15)), (n) => n.toString(36)).join("");
      for (let i = 0; i < 200; i++) await store.saveMessage("a", { role: "user", content: noise() + noise() });
    } catch (error) {
      return error.code;
    }
  });
  assert.equal(code, "disk_full");
  await session.send("Storage.overrideQuotaForOrigin", { origin: server.origin });
  const found = await page.evaluate(async () => {
    const before = (await store.getMessages("a")).map((message) => message.seq);
    const { seq } = await store.saveMessage("a", { role: "user", content: "afterwards" });
    await store.close();
    const again = await Store.open({ name: "quota" });
    const after = (await again.getMessages("a")).map((message) => message.seq);
    await again.close();
    return { before, seq, after };
  });
  assert.equal(found.seq, found.before.length + 1);
  assert.deepEqual(found.after, [...found.before, found.seq]);
  await page.close();
});

test("a newer schema takes over: the old tab says so, and so does opening", { skip }, async () => {
  const [old, fresh] = await Promise.all([browser.tab(), browser.tab()]);
  await old.evaluate(async () => {
    globalThis.store = await Store.open({ name: "schema" });
    await store.createSession({ id: "a" });
  });
  await fresh.evaluate(() => new Promise((done, failed) => {
    const opening = indexedDB.open("convostore/schema", 2);
    opening.onsuccess = () => {
      opening.result.close();
      done();
    };
    opening.onerror = opening.onblocked = failed;
  }));
  const codes = await old.evaluate(async () => {
    const code = async (work) => {
      try {
        await work();
      } catch (error) {
        return error.code;
      }
    };
    return [await code(() => store.saveMessage("a", { role: "user", content: "x" })), await code(() => store.getSession("a")), await code(() => Store.open({ name: "schema" }))];
  });
  assert.deepEqual(codes, ["unsupported_schema", "unsupported_schema", "unsupported_schema"]);
  await Promise.all([old.close(), fresh.close()]);
});

test("without IndexedDB opening is unsupported, and memory still works; a signal ends the wait for another tab", { skip }, async () => {
  const page = await browser.tab();
  const found = await page.evaluate(async () => {
    const store = await Store.open({ name: "signal" });
    await store.createSession({ id: "a" });
    let release;
    const held = new Promise((locked) => navigator.locks.request("convostore/signal", () => new Promise((done) => { release = done; locked(); })));
    await held;
    const stop = new AbortController();
    const waiting = store.saveMessage("a", { role: "user", content: "x" }, { signal: stop.signal }).then(() => "saved", (error) => error.name);
    setTimeout(() => stop.abort(), 50);
    const outcome = await waiting;
    const read = await store.countMessages("a");
    release();
    const { seq } = await store.saveMessage("a", { role: "user", content: "y" });
    await store.close();
    Object.defineProperty(globalThis, "indexedDB", { value: undefined });
    const code = await Store.open({ name: "none" }).then(() => "opened", (error) => error.code);
    const memory = await Store.inMemory();
    await memory.createSession();
    await memory.close();
    return [outcome, read, seq, code];
  });
  assert.deepEqual(found, ["AbortError", 0, 1, "unsupported"]);
  await page.close();
});

test("in a dedicated worker", { skip }, async () => {
  const page = await browser.tab();
  const seq = await page.evaluate(() => new Promise((done, failed) => {
    const code = `
      import { Store } from ${JSON.stringify(`${location.origin}/package/dist/browser.js`)};
      const store = await Store.open({ name: "worker" });
      const session = await store.getOrCreateSession({ id: "a" });
      postMessage((await store.saveMessage(session.id, { role: "user", content: "from a worker" })).seq);`;
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
    worker.onmessage = (event) => done(event.data);
    worker.onerror = failed;
  }));
  assert.equal(seq, 1);
  await page.close();
});

test("no page had an error or asked another host", { skip }, () => {
  assert.deepEqual(browser.trouble, []);
});

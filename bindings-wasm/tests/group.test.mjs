// Writes that wait for the same turn: kept together, and yet each as if it were alone.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Store } from "convostore";
import { random, seed } from "./chance.mjs";
import { systemError, withFaults } from "./faults.mjs";
import { temporaryFolder } from "./places.mjs";

const folder = temporaryFolder();
let next = 0;
const fresh = () => join(folder, `${++next}.convostore`);
const says = (content, more) => ({ role: "user", content, ...more });
const outcome = (promise) => promise.then((value) => value, (error) => `${error.code}: ${error.message}`);

test("writes that wait are kept in one sync, in the order in which they were made", async () => {
  const path = fresh();
  let store = await Store.open({ path });
  await store.createSession({ id: "a" });
  const { datasync } = await withFaults({ datasync: (sync) => sync() }, async () => {
    const saved = await Promise.all(Array.from({ length: 300 }, (_, i) => store.saveMessage("a", says(`${i}`))));
    assert.deepEqual(saved.map((message) => message.seq), Array.from({ length: 300 }, (_, i) => i + 1));
  });
  assert.equal(datasync, 3, "groups of 128");
  await store.close();
  store = await Store.open({ path });
  assert.deepEqual((await store.getMessages("a")).map((message) => message.content), Array.from({ length: 300 }, (_, i) => `${i}`));
  await store.close();
});

test("one that fails takes no other along, and what depends on another in its group is decided when that is kept", async () => {
  const path = fresh();
  const store = await Store.open({ path });
  let acknowledged = 0;
  const { datasync } = await withFaults({ datasync: async (sync) => { await sync(); acknowledged++; } }, async () => {
    const said = await Promise.all([
      outcome(store.createSession({ id: "a" })).then((session) => session.id),
      outcome(store.saveMessage("nobody", says("x"))).then((text) => [text.slice(0, 9), acknowledged]),
      outcome(store.saveMessage("a", says("1"))).then((message) => message.seq),
      outcome(store.createSession({ id: "a" })).then((text) => [text.slice(0, 14), acknowledged]),
      outcome(store.saveMessage("a", says("2"), { expectedRevision: 99 })).then((text) => text.slice(0, 8)),
      outcome(store.saveMessage("a", says("2"))).then((message) => message.seq),
    ]);
    assert.deepEqual(said, ["a", ["not_found", 1], 1, ["already_exists", 2], "conflict", 2]);
  });
  assert.equal(datasync, 3);
  await store.close();
});

test("an id is drawn once for each session, also where its group is prepared again", async () => {
  let drawn = 0;
  const store = await Store.open({ path: fresh(), ids: () => `id-${++drawn}` });
  const made = await Promise.all([
    store.createSession(), store.createSession(), outcome(store.touchSession("nobody")), store.createSession(), outcome(store.touchSession("nobody")), store.createSession(),
  ]);
  assert.deepEqual(made.filter((each) => typeof each !== "string").map((session) => session.id), ["id-1", "id-2", "id-3", "id-4"]);
  assert.equal(drawn, 4);
  await store.close();
});

test("tenants do not meet in a group", async () => {
  const store = await Store.open({ path: fresh() });
  const other = store.forTenant("other");
  const made = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 3 ? store : other).createSession({ id: `${i}` })));
  assert.equal(made.length, 20);
  assert.deepEqual([(await store.stats()).sessions, (await other.stats()).sessions], [13, 7]);
  assert.equal(await other.getSession("1"), null);
  await store.close();
});

test("a signal takes a write out of its group, others stay", async () => {
  const store = await Store.open({ path: fresh() });
  await store.createSession({ id: "a" });
  const stop = new AbortController();
  const first = store.saveMessage("a", says("first"));
  const saves = ["a", "b", "c"].map((text, i) => store.saveMessage("a", says(text), i === 1 ? { signal: stop.signal } : {}));
  const alone = store.forTenant("other").createSession({ id: "a" }, { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(saves[1], /enough/);
  await assert.rejects(alone, /enough/);
  await Promise.all([first, saves[0], saves[2]]);
  assert.deepEqual((await store.getMessages("a")).map((message) => message.content), ["first", "a", "c"]);
  assert.equal((await store.forTenant("other").stats()).sessions, 0);
  await store.close();
});

/** An operation that any store can be asked for. */
function operation(pick) {
  const id = ["a", "b", "c"][pick(3)];
  const text = `text ${pick(6)}`;
  return [
    (store) => store.createSession({ id, scope: "C1", key: `k${pick(2)}` }),
    (store) => store.getOrCreateSession({ scope: "C1", key: id }),
    (store) => store.resumeSession("C1"),
    (store) => store.saveMessage(id, says(text)),
    (store) => store.saveMessage(id, says(text, { dedupKey: `d${text.length % 4}` })),
    (store) => store.saveMessages(id, [says(text), says("more")], { update: { mergeMetadata: { text } } }),
    (store) => store.saveMessage(id, says(text), { expectedRevision: pick(8) }),
    (store) => store.popMessage(id),
    (store) => store.clearMessages(id),
    (store) => store.updateSession(id, { status: ["active", "paused", "terminated"][pick(3)] }),
    (store) => store.deleteSession(id),
    (store) => store.mergeContext("C1", { [id]: text }),
    (store) => store.deleteContext("C1"),
    (store) => store.cleanupSessions({ olderThan: 0, status: "terminated" }),
    (store) => store.defineLifecycle({ name: `l${pick(2)}`, initial: text, statuses: [text] }),
    (store) => store.createSession({ id: `${id}-l`, lifecycle: `l${pick(2)}` }),
  ][pick(16)];
}

test("writes made at once give what they give one after the other, on a disk that fails now and then too", async () => {
  const start = seed();
  const pick = random(start);
  try {
    for (let round = 0; round < 25; round++) {
      let drawn = 0;
      const options = { clock: () => new Date(1e12 + round), ids: () => `id-${++drawn}` };
      const path = fresh();
      const kept = await Store.open({ ...options, path });
      const operations = Array.from({ length: 60 }, () => {
        const numbers = pick(2 ** 32);
        return (store) => operation(random(numbers))(store);
      });
      const isFailing = round % 5 === 4;
      let together;
      // A sync that failed is tried again by those it failed for, alone; so what one call sees is not known, but that all is well in the end.
      const datasync = (sync) => (isFailing && pick(3) === 0 ? Promise.reject(systemError("EIO")) : sync());
      await withFaults({ datasync }, async () => {
        together = await Promise.all(operations.map((run) => outcome(run(kept))));
      }).catch((error) => assert.fail(error));
      if (!isFailing) {
        drawn = 0;
        const alone = await Store.inMemory(options);
        for (const [i, run] of operations.entries()) assert.deepEqual(together[i], await outcome(run(alone)), `operation ${i} of round ${round}: ${run}`);
        assert.deepEqual((await kept.exportArchive()).archive, (await alone.exportArchive()).archive);
        await alone.close();
      }
      const before = (await kept.exportArchive()).archive;
      assert.deepEqual((await kept.check()).problems, []);
      const unknown = together.some((each) => typeof each === "string" && each.startsWith("unknown_outcome"));
      await kept.close();
      const again = await Store.open({ ...options, path });
      if (!unknown) assert.deepEqual((await again.exportArchive()).archive, before);
      assert.deepEqual((await again.check()).problems, []);
      await again.close();
    }
  } catch (error) {
    console.error(`CONVOSTORE_SEED=${start}`);
    throw error;
  }
});

// Messages cross as bytes that are written and read in place: every text comes back as it was given, whatever its length, and whatever went before it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { jsonText, Store } from "convostore";

let store;
before(async () => {
  store = await Store.inMemory({ roles: ["critic", "prüfer", "評"] });
});
after(() => store.close());

/** One, two, three and four bytes of UTF-8; what decoders like to swallow; and what JSON escapes. */
const SIGNS = { ascii: "a", umlaut: "ü", han: "漢", emoji: "😀", mark: "\ufeff", nul: "\0", quote: "\"\\\n" };
/** Around the lengths at which a text is encoded beforehand, and the inbox is made larger or given back. */
const LENGTHS = [0, 1, 2, 23, 24, 25, 5_450, 5_470, 16_383, 16_384, 16_385, 21_845, 65_535, 65_536, 65_537, 200_000];

/** What a message says, for comparing. */
const told = ({ seq, role, content, contentJson, tokenCount, isSummary, dedupKey, createdAt }) => ({ seq, role, content, contentJson, tokenCount, isSummary, dedupKey, createdAt });
const all = async (stream) => {
  const list = [];
  for await (const each of stream) list.push(each);
  return list;
};

/** Saves these, and looks at them by every way out. */
async function isKept(id, messages, save) {
  const saved = await save();
  assert.deepEqual(saved.map(({ role, content }) => ({ role, content })), messages.map(({ role, content }) => ({ role, content })));
  const expected = saved.map(told);
  assert.deepEqual((await store.getMessages(id)).map(told), expected);
  assert.deepEqual((await all(store.streamMessages(id))).map(told), expected);
  assert.deepEqual(told(await store.popMessage(id)), expected.at(-1));
  assert.deepEqual((await store.getMessages(id)).map(told), expected.slice(0, -1));
}

for (const [name, sign] of Object.entries(SIGNS)) {
  test(`texts of every length come back: ${name}`, async () => {
    const texts = LENGTHS.map((length) => sign.repeat(length));
    const id = `one-${name}-ü`;
    await store.createSession({ id });
    // A short one after each, so that it is seen what the long one left.
    const messages = texts.flatMap((content) => [{ role: "user", content }, { role: "prüfer", content: `${sign}!` }]);
    await isKept(id, messages, async () => {
      const saved = [];
      for (const message of messages) saved.push(await store.saveMessage(id, message));
      return saved;
    });
    const batch = `batch-${name}`;
    await store.createSession({ id: batch });
    await isKept(batch, messages, () => store.saveMessages(batch, messages));
  });
}

test("what few messages have comes back with them, and only where they have it", async () => {
  const id = "漢字";
  await store.createSession({ id });
  const at = new Date(Date.UTC(2024, 1, 29));
  const given = [
    { role: "user", content: "plain" },
    { role: "評", content: "", dedupKey: "schlüssel 😀" },
    { role: "critic", content: jsonText('{"n": 1.50, "big": 9007199254740993, "__proto__": {"a": "\\u0041"}}'), tokenCount: 0 },
    { role: "tool", content: { __proto__: null, ["__proto__"]: [1n, -0] }, tokenCount: 2 ** 53 - 1, isSummary: true, dedupKey: "k", createdAt: at },
    { role: "critic", content: "half \ud800 of a pair" },
    { role: "user", content: null },
  ];
  const saved = await store.saveMessages(id, given);
  const read = await store.getMessages(id);
  assert.deepEqual(read.map(told), saved.map(told));
  assert.deepEqual(read.map(({ role }) => role), given.map(({ role }) => role));
  assert.deepEqual(read.map(({ dedupKey }) => dedupKey), [null, "schlüssel 😀", null, "k", null, null]);
  assert.deepEqual(read.map(({ tokenCount }) => tokenCount), [null, null, 0, 2 ** 53 - 1, null, null]);
  assert.deepEqual(read.map(({ isSummary }) => isSummary), [false, false, false, true, false, false]);
  assert.deepEqual(read[3].createdAt, at);
  assert.equal(read[2].contentJson, given[2].content.text);
  assert.equal(read[2].content.big, 9007199254740993n);
  assert.deepEqual(Object.keys(read[2].content), ["n", "big", "__proto__"]);
  assert.equal(read[3].contentJson, '{"__proto__":[1,-0]}');
  assert.equal(read[4].content, "half \ud800 of a pair");
  // Again, by its key: the first one comes back with what it has, not with what is said now.
  const again = await store.saveMessage(id, { role: "tool", content: given[3].content, dedupKey: "k" });
  assert.deepEqual(told(again), told(saved[3]));
});

test("a save of nothing, with and without a change of its session", async () => {
  const id = "sixteen-letters!"; // its end is where the texts of a first message begin
  await store.createSession({ id });
  assert.deepEqual(await store.saveMessages(id, []), []);
  assert.deepEqual(await store.saveMessages(id, [], { update: { status: "active", metadata: { ü: "漢" } } }), []);
  const { status, metadata } = await store.getSession(id);
  assert.deepEqual([status, metadata], ["active", { ü: "漢" }]);
  await store.saveMessages(id, [{ role: "user", content: "ü" }], { update: { owner: "漢" } });
  assert.equal((await store.getSession(id)).owner, "漢");
});

test("a save that is refused leaves nothing for the next one", async () => {
  await store.createSession({ id: "after" });
  const long = "ü".repeat(100_000);
  for (const wrong of [{ role: "nobody", content: long }, { role: "user", content: jsonText(`{"a": "${long}`) }, { role: "user", content: long, dedupKey: "" }]) {
    await assert.rejects(store.saveMessages("after", [{ role: "user", content: long }, wrong]), { code: "invalid_argument" });
    await assert.rejects(store.saveMessage("nowhere", { role: "user", content: long }), { code: "not_found" });
    assert.equal(await store.countMessages("after"), 0);
  }
  const saved = await store.saveMessage("after", { role: "user", content: "short" });
  assert.deepEqual([saved.seq, saved.content], [1, "short"]);
});

test("what has more bytes together than can cross is refused, and the store goes on", async () => {
  await store.createSession({ id: "most" });
  const content = "a".repeat(64 << 20);
  await assert.rejects(store.saveMessages("most", Array.from({ length: 9 }, () => ({ role: "user", content }))), { code: "invalid_argument", message: /save them in several calls/ });
  assert.equal(await store.countMessages("most"), 0);
  assert.equal((await store.saveMessage("most", { role: "user", content: "on" })).seq, 1);
});

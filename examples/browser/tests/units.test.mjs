// The parts of the page that can be tested without one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createServer } from "vite";
import { folder } from "./folder.mjs";

// Node has had one since version 21.
globalThis.navigator ??= { languages: ["en"] };

let vite;
let load;
before(async () => {
  vite = await createServer({ root: folder, logLevel: "error", configFile: false, server: { middlewareMode: true, ws: false }, appType: "custom", optimizeDeps: { noDiscovery: true } });
  load = (path) => vite.ssrLoadModule(`/src/${path}`);
});
after(() => vite?.close());

/** The parts of a content: kind, name or nothing, text. */
async function parts(role, content) {
  const { partsOf } = await load("worker/parts.ts");
  return partsOf({ seq: 1, role, content }).map((part) => [part.kind, part.name ?? null, part.text]);
}

test("contents of the large libraries are taken apart alike", async () => {
  const called = [["text", null, "Looking."], ["call", "find", '{ "q": "x" }']];
  const returned = [["result", "find", '[{ "a": 1 }]']];
  const cases = [
    ["chat completions", "assistant", { role: "assistant", content: "Looking.", tool_calls: [{ id: "1", type: "function", function: { name: "find", arguments: '{"q":"x"}' } }] }, called],
    ["… its result", "tool", { role: "tool", tool_call_id: "1", name: "find", content: '[{"a":1}]' }, returned],
    ["messages with blocks", "assistant", [{ type: "text", text: "Looking." }, { type: "tool_use", id: "1", name: "find", input: { q: "x" } }], called],
    ["… its result", "user", [{ type: "tool_result", tool_use_id: "1", name: "find", content: [{ type: "text", text: '[{"a":1}]' }] }], returned],
    ["responses", "assistant", [{ type: "output_text", text: "Looking." }, { type: "function_call", call_id: "1", name: "find", arguments: '{"q":"x"}' }], called],
    ["… its result", "tool", { type: "function_call_output", name: "find", call_id: "1", output: '[{"a":1}]' }, returned],
    ["parts", "model", { parts: [{ text: "Looking." }, { functionCall: { name: "find", args: { q: "x" } } }] }, called],
    ["… its result", "user", { parts: [{ functionResponse: { name: "find", response: [{ a: 1 }] } }] }, returned],
    ["typed parts", "assistant", { parts: [{ part_kind: "text", content: "Looking." }, { part_kind: "tool-call", tool_name: "find", args: { q: "x" }, tool_call_id: "1" }] }, called],
    ["… its result", "user", { parts: [{ part_kind: "tool-return", tool_name: "find", content: [{ a: 1 }], tool_call_id: "1" }] }, returned],
    ["a small agent's own", "assistant", { tool: "find", arguments: { q: "x" } }, [called[1]]],
    ["anything else", "assistant", { q: 12345678901234567890n, list: [] }, [["json", null, '{ "q": 12345678901234567890, "list": [] }']]],
    ["a bare number", "user", 7, [["json", null, "7"]]],
    ["null", "user", null, [["json", null, "null"]]],
    ["a block that nobody knows", "user", [{ type: "image_url", image_url: { url: "data:," } }], [["json", null, '{ "type": "image_url", "image_url": { "url": "data:," } }']]],
    ["odd calls", "assistant", { content: 3, tool_calls: [null, "x", { function: { name: 7, arguments: null } }] }, [["json", null, "3"], ["json", null, "null"], ["json", null, "x"], ["call", "tool", "{}"]]],
  ];
  for (const [name, role, content, wanted] of cases) assert.deepEqual(await parts(role, content), wanted, name);
});

test("very many parts stand in one, very long names are cut, and nothing is lost of the texts", async () => {
  const { partAt, partsOf } = await load("worker/parts.ts");
  const many = (block) => ({ seq: 1, role: "assistant", content: Array.from({ length: 5000 }, (_, i) => block(i)) });
  const texts = many((i) => ({ type: "text", text: `no. ${i}.` }));
  assert.equal(partsOf(texts).length, 100);
  assert.match(partAt(texts, 98), /^no\. 98\.$/);
  assert.equal(partAt(texts, 99).split("\n\n").length, 4901);
  assert.match(partAt(texts, 99), /^no\. 99\.[^]*no\. 4999\.$/);
  const results = many((i) => ({ type: "tool_result", tool_use_id: `${i}`, content: `came ${i}.` }));
  assert.deepEqual([...new Set(partsOf(results).map((part) => part.kind))], ["result"]);
  const [call] = partsOf({ seq: 1, role: "assistant", content: { tool_calls: [{ id: "i".repeat(1e6), function: { name: "n".repeat(1e6), arguments: "{}" } }] } });
  assert.ok(call.name.length < 1000 && call.callId.length < 1000);
});

test("JSON is laid out and stays what it was", async () => {
  const { pretty, toJson } = await load("worker/pretty.ts");
  assert.equal(pretty("just words"), null);
  assert.equal(pretty('{"broken": '), null);
  assert.equal(pretty('"a bare text"'), null);
  assert.equal(pretty('{"price":1.50,"n":1e400,"t":"\\u00e4 \\" , : { }"}'), '{ "price": 1.50, "n": 1e400, "t": "ä \\" , : { }" }');
  assert.equal(pretty(`${"[".repeat(50_000)}${"]".repeat(50_000)}`), null);
  assert.equal(toJson({ a: [1n << 70n, -Infinity, "x", null, true] }), '{"a":[1180591620717411303424,-1e400,"x",null,true]}');
  const seed = Date.now() % 1_000_000;
  let state = seed;
  const random = (below) => (state = (state * 1103515245 + 12345) % 2147483648) % below;
  const value = (depth) => [() => random(1000) / 8, () => "tëxt \\ \" , : [ ] { } \n 😀".slice(random(10)), () => null, () => random(2) === 0, () => Array.from({ length: random(5) }, () => value(depth + 1)), () => Object.fromEntries(Array.from({ length: random(5) }, (_, i) => [`k"${i}`, value(depth + 1)]))][depth > 5 ? random(4) : random(6)]();
  for (let i = 0; i < 300; i++) {
    const made = [value(0)];
    assert.deepEqual(JSON.parse(pretty(JSON.stringify(made))), made, `seed ${seed}`);
  }
});

test("the beginning of a text ends at a line or a letter, never in half a letter", async () => {
  const { beginning } = await load("worker/parts.ts");
  assert.equal(beginning("short"), "short");
  assert.equal(beginning("a\n".repeat(100)).split("\n").length, 24);
  const letters = `x${"😀".repeat(3000)}`;
  assert.doesNotMatch(beginning(letters), /[\ud800-\udbff]$/);
  assert.ok(letters.startsWith(beginning(letters)));
});

test("heights agree with a plain list of numbers", async () => {
  const { Heights } = await load("conversation/heights.ts");
  const seed = Date.now() % 1_000_000;
  let state = seed;
  const random = (below) => (state = (state * 1103515245 + 12345) % 2147483648) % below;
  for (const length of [0, 1, 2, 7, 64, 1000]) {
    const plain = Array.from({ length }, () => 1 + random(300));
    const heights = new Heights(plain);
    for (let i = 0; i < 200; i++) {
      if (length > 0) {
        const index = random(length);
        plain[index] = 1 + random(300);
        heights.set(index, plain[index]);
      }
      const index = random(length + 1);
      const offset = plain.slice(0, index).reduce((sum, height) => sum + height, 0);
      assert.equal(heights.offset(index), offset, `seed ${seed}`);
      if (index < length) {
        assert.equal(heights.at(offset), index, `seed ${seed}`);
        assert.equal(heights.at(offset + plain[index] - 0.5), index, `seed ${seed}`);
      }
    }
    assert.equal(heights.at(-5), 0);
    assert.equal(heights.at(1e9), Math.max(0, length - 1));
  }
});

test("bars for hours, days, weeks, months and years hold every message", async () => {
  const { timeline } = await load("overview/buckets.ts");
  const minute = (date) => Math.floor(date.getTime() / 60_000);
  const spans = [[0, "day"], [1.5, "hour"], [20, "day"], [200, "week"], [900, "month"], [3500, "month"], [20_000, "year"], [700_000, "16 years"]];
  for (const [days, unit] of spans) {
    const end = new Date(2026, 9, 28, 13, 7);
    const minutes = Array.from({ length: 50 }, (_, i) => [minute(new Date(end.getTime() - (days * 86_400_000 * (49 - i)) / 49)), i + 1]);
    const made = timeline(minutes);
    assert.equal(made.unit, unit);
    assert.equal(made.buckets.reduce((sum, bucket) => sum + bucket.messages, 0), 1275);
    assert.ok(made.buckets.length >= 2 && made.buckets.length <= 120, `${made.buckets.length}`);
    assert.deepEqual(made.buckets.map((bucket) => bucket.from), [...new Set(made.buckets.map((bucket) => bucket.from))].sort((a, b) => a - b));
  }
  assert.deepEqual(timeline([]).buckets, []);
});

test("times are words", async () => {
  const { ago, size, plural, tame } = await load("ui/words.ts");
  const now = new Date(2026, 5, 15, 12).getTime();
  const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
  assert.deepEqual(
    [0, 59_000, minute, 59 * minute, hour, 5 * hour, 13 * hour, 2 * day, 8 * day, 45 * day, 400 * day].map((age) => ago(now - age, now)),
    ["just now", "just now", "1 minute ago", "59 minutes ago", "1 hour ago", "5 hours ago", "yesterday", "2 days ago", "last week", "last month", "last year"],
  );
  assert.deepEqual([size(0), size(999), size(1500), size(123_456), size(5e9)], ["0 bytes", "999 bytes", "1.5 kB", "123 kB", "5.0 GB"]);
  assert.deepEqual([plural(1, "message"), plural(2658, "message")], ["1 message", "2,658 messages"]);
  assert.equal(tame("a\u202eb\u2066c"), "abc");
});

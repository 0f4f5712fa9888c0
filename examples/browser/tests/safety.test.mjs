// Texts of others are never run as HTML, nothing leaves the origin, and the policy that says so is in force.
import assert from "node:assert/strict";
import { archive } from "./archives.mjs";
import { bringIn, exported, inBrowser, row } from "./open.mjs";

const HOSTILE = [
  "<script>globalThis.stung = 1</script>",
  '<img src=x onerror="globalThis.stung = 2">',
  '<svg onload="globalThis.stung = 3"><style>* { display: none !important }</style>',
  '<iframe src="javascript:globalThis.stung = 4"></iframe>',
  "[click](javascript:globalThis.stung=5) javascript:globalThis.stung=5",
  "```js\n</code></pre><script>globalThis.stung = 6</script>\n```",
  "**<b onmouseover=globalThis.stung=7>bold</b>** `<i>code</i>`\n# <h1 onclick=globalThis.stung=8>head</h1>",
  '"><link rel=stylesheet href=https://example.org/x.css><base href=https://example.org/>',
  "\u202egnorw si siht\u2066 and \u200f\u061c more \u2069 end",
  "&lt;script&gt; &amp; \u0001\u0008\u001b[31m \ufffe \ud83d\ude00",
  "{{constructor.constructor('globalThis.stung=9')()}} ${globalThis.stung=9}",
  "__proto__",
];

inBrowser("a hostile archive is text in every place where it is shown", async ({ guest }) => {
  const page = await guest.tab();
  const before = await page.evaluate(() => [document.scripts.length, document.querySelectorAll("link, base, iframe, style").length]);
  const bytes = await archive(async (store) => {
    await store.defineLifecycle({ name: '<img src=x onerror="globalThis.stung=20">', initial: "<i>begun</i>", statuses: ["<i>begun</i>", "</button><script>globalThis.stung=21</script>"], moves: [["<i>begun</i>", "</button><script>globalThis.stung=21</script>"]] });
    for (const [i, text] of HOSTILE.entries()) {
      const { id } = await store.createSession({
        id: `${i}"><script>globalThis.stung=10</script>`, scope: text.replaceAll("\u0000", ""), key: text, owner: text, metadata: JSON.parse(JSON.stringify({ title: i % 2 === 0 ? text : 7, constructor: "x", prototype: 1 }).replace("prototype", "__proto__")),
        lifecycle: '<img src=x onerror="globalThis.stung=20">',
      });
      await store.saveMessages(id, [
        { role: "user", content: text },
        { role: "assistant", content: { content: text, tool_calls: [{ id: text, function: { name: text, arguments: JSON.stringify({ [text]: text }) } }] } },
        { role: "tool", content: { tool_call_id: text, name: text, content: JSON.stringify([text, { [text]: [text] }]) } },
        { role: "assistant", content: { ["<script>globalThis.stung=11</script>"]: text } },
        { role: "assistant", content: text, isSummary: true },
      ]);
    }
  });
  await bringIn(page, '<img src=x onerror="globalThis.stung=12">.convostore', bytes);
  for (const [i, text] of HOSTILE.entries()) {
    await page.evaluate((id) => new Promise((done) => {
      addEventListener("hashchange", done, { once: true });
      location.hash = `#session=${encodeURIComponent(id)}`;
    }), `${i}"><script>globalThis.stung=10</script>`);
    await page.locator(".item-summary").waitFor();
    assert.equal(await page.locator(".item-user .text").evaluate((element) => element.textContent).then((shown) => shown.replaceAll(/[`*#\s]|js/g, "")), text.replaceAll(/[`*#\s]|js/g, ""), `${i}`);
    await page.locator(".call summary").click();
    await page.locator(".call pre").first().waitFor();
    await page.mouse.move(700, 300);
  }
  await page.getByRole("button", { name: "Rename" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "New", exact: true }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Clean up" }).click();
  await page.keyboard.press("Escape");
  await page.locator(".head-moves button").click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.locator(".toast", { hasText: "Undo" }).waitFor();
  await page.getByRole("button", { name: "Overview" }).first().click();
  await page.locator(".scope-line").first().waitFor();
  assert.equal(await page.evaluate(() => globalThis.stung), undefined);
  assert.equal(await page.evaluate(() => ({}).polluted), undefined);
  assert.deepEqual(await page.evaluate(() => [document.scripts.length, document.querySelectorAll("link, base, iframe, style").length]), before);
  // No element has an attribute that is code, and no link leads anywhere but to the page itself.
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("*")].flatMap((element) => [...element.attributes]).filter(({ name, value }) => name.startsWith("on") || /^\s*javascript:/i.test(value)).map(({ name }) => name)), []);
  assert.deepEqual(await page.evaluate(() => [...document.links].map((link) => link.getAttribute("href")).filter((href) => !href.startsWith("#"))), []);
});

inBrowser("a text that turns its direction keeps it to itself", async ({ guest }) => {
  const page = await guest.tab();
  await bringIn(page, "a.convostore", await archive(async (store) => {
    await store.createSession({ scope: "plain", metadata: { title: "\u202eabc" } });
  }));
  const name = row(page, "abc");
  await name.waitFor();
  // The count that stands after it is still read from left to right: the digit is left of the word. Found and measured in one go, as a row that is drawn anew meanwhile has no place any more.
  const [digit, word] = await page.evaluate(() => {
    const { firstChild: node } = document.querySelector(".row-session .row-facts > span:last-of-type");
    return [[0, 1], [node.length - 1, node.length]].map(([start, end]) => {
      const range = document.createRange();
      range.setStart(node, start);
      range.setEnd(node, end);
      return range.getBoundingClientRect().left;
    });
  });
  assert.ok(digit < word, `${digit} < ${word}`);
  await name.click();
  await page.getByRole("button", { name: "Delete" }).click();
  assert.equal(await page.locator(".toast p", { hasText: "Deleted" }).textContent(), "Deleted “abc”.");
});

inBrowser("a text of three million characters neither blocks the page nor is lost", async ({ guest, t }) => {
  const page = await guest.tab();
  const bytes = await archive(async (store) => {
    const { id } = await store.createSession({ metadata: { title: "Giant" } });
    await store.saveMessage(id, { role: "user", content: "x".repeat(3_000_000) });
    await store.saveMessage(id, { role: "assistant", content: `${"[".repeat(120)}${"]".repeat(120)}` });
    await store.saveMessage(id, { role: "assistant", content: { a: Array.from({ length: 60_000 }, (_, i) => ({ i })) } });
  });
  await bringIn(page, "giant.convostore", bytes);
  await page.evaluate(() => {
    globalThis.longest = 0;
    new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration); }).observe({ type: "longtask" });
  });
  await row(page, "Giant").click();
  await page.getByRole("button", { name: "Show more (3,000,000 characters)" }).click();
  await page.getByRole("button", { name: /of 3,000,000 characters/ }).waitFor();
  assert.ok((await page.evaluate(() => document.body.textContent.length)) < 100_000);
  const longest = await page.evaluate(() => globalThis.longest);
  t.diagnostic(`longest task: ${Math.round(longest)} ms`);
  assert.equal(await exported(page), Buffer.from(bytes).toString("utf8"));
});

inBrowser("the policy is in the page and in the header, and it holds: markup, inline scripts, eval, other origins", { isTroubled: true }, async ({ guest, origin }) => {
  const page = await guest.tab();
  const headers = (await page.request.get(origin)).headers();
  const meta = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
  assert.equal(headers["content-security-policy"], `${meta}; frame-ancestors 'none'`);
  for (const directive of ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "connect-src 'self'", "require-trusted-types-for 'script'"]) assert.ok(meta.split("; ").includes(directive), directive);
  assert.deepEqual(guest.trouble, []);
  // The controls: what the policy is there for does not work, and is noticed by what all tests look at.
  const attempts = await page.evaluate(async () => {
    const attempt = (run) => {
      try {
        run();
        return "done";
      } catch (error) {
        return error.name;
      }
    };
    const script = document.createElement("script");
    return [
      attempt(() => { document.createElement("div").innerHTML = "<b>x</b>"; }),
      attempt(() => { script.text = "globalThis.stung = 1"; }),
      attempt(() => { document.body.setAttribute("onclick", "globalThis.stung = 2"); }),
      attempt(() => new Worker("data:text/javascript,1")),
      attempt(() => globalThis.trustedTypes.createPolicy("another", {})),
      await fetch("https://example.org/").then(() => "done", (error) => error.name),
      globalThis.stung,
    ];
  });
  assert.deepEqual(attempts.slice(0, 6), ["TypeError", "TypeError", "TypeError", "TypeError", "TypeError", "TypeError"]);
  assert.equal(attempts[6], undefined);
  assert.ok(guest.trouble.some((each) => /TrustedHTML/.test(each)) && guest.trouble.some((each) => /example\.org/.test(each)), guest.trouble.join("\n"));
});

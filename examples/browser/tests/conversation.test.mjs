// The conversation at the right: how messages are shown, and moving in long ones.
import assert from "node:assert/strict";
import { jsonText } from "convostore";
import { archive, large } from "./archives.mjs";
import { bringIn, inBrowser, row, still } from "./open.mjs";

const PROGRAM = "def f(x):\n    return x   # three spaces before this";

inBrowser("roles told apart, calls and results folded together with readable JSON, summaries marked, code and line breaks kept", async ({ guest }) => {
  const page = await guest.tab();
  const call = (id, name, args) => ({ id, type: "function", function: { name, arguments: args } });
  await bringIn(page, "a.convostore", await archive(async (store) => {
    const { id } = await store.createSession({ metadata: { title: "All kinds" } });
    await store.saveMessages(id, [
      { role: "system", content: "Be kind." },
      { role: "user", content: "first line\n\nthird line" },
      { role: "assistant", content: { content: "Looking.", tool_calls: [call("c1", "find", '{"big":12345678901234567890,"price":1.50}'), call("c2", "count", "{}")] } },
      { role: "tool", content: { role: "tool", tool_call_id: "c2", content: "7" } },
      { role: "tool", content: jsonText('{"role":"tool","tool_call_id":"c1","name":"find","content":"[{\\"a\\": 1}, {\\"a\\": 2}]"}') },
      { role: "assistant", content: `Here:\n\`\`\`python\n${PROGRAM}\n\`\`\`\nUse \`f(1)\`.` },
      { role: "assistant", content: [{ type: "text", text: "And:" }, { type: "tool_use", id: "t1", name: "weather", input: { city: "Graz" } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "rain" }] }] },
      { role: "assistant", content: jsonText('{"n":1.50,"huge":98765432109876543210}') },
    ]);
    await store.saveSummary(id, "They looked and found two.");
    await store.saveMessage(id, { role: "narrator", content: "Night falls." });
  }));
  await row(page, "All kinds").click();
  const items = page.locator(".item");
  await items.nth(7).waitFor();
  // Eleven messages, eight items: the three results stand with their calls.
  assert.equal(await items.count(), 8);
  assert.deepEqual(await page.locator(".item-role").allInnerTexts(), ["System", "User", "Assistant", "Assistant", "Assistant", "Assistant", "Summary", "narrator"]);
  assert.ok(await page.getByText("stands for earlier messages").isVisible());

  const calls = page.locator(".call");
  assert.deepEqual(await page.locator(".call-name").allInnerTexts(), ["find", "count", "weather"]);
  assert.match(await calls.nth(0).locator("summary").innerText(), /big: 12345678901234567890, price: 1\.50/);
  assert.match(await calls.nth(1).locator("summary").innerText(), /7/);
  assert.equal(await calls.nth(0).locator("pre").count(), 0);
  await calls.nth(0).locator("summary").click();
  assert.equal(await calls.nth(0).locator("pre").nth(0).innerText(), '{ "big": 12345678901234567890, "price": 1.50 }');
  assert.equal(await calls.nth(0).locator("pre").nth(1).innerText(), '[{ "a": 1 }, { "a": 2 }]');
  await calls.nth(2).locator("summary").click();
  assert.equal(await calls.nth(2).locator(".call-side").nth(1).locator(".prose").innerText(), "rain");

  assert.equal(await page.locator(".item-user .prose").first().innerText(), "first line\n\nthird line");
  assert.equal(await items.nth(3).locator("pre").evaluate((pre) => pre.textContent), `${PROGRAM}\n`);
  assert.equal(await items.nth(3).locator(".prose code").innerText(), "f(1)");
  assert.match(await items.nth(5).locator("pre").innerText(), /"huge": 98765432109876543210/);
});

inBrowser("long texts are shortened and shown whole on demand; what is unfolded stays so", async ({ guest }) => {
  const page = await guest.tab();
  const text = Array.from({ length: 900 }, (_, i) => `line ${i + 1} of a long report 😀`).join("\n");
  await bringIn(page, "a.convostore", await archive(async (store) => {
    const { id } = await store.createSession({ metadata: { title: "Report" } });
    await store.saveMessage(id, { role: "user", content: text });
    await store.saveMessages(id, Array.from({ length: 120 }, (_, i) => ({ role: "assistant", content: `note ${i + 1}` })));
  }));
  await row(page, "Report").click();
  await page.locator(".item", { hasText: "note 120" }).waitFor();
  await page.getByRole("button", { name: "First message" }).click();
  const item = page.locator(".item-user");
  await item.waitFor();
  const shown = () => item.locator(".prose").evaluate((prose) => prose.textContent);
  assert.equal((await shown()).split("\n").length, 24);
  const more = item.getByRole("button", { name: /Show more/ });
  await more.focus();
  await page.keyboard.press("Enter");
  await item.getByRole("button", { name: `of ${text.length.toLocaleString("en")} characters` }).waitFor();
  // The focus goes on with the button that was drawn anew.
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Show more/);
  await page.keyboard.press("Enter");
  await more.waitFor({ state: "detached" });
  assert.equal(await shown(), text);
  // Away and back.
  await page.getByRole("button", { name: "Last message" }).click();
  await page.locator(".item", { hasText: "note 120" }).waitFor();
  await item.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "First message" }).click();
  await item.waitFor();
  assert.equal(await shown(), text);
});

inBrowser("a long conversation begins at its end, jumps to its ends, loads pages as one scrolls, and holds what is being read", async ({ guest }) => {
  const page = await guest.tab();
  await bringIn(page, "long.convostore", await large({ sessions: 1, each: 1, long: 5000 }));
  await row(page, "The long one").click();
  const last = page.locator(".item[aria-posinset='5000']:not(.item-waiting)");
  const first = page.locator(".item[aria-posinset='1']:not(.item-waiting)");
  await last.waitFor();
  assert.match(await last.innerText(), /5000\. /);
  assert.ok((await page.locator(".item").count()) < 60);
  await page.getByRole("button", { name: "First message" }).click();
  await first.waitFor();
  assert.match(await first.innerText(), /\n1\. /);
  // Scrolling with the keys goes through the pages, with no gap and no message twice.
  const scroller = page.locator(".scroller");
  await scroller.focus();
  const seen = new Set();
  for (let i = 0; i < 25; i++) {
    await page.waitForFunction(() => document.querySelector(".item-waiting") === null);
    for (const place of await page.locator(".item").evaluateAll((items) => items.map((item) => Number(item.ariaPosInSet)))) seen.add(place);
    const top = await scroller.evaluate((element) => element.scrollTop);
    await page.keyboard.press("PageDown");
    await page.waitForFunction((top) => document.querySelector(".scroller").scrollTop > top + 200, top);
  }
  const places = [...seen].sort((a, b) => a - b);
  assert.ok(places.length > 80, `${places.length}`);
  assert.deepEqual(places, places.map((_, i) => i + 1));
  // What is in the middle of the window stays there while other items get their true heights: scroll up and down again.
  await page.evaluate(() => { document.querySelector(".scroller").scrollTop = 200_000; });
  await page.waitForFunction(() => document.querySelector(".item") !== null && document.querySelector(".item-waiting") === null);
  const middle = () => page.evaluate(() => {
    const box = document.querySelector(".scroller").getBoundingClientRect();
    const item = document.elementFromPoint(box.left + box.width / 2, box.top + 60).closest(".item");
    return [Number(item.ariaPosInSet), Math.round(item.getBoundingClientRect().top)];
  });
  await still(page);
  const before = await middle();
  await page.setViewportSize({ width: 1280, height: 640 });
  await still(page);
  const then = await middle();
  assert.equal(then[0], before[0]);
  assert.ok(Math.abs(then[1] - before[1]) <= 2, `${before} ${then}`);
  await page.getByRole("button", { name: "Last message" }).click();
  await last.waitFor();
});

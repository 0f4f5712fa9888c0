// What the format allows and nobody expects: it is shown all the same, and the page stays as light as with anything else.
import assert from "node:assert/strict";
import { archive } from "./archives.mjs";
import { bringIn, inBrowser, row } from "./open.mjs";

/** How much there is in the page: what makes one slow, whatever the machine. */
const weight = (page) => page.evaluate(() => ({
  elements: document.querySelectorAll("*").length,
  characters: document.body.textContent.length + [...document.querySelectorAll("[title]")].reduce((sum, { title }) => sum + title.length, 0),
}));

/** A normal page has some hundreds of elements and some thousands of characters. */
function isLight({ elements, characters }) {
  assert.ok(elements < 6000 && characters < 100_000, `${elements} elements, ${characters} characters`);
}

const calls = (count, name = "find") => Array.from({ length: count }, (_, i) => ({ id: `c${i}`, function: { name, arguments: JSON.stringify({ i }) } }));

inBrowser("names of a million characters, thousands of calls in a message, thousands of results for one call", async ({ guest }) => {
  const page = await guest.tab();
  await bringIn(page, "a.convostore", await archive(async (store) => {
    const { id } = await store.createSession({ scope: "s".repeat(1000), key: "k".repeat(500), owner: "o".repeat(250), metadata: { title: `Long ${"title".repeat(200_000)}` } });
    await store.saveMessages(id, [
      { role: "user", content: "begin" },
      { role: "assistant", content: { tool_calls: calls(1, "n".repeat(1_000_000)) } },
      { role: "tool", content: { tool_call_id: "c0", content: "short" } },
      { role: "assistant", content: { tool_calls: calls(20_000) } },
      ...Array.from({ length: 3000 }, (_, i) => ({ role: "tool", content: { tool_call_id: `c${i}`, content: `result ${i}.` } })),
      { role: "user", content: Array.from({ length: 20_000 }, (_, i) => ({ type: "text", text: `block ${i}.` })) },
      { role: "user", content: "the end" },
    ]);
  }));
  await row(page, "Long").click();
  await page.locator(".item", { hasText: "the end" }).waitFor();
  isLight(await weight(page));
  await page.locator(".item", { hasText: "block 98." }).waitFor();
  await page.getByRole("button", { name: "First message" }).click();
  await page.locator(".item", { hasText: "begin" }).waitFor();
  await page.locator(".call-name", { hasText: "nnn" }).waitFor();
  isLight(await weight(page));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  // What does not stand for itself is there to be read.
  const rest = page.locator(".item", { hasText: "find: { \"i\": 99 }" }).first();
  await rest.getByRole("button", { name: /^Show more/ }).waitFor();
  await page.getByRole("button", { name: "Rename" }).click();
  isLight(await weight(page));
});

inBrowser("a lifecycle of many statuses offers its moves as a list", async ({ guest }) => {
  const page = await guest.tab();
  const statuses = Array.from({ length: 256 }, (_, i) => `status_${i}_${"x".repeat(40)}`);
  await bringIn(page, "a.convostore", await archive(async (store) => {
    await store.defineLifecycle({ name: "many", initial: statuses[0], statuses, moves: statuses.slice(1).flatMap((to) => [[statuses[0], to], [to, statuses[0]]]) });
    await store.createSession({ lifecycle: "many", metadata: { title: "Choices" } });
  }));
  await row(page, "Choices").click();
  const choice = page.getByLabel("New status");
  assert.equal(await choice.locator("option").count(), 255);
  await choice.selectOption(statuses[200]);
  // Choosing alone moves nothing.
  await page.locator(".head .status", { hasText: "status 0 " }).waitFor();
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.locator(".head .status", { hasText: "status 200 " }).waitFor();
  // The one way back is a button again, and it has the focus.
  await page.locator(".head-moves .button", { hasText: "Status 0 " }).waitFor();
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^Status 0 /);
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 844 });
    // In one go: what is drawn anew in between has no place any more.
    const tools = await page.evaluate(() => [...document.querySelectorAll(".head button")].filter((tool) => tool.checkVisibility()).map((tool) => tool.getBoundingClientRect().toJSON()));
    assert.ok(tools.length > 0);
    for (const tool of tools) assert.ok(tool.left >= 0 && tool.right <= width, JSON.stringify(tool));
  }
});

inBrowser("names that mean something to the language are names", async ({ guest }) => {
  const page = await guest.tab();
  const words = ["constructor", "toString", "__proto__"];
  const bytes = await archive(async (store) => {
    await store.defineLifecycle({ name: "constructor", initial: "__proto__", statuses: ["__proto__", "constructor", "toString"], moves: [["__proto__", "constructor"], ["constructor", "toString"]] });
    for (const word of words) {
      const { id } = await store.createSession({ id: word, scope: word, key: word, lifecycle: "constructor", metadata: { title: word } });
      await store.saveMessage(id, { role: word, content: `said by ${word}` });
    }
  }, undefined, words);
  await bringIn(page, "a.convostore", bytes);
  for (const word of words) {
    await page.locator(".row-scope", { hasText: word }).waitFor();
    await row(page, word).first().click();
    await page.locator(".item", { hasText: `said by ${word}` }).waitFor();
    assert.equal(await page.locator(".item-role").innerText(), word);
    assert.deepEqual(await page.locator(".head-moves button").allInnerTexts(), ["Constructor"]);
    await page.getByRole("button", { name: "Delete" }).click();
    await row(page, word).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();
    await page.locator(".head-title", { hasText: word }).waitFor();
  }
  await page.locator(".head-moves button").click();
  await page.locator(".head-moves button", { hasText: /^ToString$/ }).waitFor();
});

inBrowser("times from the year 1 to 9999 are shown, and the chart holds every message", async ({ guest }) => {
  const page = await guest.tab();
  await bringIn(page, "a.convostore", await archive(async (store, world) => {
    for (const year of [1, 1582, 2026, 9999]) {
      world.at(new Date(0).setUTCFullYear(year, 5, 15));
      const { id } = await store.createSession({ metadata: { title: `Year ${year}` } });
      await store.saveMessage(id, { role: "user", content: "when?" });
    }
  }));
  assert.equal(await page.locator(".row-session").count(), 4);
  await row(page, "Year 9999").click();
  await page.locator(".day", { hasText: "9999" }).waitFor();
  await page.getByRole("button", { name: "Overview" }).first().click();
  await page.locator(".chart-time .bar").first().waitFor();
  assert.equal(await page.locator(".chart-time .bar").count(), 4);
  isLight(await weight(page));
});

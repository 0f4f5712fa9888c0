// The list at the left: what it shows, the filter, thousands of sessions.
import assert from "node:assert/strict";
import { archive, large } from "./archives.mjs";
import { bringIn, inBrowser, row } from "./open.mjs";

const DAY = 86_400_000;

inBrowser("sessions are grouped by scope, the latest first, with preview, time in words, status and count", async ({ guest }) => {
  // At noon, wherever and whenever this runs: soon after midnight, two hours ago is yesterday.
  const now = new Date(2026, 5, 15, 12).getTime();
  await guest.context.clock.setFixedTime(now);
  const page = await guest.tab();
  const bytes = await archive(async (store, world) => {
    world.at(now - 3 * DAY);
    const old = await store.createSession({ scope: "garden" });
    await store.saveMessage(old.id, { role: "user", content: "How deep do tulips go?" });
    await store.updateSession(old.id, { status: "active" });
    world.at(now - 2.5 * 3_600_000);
    const fresh = await store.createSession({ scope: "kitchen", metadata: { title: "Bread" } });
    await store.saveMessages(fresh.id, [{ role: "user", content: "The dough is flat." }, { role: "assistant", content: "Warmer water." }]);
    world.at(now - 5 * DAY);
    await store.createSession({ scope: "garden" });
  });
  await bringIn(page, "a.convostore", bytes);
  await row(page, "Bread").waitFor();
  assert.deepEqual(await page.locator(".row").allInnerTexts().then((texts) => texts.map((text) => text.replaceAll("\n", " | "))), [
    "kitchen | 1 | conversation", "Bread | The dough is flat. | created | 2 messages | 2 hours ago", "garden | 2 | conversations", "How deep do tulips go? | active | 1 message | 3 days ago", "Empty conversation | created | 0 messages | 5 days ago",
  ]);
  // A scope folds away and comes back.
  await page.locator(".row-scope", { hasText: "garden" }).click();
  assert.equal(await page.locator(".row-session").count(), 1);
  await page.locator(".row-scope", { hasText: "garden" }).click();
  assert.equal(await page.locator(".row-session").count(), 3);
});

inBrowser("the filter goes with the typing: names, scopes, statuses and the texts of messages", async ({ guest }) => {
  const page = await guest.tab();
  await bringIn(page, "a.convostore", await archive(async (store) => {
    for (const [scope, title, said] of [["garden", "Tulips", "How deep?"], ["kitchen", "Bread", "The dough is FLAT."], ["kitchen", "Soup", "Needs salt."]]) {
      const session = await store.createSession({ scope, metadata: { title } });
      await store.saveMessages(session.id, [{ role: "system", content: "Be a zebra." }, { role: "user", content: "Hello." }, { role: "user", content: said }]);
    }
  }));
  const input = page.getByRole("searchbox");
  const names = () => page.locator(".row-session .row-name").allInnerTexts().then((texts) => texts.sort());
  const expect = async (typed, wanted) => {
    await input.fill(typed);
    await page.waitForFunction((wanted) => [...document.querySelectorAll(".row-session .row-name")].map((each) => each.textContent).sort().join() === wanted, wanted.join());
    assert.deepEqual(await names(), wanted);
  };
  await expect("tul", ["Tulips"]);
  await expect("kitchen", ["Bread", "Soup"]);
  await expect("kitchen sou", ["Soup"]);
  await expect("flat", ["Bread"]);
  await expect("created", ["Bread", "Soup", "Tulips"]);
  await input.fill("zebra");
  await page.getByText("No conversation matches.").waitFor();
  await expect("", ["Bread", "Soup", "Tulips"]);
  // Escape empties it, and all are there again.
  await expect("tul", ["Tulips"]);
  await page.keyboard.press("Escape");
  await page.locator(".list-summary", { hasText: /^3 conversations$/ }).waitFor();
  assert.equal(await input.inputValue(), "");
});

inBrowser("a conversation that begins with nothing to see has a name all the same", async ({ guest }) => {
  const page = await guest.tab();
  await bringIn(page, "a.convostore", await archive(async (store) => {
    const session = await store.createSession({ metadata: { title: "\u202e \u200b" } });
    await store.saveMessage(session.id, { role: "user", content: "\n\n\n" });
  }));
  await row(page, "Conversation without a name").waitFor();
});

inBrowser("of thousands of sessions only those that are seen are in the page", async ({ guest }) => {
  const page = await guest.tab();
  await bringIn(page, "many.convostore", await large({ sessions: 5000, each: 1 }));
  await page.getByText("5,000 conversations", { exact: true }).waitFor();
  assert.ok((await page.locator(".row").count()) < 60);
  await page.getByRole("tree").focus();
  await page.keyboard.press("End");
  await page.locator(".row-active").waitFor();
  assert.ok((await page.locator(".row").count()) < 60);
  const active = page.locator(".row-active");
  assert.equal(await active.getAttribute("aria-posinset"), await active.getAttribute("aria-setsize"));
  await page.getByRole("searchbox").fill("Conversation 4321");
  await page.waitForFunction(() => document.querySelectorAll(".row-session").length === 1);
  await page.locator(".list-summary", { hasText: "1 of 5,000 conversations" }).waitFor();
});

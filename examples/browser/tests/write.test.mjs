// Writing: new conversations, messages, names, statuses, deleting and undoing, cleaning up.
import assert from "node:assert/strict";
import { archive } from "./archives.mjs";
import { bringIn, converse, exported, inBrowser, row, say } from "./open.mjs";

inBrowser("a new conversation, a message, another name: all of it is there after a reload", async ({ guest }) => {
  const page = await guest.tab();
  await page.getByRole("button", { name: "Begin a conversation" }).click();
  await page.getByRole("dialog").getByLabel("Scope").fill("notes");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.locator(".head-title", { hasText: "Empty conversation" }).waitFor();
  await page.getByText("Nothing has been said here yet.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), "Write a message");
  await page.getByLabel("Role of the message").selectOption("system");
  await say(page, "Keep it short.");
  await page.getByLabel("Role of the message").selectOption("user");
  await page.getByLabel("Write a message").fill("two\nlines");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".item-user", { hasText: "two" }).waitFor();
  assert.equal(await page.getByLabel("Write a message").inputValue(), "");
  await page.locator(".head-title", { hasText: "two" }).waitFor();
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Shopping");
  await page.keyboard.press("Enter");
  await page.locator(".head-title", { hasText: "Shopping" }).waitFor();
  await page.reload();
  await page.locator(".head-title", { hasText: "Shopping" }).waitFor();
  assert.deepEqual(await page.locator(".item .prose").allInnerTexts(), ["Keep it short.", "two\nlines"]);
  assert.match(await row(page, "Shopping").innerText(), /2 messages/);
  // The empty name gives the first message's name back.
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("");
  await page.keyboard.press("Enter");
  await page.locator(".head-title", { hasText: "two" }).waitFor();
});

inBrowser("only moves are offered that the lifecycle allows", async ({ guest }) => {
  const page = await guest.tab();
  await bringIn(page, "a.convostore", await archive(async (store) => {
    await store.defineLifecycle({ name: "review", initial: "open", statuses: ["open", "in_review", "merged"], moves: [["open", "in_review"], ["in_review", "merged"], ["in_review", "open"]], finalStatuses: ["merged"] });
    await store.createSession({ lifecycle: "review", metadata: { title: "Patch" } });
  }));
  const moves = () => page.locator(".head-moves button").allInnerTexts();
  const status = () => page.locator(".head .status").innerText();
  const move = async (name, wanted) => {
    await page.locator(".head-moves").getByRole("button", { name, exact: true }).click();
    await page.locator(".head .status", { hasText: wanted }).waitFor();
  };
  await row(page, "Patch").click();
  assert.deepEqual([await status(), await moves()], ["open", ["In review"]]);
  await move("In review", "in review");
  assert.deepEqual(await moves(), ["Merged", "Open"]);
  await move("Merged", "merged");
  assert.deepEqual(await moves(), []);
  await converse(page, "Agent");
  assert.deepEqual([await status(), await moves()], ["created", ["Activate", "Terminate"]]);
  await move("Activate", "active");
  assert.deepEqual(await moves(), ["Pause", "Terminate"]);
  await move("Pause", "paused");
  await page.reload();
  await page.locator(".head .status", { hasText: "paused" }).waitFor();
  assert.deepEqual(await moves(), ["Activate", "Terminate"]);
});

inBrowser("deleting can be undone, and what comes back is the same to the byte", async ({ guest }) => {
  const page = await guest.tab();
  await converse(page, "Stays", "hello");
  await converse(page, "Goes", "one", "two");
  const before = await exported(page);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("Deleted “Goes”.", { exact: true }).waitFor();
  await row(page, "Goes").waitFor({ state: "detached" });
  await page.locator(".overview").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator(".head-title", { hasText: "Goes" }).waitFor();
  assert.equal(await exported(page), before);
  // By the keyboard.
  await page.getByRole("button", { name: "Delete" }).click();
  await row(page, "Goes").waitFor({ state: "detached" });
  await page.keyboard.press("Control+z");
  await row(page, "Goes").waitFor();
  // An export ends the time for undoing: the archive never holds what was deleted.
  await page.getByRole("button", { name: "Delete" }).click();
  await row(page, "Goes").waitFor({ state: "detached" });
  const after = await exported(page);
  assert.ok(after.includes("Stays") && !after.includes("Goes") && !after.includes("history-page"));
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator(".toast", { hasText: "too late" }).waitFor();
});

inBrowser("cleaning up shows first what it would delete", async ({ guest }) => {
  const page = await guest.tab();
  const now = Date.now();
  await bringIn(page, "a.convostore", await archive(async (store, world) => {
    for (const [days, scope, count] of [[400, "attic", 3], [40, "attic", 2], [40, "desk", 1], [1, "desk", 5]]) {
      world.at(now - days * 86_400_000);
      const session = await store.createSession({ scope, metadata: { title: `${scope} ${days}` } });
      for (let i = 0; i < count; i++) await store.saveMessage(session.id, { role: "user", content: `${i}` });
    }
  }));
  await page.getByRole("button", { name: "Clean up" }).click();
  const dialog = page.getByRole("dialog");
  const says = (words) => dialog.locator(".outcome", { hasText: words }).waitFor();
  await says("This would delete 3 conversations with 6 messages, for good.");
  await dialog.getByLabel("Not active for").selectOption("a year");
  await says("This would delete 1 conversation with 3 messages, for good.");
  await dialog.getByLabel("Not active for").selectOption("30 days");
  await dialog.getByLabel("Scope").selectOption("attic");
  await says("This would delete 2 conversations with 5 messages, for good.");
  // Nothing has happened yet.
  assert.equal(await page.locator(".row-session").count(), 4);
  await dialog.getByLabel("Status").selectOption("created");
  await dialog.getByRole("button", { name: "Delete 2 conversations" }).click();
  await page.getByText("Deleted 2 conversations with 5 messages.").first().waitFor();
  await row(page, "attic").first().waitFor({ state: "detached" });
  assert.deepEqual(await page.locator(".row-name").allInnerTexts(), ["desk 1", "desk 40"]);
  await page.getByRole("button", { name: "Clean up" }).click();
  await dialog.getByLabel("Not active for").selectOption("a year");
  await says("Nothing is that old.");
  assert.ok(await dialog.getByRole("button", { name: "Delete", exact: true }).isDisabled());
});

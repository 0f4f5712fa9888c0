// Writing: new conversations, messages, names, statuses, deleting and undoing, cleaning up.
import assert from "node:assert/strict";
import { archive } from "./archives.mjs";
import { beforeWorker, bringIn, choose, converse, exported, inBrowser, row, say } from "./open.mjs";

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
  assert.equal(await page.title(), "Shopping — Conversations");
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
  await page.getByRole("button", { name: "Undo" }).waitFor();
  await page.keyboard.press("Control+z");
  await row(page, "Goes").waitFor();
});

inBrowser("looking ends no time for undoing: exports, here and in another tab, rehearsals and what is cancelled", async ({ guest }) => {
  const [other, page] = [await guest.tab(), await guest.tab()];
  await converse(page, "Stays", "hello");
  const without = await exported(page);
  await converse(page, "Goes", "one", "two");
  const before = await exported(page);
  const backup = Buffer.from(before);
  const dialog = page.getByRole("dialog");
  const escape = async () => {
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  };
  const ways = {
    // The archive never holds what was deleted.
    export: async () => assert.equal(await exported(page), without),
    "export in another tab": async () => assert.equal(await exported(other), without),
    "clean up": async () => {
      await page.getByRole("button", { name: "Clean up" }).click();
      await dialog.locator(".outcome", { hasText: "Nothing is that old." }).waitFor();
      await escape();
    },
    "import of what it is": async () => {
      await choose(page, "backup.convostore", backup);
      await dialog.getByRole("button", { name: "Import 1 conversation" }).waitFor();
      await escape();
    },
    "import of a picture": async () => {
      await choose(page, "x.png", Buffer.from("no archive"));
      await dialog.locator(".outcome-error").waitFor();
      await escape();
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    await page.getByRole("button", { name: "Delete" }).click();
    await row(page, "Goes").waitFor({ state: "detached" });
    await row(other, "Goes").waitFor({ state: "detached" });
    await way();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.locator(".head-title", { hasText: "Goes" }).waitFor();
    assert.equal(await exported(page), before, name);
  }
});

inBrowser("an import that is done ends the time for undoing, in all tabs, and says so", async ({ guest }) => {
  const [other, page] = [await guest.tab(), await guest.tab()];
  await converse(page, "Goes", "one", "two");
  const before = await exported(page);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Undo" }).waitFor();
  await row(other, "Goes").waitFor({ state: "detached" });
  await bringIn(other, "a.convostore", await archive((store) => store.createSession({ metadata: { title: "Comes" } })));
  await row(page, "Comes").waitFor();
  await page.locator(".toast", { hasText: "“Goes” is deleted for good now." }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 0);
  // What was deleted comes back from an archive that has it.
  await row(page, "Comes").click();
  await page.getByRole("button", { name: "Delete" }).click();
  await row(other, "Comes").waitFor({ state: "detached" });
  await bringIn(page, "backup.convostore", Buffer.from(before));
  await row(page, "Goes").waitFor();
  assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 0);
  assert.equal(await exported(page), before);
});

inBrowser("a clean-up that is done ends the time for undoing, and counts nothing that was deleted before", async ({ guest }) => {
  const page = await guest.tab();
  await bringIn(page, "a.convostore", await archive(async (store) => {
    for (const title of ["Goes", "Old"]) await store.createSession({ metadata: { title } });
  }, Date.now() - 40 * 86_400_000));
  await row(page, "Goes").click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Undo" }).waitFor();
  await page.getByRole("button", { name: "Clean up" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete 1 conversation" }).click();
  await page.locator(".toast", { hasText: "“Goes” is deleted for good now." }).waitFor();
  await page.locator(".toast", { hasText: "Deleted 1 conversation with 0 messages." }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 0);
  assert.equal(await page.locator(".row-session").count(), 0);
});

inBrowser("what is typed while a message is being saved stays in the box, and Enter saves it after that", async ({ guest }) => {
  // As on a slow machine: a second passes until the worker's answer arrives.
  await beforeWorker(guest, `{
    const post = self.postMessage.bind(self);
    self.postMessage = (message, transfer) => { message.value?.messageCount > 0 ? setTimeout(() => post(message, transfer), 1000) : post(message, transfer); };
  }`);
  const page = await guest.tab();
  await converse(page, "Slow");
  const input = page.getByLabel("Write a message");
  const said = () => page.locator(".item .prose").allInnerTexts();
  await input.focus();
  for (const text of ["yes", "ok thanks", "bye"]) {
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
    assert.equal(await input.inputValue(), "");
  }
  await page.keyboard.type("half a");
  await page.locator(".item", { hasText: "bye" }).waitFor();
  assert.equal(await input.inputValue(), "half a");
  assert.deepEqual(await said(), ["yes", "ok thanks", "bye"]);
  // Loaded again on the way: saved once, in order, and what was not sent is still in the box.
  await page.keyboard.type(" thought");
  await page.keyboard.press("Enter");
  await page.keyboard.type("last");
  await page.keyboard.press("Enter");
  await page.keyboard.type("unsent");
  await page.reload();
  await page.locator(".item", { hasText: "last" }).waitFor();
  assert.deepEqual(await said(), ["yes", "ok thanks", "bye", "half a thought", "last"]);
  assert.equal(await input.inputValue(), "unsent");
});

inBrowser("a message that a reload interrupts is saved, also in a conversation that was left meanwhile", async ({ guest }) => {
  // The worker is so slow that it never comes to saving.
  await beforeWorker(guest, 'self.addEventListener("message", (event) => { if (event.data.name === "say") event.stopImmediatePropagation(); })');
  const page = await guest.tab();
  await converse(page, "Left");
  await page.getByLabel("Write a message").fill("on its way");
  await page.keyboard.press("Enter");
  await converse(page, "Elsewhere");
  await guest.context.unroute("**/assets/main-*.js");
  await page.reload();
  await row(page, "Left").filter({ hasText: "1 message" }).waitFor();
  await row(page, "Left").click();
  await page.locator(".item", { hasText: "on its way" }).waitFor();
  assert.equal(await page.locator(".item").count(), 1);
});

inBrowser("notices cover neither each other nor what is being written", { width: 320, height: 568 }, async ({ guest }) => {
  const page = await guest.tab();
  await converse(page, "Narrow", "one");
  await page.getByLabel("Write a message").fill("a line\n".repeat(9));
  await page.evaluate(() => { location.hash = ""; });
  for (const name of ["A", "B", "C"]) {
    await converse(page, name, "x");
    await page.getByRole("button", { name: "Delete" }).click();
    await page.locator(".toast", { hasText: `Deleted “${name}”` }).waitFor();
    await page.evaluate(() => { location.hash = ""; });
  }
  assert.equal(await page.locator(".toast").count(), 2);
  await row(page, "Narrow").click();
  await page.getByLabel("Write a message").waitFor();
  // In one go: what is drawn anew in between has no place any more.
  const [writing, ...notices] = await page.evaluate(() => [document.querySelector("[aria-label='Write a message']"), ...document.querySelectorAll(".toast")].map((element) => element.getBoundingClientRect().toJSON()));
  assert.equal(notices.length, 2);
  for (const notice of notices) assert.ok(notice.bottom <= writing.top && notice.top >= 0, JSON.stringify([notice, writing]));
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

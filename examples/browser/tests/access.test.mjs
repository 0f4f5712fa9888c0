// Keyboard alone, screen readers, both themes, phone to wide screen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { axePath, bringIn, choose, closeNotices, converse, hear, inBrowser, row, say } from "./open.mjs";
import { showcase } from "./showcase.mjs";

/** What axe-core finds wrong. */
async function violations(page, state) {
  await page.evaluate(readFileSync(axePath, "utf8"));
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${state}: ${id}: ${nodes.map((node) => `${node.target} ${node.any.map((each) => each.message)}`).join("; ")}`);
}

for (const theme of ["light", "dark"]) {
  for (const [device, width, height] of [["desk", 1280, 800], ["phone", 390, 844]]) {
    inBrowser(`axe-core finds nothing: ${theme}, ${device}`, { width, height, theme }, async ({ guest }) => {
      const page = await guest.tab();
      const found = await violations(page, "welcome");
      const see = async (state) => found.push(...(await violations(page, state)));
      await page.evaluate(() => { location.hash = "#overview"; });
      const bytes = await showcase(Date.now());
      if (device === "phone") await page.evaluate(() => { location.hash = ""; });
      // On a phone the welcome has the button.
      const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Choose an archive" }).click()]);
      await chooser.setFiles({ name: "a.convostore", mimeType: "application/octet-stream", buffer: Buffer.from(bytes) });
      await page.getByRole("dialog").getByRole("button", { name: /^Import \d/ }).waitFor();
      await see("import shown");
      await page.getByRole("dialog").getByRole("button", { name: /^Import \d/ }).click();
      await page.locator(".row-session").first().waitFor();
      await see("list");
      await page.evaluate(() => { location.hash = "#overview"; });
      await page.locator(".chart-time").waitFor();
      await see("overview");
      await page.evaluate(() => { location.hash = ""; });
      await row(page, "Beetles").first().click();
      await page.locator(".item").first().waitFor();
      await page.locator(".call summary").first().click();
      await see("conversation");
      await page.getByRole("button", { name: "Rename" }).click();
      await see("rename");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Delete" }).click();
      await page.locator(".toast").filter({ hasText: "Deleted" }).waitFor();
      await page.locator(".chart-time").waitFor(); // the overview comes in its place
      await see("deleted");
      await page.evaluate(() => { location.hash = ""; });
      await closeNotices(page);
      await page.getByRole("button", { name: "New", exact: true }).click();
      await see("new");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Clean up" }).click();
      await page.locator(".outcome", { hasText: "would delete" }).waitFor();
      await see("clean up");
      await page.keyboard.press("Escape");
      await choose(page, "x.jpg", Buffer.from("no"));
      await page.locator(".outcome-error").waitFor();
      await see("error");
      await page.keyboard.press("Escape");
      assert.deepEqual(found, []);
      // Nothing is wider than the screen.
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    });
  }
}

inBrowser("axe-core looks: a button without a name is found", async ({ guest }) => {
  const page = await guest.tab();
  await page.evaluate(() => document.querySelector(".button-icon").removeAttribute("aria-label"));
  await page.evaluate(() => document.querySelector(".button-icon").removeAttribute("title"));
  assert.match((await violations(page, "broken")).join(), /button-name/);
});

inBrowser("the keyboard alone suffices: make, write, find, open, move, rename, delete, undo", async ({ guest }) => {
  const page = await guest.tab();
  const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent);
  /** Goes on with Tab until a control of that name has the focus. */
  const tabTo = async (name, key = "Tab") => {
    for (let i = 0; i < 60; i++) {
      if ((await focused()) === name) return;
      await press(key);
    }
    assert.fail(`${name} cannot be reached; the focus is at ${await focused()}`);
  };
  for (const name of ["Alpha", "Beta"]) {
    await press("n");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type(name);
    await press("Enter");
    await page.locator(".head-title", { hasText: name }).waitFor();
    await page.keyboard.type(`hello from ${name}`);
    await press("Enter");
    await page.locator(".item", { hasText: `hello from ${name}` }).waitFor();
    await press("Escape");
  }
  // The filter, then down into the list.
  await press("/");
  assert.equal(await focused(), "Filter conversations");
  await page.keyboard.type("alp");
  await page.locator(".row-name", { hasText: "Beta" }).waitFor({ state: "detached" });
  await press("ArrowDown", "ArrowDown", "Home", "ArrowDown", "Enter");
  await page.locator(".head-title", { hasText: "Alpha" }).waitFor();
  await page.locator(".row-selected", { hasText: "Alpha" }).waitFor();
  // Folding scopes.
  await press("/");
  await page.keyboard.press("Control+a");
  await press("Delete", "ArrowDown", "Home", "ArrowLeft");
  await page.waitForFunction(() => document.querySelectorAll(".row-session").length === 0);
  await press("ArrowRight");
  await page.waitForFunction(() => document.querySelectorAll(".row-session").length === 2);
  // Status, name, deletion.
  await tabTo("Activate");
  await press("Enter");
  await page.locator(".head .status", { hasText: "active" }).waitFor();
  await tabTo("Rename");
  await press("Enter");
  await page.keyboard.type("Gamma");
  await press("Enter");
  await page.locator(".head-title", { hasText: "Gamma" }).waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(), "Rename");
  await tabTo("Messages");
  await tabTo("Delete", "Shift+Tab");
  await press("Enter");
  await row(page, "Gamma").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).waitFor();
  assert.equal(await focused(), "Undo");
  await press("Enter");
  await page.locator(".head-title", { hasText: "Gamma" }).waitFor();
  // All the rest can be reached, and dialogs give the focus back.
  await tabTo("Clean up");
  await press("Enter");
  await page.getByRole("dialog").waitFor();
  await press("Escape");
  assert.equal(await focused(), "Clean up");
  for (const name of ["Import", "Export", "Overview"]) await tabTo(name, "Shift+Tab");
  await press("Enter");
  await page.locator(".chart-time").waitFor();
});

inBrowser("on a phone the focus goes with the side that is shown", { width: 390, height: 844 }, async ({ guest }) => {
  const page = await guest.tab();
  await converse(page, "Pocket", "hello");
  await page.getByRole("button", { name: "Back to the list" }).click();
  const focused = () => page.evaluate(() => document.activeElement.ariaLabel);
  assert.equal(await focused(), "Conversations");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.locator(".item", { hasText: "hello" }).waitFor();
  assert.equal(await focused(), "Conversation");
  await page.getByRole("button", { name: "Back to the list" }).click();
  await page.getByRole("button", { name: "Overview" }).last().click();
  await page.locator(".chart-time").waitFor();
  assert.equal(await focused(), "Overview");
});

inBrowser("screen readers are told what changes", async ({ guest }) => {
  const page = await guest.tab();
  await converse(page, "Told", "hello");
  await hear(page);
  const told = (words) => page.waitForFunction((words) => globalThis.heard.some((each) => each.includes(words)), words);
  await say(page, "again");
  await told("Message saved");
  await page.getByRole("button", { name: "Activate" }).click();
  await told("Status: active");
  await page.getByRole("button", { name: "First message" }).click();
  await told("First message");
  await page.getByRole("searchbox").fill("tol");
  await told("1 of 1 conversation");
  await page.getByRole("button", { name: "Delete" }).click();
  await told("Deleted “Told”. Undo is offered.");
  await page.getByRole("button", { name: "Undo" }).click();
  await told("The conversation is back");
  // Another tab's message is told too.
  const other = await guest.tab(await page.evaluate(() => location.hash).then((hash) => `/${hash}`));
  await say(other, "from elsewhere");
  await told("New messages");
  // The list says what it is, and where one is in it.
  const tree = page.getByRole("tree");
  await tree.focus();
  await page.keyboard.press("End");
  const active = page.locator(`#${await tree.getAttribute("aria-activedescendant")}`);
  assert.deepEqual(await Promise.all(["role", "aria-level", "aria-posinset", "aria-setsize", "aria-selected"].map((name) => active.getAttribute(name))), ["treeitem", "2", "1", "1", "true"]);
  // The charts have their numbers as tables.
  await page.getByRole("button", { name: "Overview" }).first().click();
  await page.getByRole("table", { name: "Messages over time" }).waitFor({ state: "attached" });
  assert.deepEqual((await page.getByRole("table", { name: "Storage by scope" }).locator("tbody tr").allTextContents()).length, 1);
});

inBrowser("the theme follows the system until one is chosen, and the choice stays", { theme: "dark" }, async ({ guest }) => {
  const page = await guest.tab();
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.emulateMedia({ colorScheme: "light" });
  const light = await ground();
  assert.notEqual(dark, light);
  await page.getByRole("button", { name: /^Theme/ }).click();
  await page.getByRole("button", { name: "Theme: light" }).click();
  assert.equal(await ground(), dark);
  await page.reload();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
  assert.equal(await ground(), dark);
});

// What goes wrong around the page: a full disk, no storage at all, data cleared under it, another program on the same store.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeWorker, clock, converse, exported, folder, inBrowser, row } from "./open.mjs";

inBrowser("a full disk is said in a sentence, the draft stays, and nothing that was saved is lost", async ({ guest }) => {
  // The quota itself is the matter of the package's tests; here the database fails as it does when there is no space.
  await beforeWorker(guest, `{
    let isFull = false;
    const channel = new BroadcastChannel("full");
    channel.onmessage = ({ data }) => {
      isFull = data;
      channel.postMessage("heard");
    };
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...given) {
      if (isFull) throw new DOMException("full", "QuotaExceededError");
      return put.apply(this, given);
    };
  }`);
  const page = await guest.tab();
  const fill = (isFull) => page.evaluate((isFull) => new Promise((heard) => {
    const channel = new BroadcastChannel("full");
    channel.onmessage = () => {
      channel.close();
      heard();
    };
    channel.postMessage(isFull);
  }), isFull);
  await converse(page, "Full", "saved before");
  await fill(true);
  const input = page.getByLabel("Write a message");
  await input.fill("no room");
  await page.keyboard.press("Enter");
  await page.locator(".toast-error", { hasText: "The browser has no space left" }).waitFor();
  assert.equal(await input.inputValue(), "no room");
  // What could not be saved comes before what was typed since.
  await page.evaluate(() => {
    const input = document.querySelector(".composer-text");
    input.form.requestSubmit();
    input.value = "typed since";
    input.dispatchEvent(new Event("input"));
  });
  await page.waitForFunction(() => document.querySelector(".composer-text").value === "no room\ntyped since");
  await input.fill("no room");
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Not kept");
  // The notice that is there is the message's: the rename has failed when another has taken its place.
  await page.evaluate(() => document.querySelector(".toast-error")?.setAttribute("id", "of-the-message"));
  await page.keyboard.press("Enter");
  // Said again, once; and what was typed is still there.
  await page.locator(".toast-error:not(#of-the-message)").waitFor();
  assert.equal(await page.locator(".toast-error").count(), 1);
  assert.equal(await page.getByRole("dialog").getByLabel("Name").inputValue(), "Not kept");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".item").count(), 1);
  await fill(false);
  await page.reload();
  await page.locator(".item", { hasText: "saved before" }).waitFor();
  assert.equal(await input.inputValue(), "no room");
  await input.press("Enter");
  await page.locator(".item", { hasText: "no room" }).waitFor();
  assert.deepEqual(await page.locator(".item .prose").allInnerTexts(), ["saved before", "no room"]);
  await page.locator(".head-title", { hasText: "Full" }).waitFor();
});

inBrowser("without storage the page says that nothing is kept, and works", async ({ guest }) => {
  // As some private windows are: the worker finds no IndexedDB.
  await beforeWorker(guest, 'Object.defineProperty(self, "indexedDB", { value: undefined })');
  const page = await guest.tab();
  await page.getByText("This browser window keeps nothing").waitFor();
  await converse(page, "Fleeting", "hello");
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await row(page, "Fleeting").waitFor();
  assert.ok((await exported(page)).includes("Fleeting"));
});

inBrowser("where the browser's settings refuse all storage the page says so, and works", { preferences: { profile: { default_content_setting_values: { cookies: 2 } } } }, async ({ guest }) => {
  const page = await guest.tab();
  // The settings are in force.
  assert.equal(await page.evaluate(() => { try { return localStorage.length; } catch (error) { return error.name; } }), "SecurityError");
  await page.getByText("This browser window keeps nothing").waitFor();
  await converse(page, "Fleeting", "hello");
  await page.getByRole("button", { name: /^Theme/ }).click();
  await page.getByRole("button", { name: "Theme: light" }).waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await row(page, "Fleeting").waitFor();
});

inBrowser("an address that names nothing, or is no text at all, shows the overview", async ({ guest }) => {
  const page = await guest.tab("/#session=%");
  await page.locator(".welcome").waitFor();
  await converse(page, "Here", "hello");
  for (const address of ["/#session=%E0%A4%A", "/#session=gone", "/#session=", "/#%%%"]) {
    const other = await guest.tab(address);
    await other.locator(".overview .chart-time").waitFor();
    await other.close();
  }
});

inBrowser("data that are cleared under the page are said in a sentence", async ({ guest, origin }) => {
  const page = await guest.tab();
  await converse(page, "Cleared", "hello");
  const session = await guest.context.newCDPSession(page);
  await session.send("Storage.clearDataForOrigin", { origin: origin, storageTypes: "indexeddb" });
  await page.getByLabel("Write a message").fill("into the void");
  await page.keyboard.press("Enter");
  await page.locator(".toast-error", { hasText: "Load the page again" }).waitFor();
  await page.reload();
  await page.locator(".welcome").waitFor();
});

inBrowser("what another program on the same store wrote into a deleted session is not deleted with it", async ({ guest, origin }) => {
  // A program that knows nothing of the page's marks and tells it nothing: the plain package, from the same origin.
  await guest.context.route("**/other/**", async (route) => {
    const path = new URL(route.request().url()).pathname.slice("/other/".length);
    const types = { js: "text/javascript", wasm: "application/wasm" };
    if (path === "") await route.fulfill({ contentType: "text/html", body: "<!doctype html><title>other</title>" });
    else await route.fulfill({ contentType: types[path.split(".").pop()], body: readFileSync(join(folder, "node_modules", "convostore", "dist", path)) });
  });
  const pass = await clock(guest);
  const page = await guest.tab();
  await converse(page, "Contested", "hello");
  await converse(page, "Given up", "bye");
  await page.getByRole("button", { name: "Delete" }).click();
  await row(page, "Given up").waitFor({ state: "detached" });
  await row(page, "Contested").click();
  await page.getByRole("button", { name: "Delete" }).click();
  await row(page, "Contested").waitFor({ state: "detached" });
  const other = await guest.context.newPage();
  await other.goto(`${origin}/other/`);
  await other.evaluate(async () => {
    const { Store } = await import("/other/browser.js");
    const store = await Store.open({ name: "history" });
    const session = (await store.listSessions()).items.find(({ metadata }) => metadata.title === "Contested");
    await store.saveMessage(session.id, { role: "user", content: "I still need this" });
    await store.close();
  });
  await other.close();
  const text = await exported(page);
  assert.ok(text.includes("I still need this") && !text.includes("Given up"));
  // It is back when the time for undoing is over.
  await pass(page);
  await row(page, "Contested").click();
  await page.locator(".item", { hasText: "I still need this" }).waitFor();
});

inBrowser("a message is copied verbatim", async ({ guest }) => {
  const page = await guest.tab();
  await converse(page, "Copy");
  await page.getByLabel("Write a message").fill("**bold** `code`");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Copy message" }).click();
  await page.locator(".toast", { hasText: "Copied." }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "**bold** `code`");
});

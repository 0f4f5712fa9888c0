// The built page, served as `make page` serves it, in a real browser with a profile of its own.
import { createRequire } from "node:module";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { chromium } from "playwright-core";
import { preview } from "vite";
import { folder, results } from "./folder.mjs";
import { launchOptions, PATIENCE, skip, watch } from "../../../bindings-wasm/tests/browser.mjs";

export { folder, results, skip };
export const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

let served;

/** Where the page is: served once, for all tests of this process. */
async function serve() {
  served ??= preview({ root: folder, logLevel: "error", preview: { port: 0, strictPort: false } });
  return `http://127.0.0.1:${(await served).httpServer.address().port}`;
}
after(async () => (await served)?.close());

let launched;

/** The one browser of this process; each visit has a profile of its own. */
function browser() {
  launched ??= chromium.launch(launchOptions);
  return launched;
}
after(async () => (await launched)?.close());

/** A folder for a browser of its own, with settings as its user would have made them. */
function profile(preferences) {
  const place = mkdtempSync(join(tmpdir(), "convostore-profile-"));
  places.push(place);
  mkdirSync(join(place, "Default"));
  writeFileSync(join(place, "Default", "Preferences"), JSON.stringify(preferences));
  return place;
}

/** A browser in which nobody was yet. `tab` opens the page and waits until it is there. */
async function visit(origin, { width = 1280, height = 800, theme = "light", preferences } = {}) {
  const look = { viewport: { width, height }, colorScheme: theme, reducedMotion: "reduce", acceptDownloads: true, permissions: ["clipboard-read", "clipboard-write"] };
  const context = preferences === undefined ? await (await browser()).newContext(look) : await chromium.launchPersistentContext(profile(preferences), { ...launchOptions, ...look });
  const trouble = watch(context, origin);
  return {
    context,
    trouble,
    close: () => context.close(),
    tab: async (address = "/") => {
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE);
      await page.goto(origin + address);
      await page.locator(".app").waitFor();
      return page;
    },
  };
}

/**
 * A test in a browser in which nobody was yet. Afterwards there must have been no trouble: no error, nothing against the policy, no request to elsewhere; but where `isTroubled` says that
 * the test causes some.
 */
export function inBrowser(name, ...rest) {
  const run = rest.pop();
  const { skip: reason = skip, isTroubled = false, ...look } = rest[0] ?? {};
  test(name, { skip: reason }, async (t) => {
    const origin = await serve();
    const guest = await visit(origin, look);
    t.after(() => guest.close());
    await run({ guest, origin, t });
    if (!isTroubled) assert.deepEqual(guest.trouble, []);
  });
}

/** Puts something before the worker's script. */
export function beforeWorker(guest, script) {
  return guest.context.route("**/assets/main-*.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${script};${await response.text()}` });
  });
}

/** Lets the time for undoing pass in all tabs that are opened after this: the answer's argument is any of them. */
export async function clock(guest) {
  await beforeWorker(guest, `{
    const [now, start, stop, long] = [Date.now, setTimeout, clearTimeout, new Map()];
    let ahead = 0;
    Date.now = () => now() + ahead;
    self.setTimeout = (run, time) => {
      const timer = start(() => { long.delete(timer); run(); }, time);
      if (time > 5000) long.set(timer, run);
      return timer;
    };
    self.clearTimeout = (timer) => { long.delete(timer); stop(timer); };
    new BroadcastChannel("clock").onmessage = ({ data }) => {
      ahead += data;
      for (const [timer, run] of [...long]) { self.clearTimeout(timer); run(); }
    };
  }`);
  return (page) => page.evaluate(() => { (globalThis.clock ??= new BroadcastChannel("clock")).postMessage(60_000); });
}

/** Takes away what is said at the bottom of the page, if it is still there. */
export const closeNotices = (page) => page.evaluate(() => { for (const close of document.querySelectorAll(".toast button:last-child")) close.click(); });

/** Waits until nothing moves any more: for some frames all items have stood where they stand. */
export const still = (page) => page.evaluate(async () => {
  const look = () => JSON.stringify([...document.querySelectorAll(".item")].map((item) => [item.ariaPosInSet, item.classList.contains("item-waiting"), Math.round(item.getBoundingClientRect().top)]));
  for (let [seen, same] = [look(), 0]; same < 10;) {
    await new Promise((done) => { requestAnimationFrame(done); });
    const present = look();
    same = present === seen && !present.includes("true") ? same + 1 : 0;
    seen = present;
  }
});

/** Hands a file over as a person would who chooses it. */
export async function choose(page, name, bytes) {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.locator(".sidebar-foot").getByRole("button", { name: "Import" }).click()]);
  // As a file, so that its bytes do not come through the page.
  const place = mkdtempSync(join(tmpdir(), "convostore-file-"));
  const path = join(place, name.replaceAll("/", "_"));
  writeFileSync(path, bytes);
  await chooser.setFiles(path);
  places.push(place);
}

const places = [];
after(() => places.forEach((place) => rmSync(place, { recursive: true, force: true })));

/** Imports an archive, first shown and then done. */
export async function bringIn(page, name, bytes) {
  await choose(page, name, bytes);
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: /^Import/ }).click();
  await dialog.waitFor({ state: "detached", timeout: PATIENCE });
}

/** The archive that the page exports, as text. */
export async function exported(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".sidebar-foot").getByRole("button", { name: "Export" }).click()]);
  return readFileSync(await download.path(), "utf8");
}

/** Drops a file on the page, as the browser would. */
export async function drop(page, name, bytes) {
  const transfer = await page.evaluateHandle(([name, numbers]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(numbers)], name));
    return transfer;
  }, [name, [...bytes]]);
  await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
  await page.locator(".veil").waitFor();
  await page.dispatchEvent("body", "dragover", { dataTransfer: transfer });
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

/** A row of the list by its words. */
export const row = (page, words) => page.locator(".row-session").filter({ hasText: words });

/** Makes a conversation with a first message, and leaves it open. */
export async function converse(page, title, ...messages) {
  await page.getByRole("button", { name: "New", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(title);
  await dialog.getByRole("button", { name: "Create" }).click();
  await page.locator(".head-title", { hasText: title }).waitFor();
  for (const message of messages) await say(page, message);
}

/** Writes a message and waits until it is shown, which is after it was kept. */
export async function say(page, text) {
  await page.getByLabel("Write a message").fill(text);
  await page.keyboard.press("Enter");
  await page.locator(".item", { hasText: text }).waitFor();
}

/** What was said to screen readers until now. */
export async function hear(page) {
  await page.evaluate(() => {
    globalThis.heard = [];
    for (const place of document.querySelectorAll("[role=status], [role=alert]")) new MutationObserver(() => place.textContent !== "" && globalThis.heard.push(place.textContent)).observe(place, { childList: true, characterData: true, subtree: true });
  });
}

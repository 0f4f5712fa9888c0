// The charts and the storage; and pictures of the page in all its states, one of which is in the README.
import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { archive } from "./archives.mjs";
import { bringIn, choose, closeNotices, inBrowser, results, row } from "./open.mjs";
import { showcase } from "./showcase.mjs";

inBrowser("the charts show messages over time and storage by scope, for eyes and for screen readers", async ({ guest }) => {
  const page = await guest.tab();
  const noon = new Date().setHours(0, 0, 0, 0) - 12 * 3_600_000;
  const DAY = 86_400_000;
  await bringIn(page, "a.convostore", await archive(async (store, world) => {
    for (const [days, scope, count, text] of [[20, "small", 1, "x".repeat(98)], [5, "big", 4, "ü".repeat(2499)], [5, "small", 2, "x".repeat(98)], [0, "", 3, "x"]]) {
      world.at(noon - days * DAY);
      const { id } = await store.createSession({ scope });
      await store.saveMessages(id, Array.from({ length: count }, () => ({ role: "user", content: text })));
    }
  }));
  await page.evaluate(() => { location.hash = "#overview"; });
  const cells = (name) => page.getByRole("table", { name }).locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  await page.locator(".chart-time .bar").first().waitFor();
  const label = (days) => new Date(noon - days * DAY).toLocaleDateString("en-US", { day: "numeric", month: "short", year: "numeric" });
  assert.deepEqual(await cells("Messages over time"), [[label(20), "1"], [label(5), "6"], [label(0), "3"]]);
  // The bytes of the JSON text: two quotes around each.
  assert.deepEqual(await cells("Storage by scope"), [["big", "20.0 kB", "1 conversation"], ["small", "300 bytes", "2 conversations"], ["No scope", "9 bytes", "1 conversation"]]);
  const heights = await page.locator(".chart-time .bar").evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute("height"))));
  assert.deepEqual(heights.map((height) => Math.round(height)), [17, 100, 50]);
  assert.match(await page.locator(".chart-time").getAttribute("aria-label"), new RegExp(`Messages per day.*most, 6, on ${label(5)}`));
  assert.match(await page.locator(".storage-words").innerText(), /^[\d.]+ (bytes|kB|MB) of [\d.]+ (MB|GB|TB) that the browser grants$/);
  assert.deepEqual((await page.locator(".number").allInnerTexts()).map((text) => text.replaceAll("\n", " ")), ["4 conversations", "10 messages", "3 scopes", "20.3 kB of text"]);
  // A message more is in the picture a moment later.
  const other = await guest.tab();
  await row(other, "x").first().click();
  await other.getByLabel("Write a message").fill("y");
  await other.keyboard.press("Enter");
  await page.locator(".number", { hasText: "11" }).waitFor();
});

for (const theme of ["light", "dark"]) {
  inBrowser(`pictures: ${theme}`, { theme, width: 1280, height: 800 }, async ({ guest }) => {
    mkdirSync(results, { recursive: true });
    const page = await guest.tab();
    const picture = (name) => page.screenshot({ path: join(results, `${name}-${theme}.png`) });
    const settled = () => page.waitForFunction(() => document.querySelector(".item-waiting, .toast") === null && document.fonts.status === "loaded");
    await page.locator(".welcome").waitFor();
    await settled();
    await picture("empty");
    await page.setViewportSize({ width: 390, height: 844 });
    await picture("phone-empty");
    await page.setViewportSize({ width: 1280, height: 800 });
    await bringIn(page, "history.convostore", await showcase(Date.now()));
    await closeNotices(page);
    await page.locator(".chart-time").waitFor();
    await settled();
    await picture("overview");
    await row(page, "Beetles").first().click();
    await page.locator(".item").first().waitFor();
    await page.getByRole("button", { name: "First message" }).click();
    await page.locator(".call summary").first().click();
    await settled();
    await page.mouse.move(640, 790);
    await picture("conversation");
    if (theme === "light") {
      const path = join(results, "history-page.png");
      await page.setViewportSize({ width: 1280, height: 860 });
      await page.getByRole("tree").evaluate((tree) => { tree.scrollTop = 0; });
      await row(page, "Fees:").first().click();
      await page.locator(".call summary").first().waitFor();
      await page.getByRole("button", { name: "First message" }).click();
      await page.locator(".call summary").nth(1).click();
      await settled();
      await page.mouse.move(640, 790);
      await page.screenshot({ path });
      const { size } = statSync(path);
      assert.ok(size > 20_000 && size < 300_000, `${size} bytes`);
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    await choose(page, "holiday.jpg", Buffer.from("no archive"));
    await page.locator(".outcome-error").waitFor();
    await picture("error");
    await page.keyboard.press("Escape");
    await page.setViewportSize({ width: 390, height: 844 });
    await page.locator(".item").first().waitFor();
    await settled();
    await picture("phone-conversation");
    await page.getByRole("button", { name: "Back to the list" }).click();
    await picture("phone-list");
    await page.evaluate(() => { location.hash = "#overview"; });
    await page.locator(".chart-time").waitFor();
    await picture("phone-overview");
    await page.setViewportSize({ width: 1920, height: 1080 });
    await row(page, "Shelf marks").first().click();
    await page.locator(".item pre").first().waitFor();
    await settled();
    await picture("wide");
  });
}

// Fifty thousand messages: imported and scrolled, with the longest task of the page reported.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { large } from "./archives.mjs";
import { choose, inBrowser, results, row } from "./open.mjs";

/** What a person notices, in milliseconds. */
const GOAL = 200;

inBrowser("50,000 messages are imported and scrolled without a long task", async ({ guest, t }) => {
  const page = await guest.tab();
  await page.evaluate(() => {
    globalThis.tasks = [];
    globalThis.step = "";
    new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) globalThis.tasks.push([globalThis.step, duration]); }).observe({ type: "longtask" });
  });
  const step = (name) => page.evaluate((name) => { globalThis.step = name; }, name);
  const bytes = await large({ sessions: 2000, each: 15, long: 20_015 });
  await step("import");
  await choose(page, "large.convostore", bytes);
  const dialog = page.getByRole("dialog");
  await dialog.locator(".counts", { hasText: "50,000" }).waitFor();
  await dialog.getByRole("button", { name: "Import 2,000 conversations" }).click();
  // The page answers while the worker is busy: the pulse of its frames goes on.
  const frames = await page.evaluate(() => new Promise((done) => {
    let [count, widest, last] = [0, 0, performance.now()];
    const beat = () => {
      const now = performance.now();
      widest = Math.max(widest, now - last);
      last = now;
      count += 1;
      if (document.querySelector("dialog") === null) done({ count, widest });
      else requestAnimationFrame(beat);
    };
    requestAnimationFrame(beat);
  }));
  assert.ok(frames.count > 10, `${frames.count} frames`);
  await page.locator(".list-summary", { hasText: "2,000 conversations" }).waitFor();

  await step("scroll the list");
  await page.mouse.move(150, 400);
  for (let i = 0; i < 30; i++) await page.mouse.wheel(0, 900);
  await step("filter");
  for (const typed of ["c", "co", "con", "conv", "conversation 17", "an order", ""]) {
    await page.getByRole("searchbox").fill(typed);
    await page.waitForTimeout(120);
  }
  await page.getByRole("searchbox").fill("long one");
  await row(page, "The long one").waitFor();
  await step("open");
  await row(page, "The long one").click();
  await page.locator(".item[aria-posinset='20015']:not(.item-waiting)").waitFor();
  await step("scroll the conversation");
  await page.mouse.move(800, 400);
  for (let i = 0; i < 40; i++) await page.mouse.wheel(0, -1200);
  await page.getByRole("button", { name: "First message" }).click();
  await page.locator(".item[aria-posinset='1']:not(.item-waiting)").waitFor();
  for (let i = 0; i < 40; i++) await page.mouse.wheel(0, 1200);
  // Anywhere by the scroll bar.
  for (const part of [0.3, 0.8, 0.5]) {
    await page.evaluate((part) => { const scroller = document.querySelector(".scroller"); scroller.scrollTop = scroller.scrollHeight * part; }, part);
    await page.waitForFunction(() => document.querySelectorAll(".item").length > 3 && document.querySelector(".item-waiting") === null);
  }
  assert.ok((await page.locator(".item").count()) < 80);
  await step("write");
  await page.getByLabel("Write a message").fill("one more");
  await page.keyboard.press("Enter");
  await page.locator(".item", { hasText: "one more" }).waitFor();
  await step("overview");
  await page.getByRole("button", { name: "Overview" }).first().click();
  await page.locator(".number", { hasText: "50,001" }).waitFor();
  await step("load the page again");
  const reloaded = await guest.tab();
  await reloaded.locator(".number", { hasText: "50,001" }).waitFor();

  const tasks = await page.evaluate(() => globalThis.tasks);
  const longest = Math.round(Math.max(0, ...tasks.map(([, duration]) => duration)));
  const report = { messages: 50_000, sessions: 2000, bytes: bytes.length, goal_ms: GOAL, longest_task_ms: longest, widest_gap_between_frames_during_import_ms: Math.round(frames.widest), tasks_over_50_ms: tasks.map(([name, duration]) => `${name}: ${Math.round(duration)}`) };
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, "large.json"), `${JSON.stringify(report, null, 2)}\n`);
  t.diagnostic(`longest task: ${longest} ms (goal: ${GOAL}); ${report.tasks_over_50_ms.join(", ") || "none over 50 ms"}; widest gap between frames during the import: ${Math.round(frames.widest)} ms`);
  // What keeps the tasks short, whatever the machine: the store is not on the page's own thread. The goal itself is reported, not enforced where others use the processor too.
  const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  assert.ok(loaded.length > 0 && !loaded.some((name) => name.includes(".wasm")), loaded.join());
  assert.ok(longest < 25 * GOAL, `a task of ${longest} ms`);
});

// Two tabs in step, and reloads in the middle of everything: nothing acknowledged is lost.
import assert from "node:assert/strict";
import { large } from "./archives.mjs";
import { choose, clock, converse, exported, inBrowser, row, say } from "./open.mjs";

const sleep = (time) => new Promise((done) => setTimeout(done, time));

inBrowser("what one tab does, the other shows: messages, names, statuses, deletion, undoing, imports", async ({ guest }) => {
  const [a, b] = [await guest.tab(), await guest.tab()];
  await converse(a, "Shared", "from the first tab");
  await row(b, "Shared").click();
  await b.locator(".item", { hasText: "from the first tab" }).waitFor();
  await say(b, "from the second tab");
  await a.locator(".item", { hasText: "from the second tab" }).waitFor();
  await a.getByRole("button", { name: "Activate" }).click();
  await b.locator(".head .status", { hasText: "active" }).waitFor();
  await b.getByRole("button", { name: "Rename" }).click();
  await b.getByRole("dialog").getByLabel("Name").fill("Renamed");
  await b.keyboard.press("Enter");
  await a.locator(".head-title", { hasText: "Renamed" }).waitFor();
  // Deleted in one, gone in the other, which had it open; back in both.
  await a.getByRole("button", { name: "Delete" }).click();
  await row(b, "Renamed").waitFor({ state: "detached" });
  await b.locator(".overview").waitFor();
  await b.locator(".toast", { hasText: "“Renamed” was deleted in another tab." }).waitFor();
  await a.getByRole("button", { name: "Undo" }).click();
  await row(b, "Renamed").waitFor();
  await choose(a, "many.convostore", await large({ sessions: 40, each: 2 }));
  await a.getByRole("dialog").getByRole("button", { name: /^Import 40/ }).click();
  await b.locator(".list-summary", { hasText: "41 conversations" }).waitFor();
});

inBrowser("both tabs write at once: every message is there, once, in both", { height: 4000 }, async ({ guest }) => {
  // High enough that all of it is drawn.
  const tabs = [await guest.tab(), await guest.tab()];
  await converse(tabs[0], "Busy");
  await row(tabs[1], "Busy").click();
  await Promise.all(tabs.map(async (tab, which) => {
    for (let i = 0; i < 12; i++) await say(tab, `tab ${which} says ${i}.`);
  }));
  for (const tab of tabs) await tab.waitForFunction(() => document.querySelectorAll(".item").length === 24 && document.querySelector(".item-waiting") === null);
  for (const tab of tabs) await tab.locator(".head-facts", { hasText: "24 messages" }).waitFor();
  const texts = await Promise.all(tabs.map((tab) => tab.locator(".item .prose").allInnerTexts()));
  assert.equal(new Set(texts[0]).size, 24);
  assert.deepEqual(texts[0], texts[1]);
});

inBrowser("a reload while a message is being saved: it is there, and never twice", async ({ guest }) => {
  const page = await guest.tab();
  await converse(page, "Reloads");
  for (let round = 0; round < 10; round++) {
    const text = `message ${round}.`;
    await page.getByLabel("Write a message").fill(text);
    if (round % 2 === 0) {
      // In the same moment: nothing can have been acknowledged.
      const loaded = page.waitForEvent("load");
      await page.evaluate(() => {
        document.querySelector(".composer").requestSubmit();
        location.reload();
      }).catch(() => {});
      await loaded;
    } else {
      await page.keyboard.press("Enter");
      await sleep(round);
      await page.reload();
    }
    await page.locator(".composer").waitFor();
    // Not acknowledged, it may have been kept or not: it is sent again by itself.
    await page.locator(".item", { hasText: text }).waitFor();
    assert.equal(await page.locator(".item", { hasText: text }).count(), 1, text);
    assert.equal(await page.getByLabel("Write a message").inputValue(), "");
  }
  assert.equal(await page.locator(".item").count(), 10);
});

inBrowser("a reload or a crash in the middle of an import: all of it or nothing", async ({ guest, t }) => {
  let page = await guest.tab();
  await converse(page, "Before", "here first");
  const bytes = await large({ sessions: 400, each: 50 });
  const found = [];
  // Crashes kill the worker where it stands; at a reload browsers let it come to the end of what it is doing.
  for (const [how, delay] of [["crash", 60], ["crash", 500], ["reload in the same moment", 0], ["reload", 30], ["reload", 300]]) {
    await choose(page, "many.convostore", bytes);
    await page.getByRole("dialog").getByRole("button", { name: /^Import 400/ }).waitFor();
    await page.evaluate((isAtOnce) => {
      document.querySelector("dialog .button-strong").click();
      if (isAtOnce) location.reload();
    }, delay === 0).catch(() => {});
    await sleep(delay);
    if (delay === 0) await page.locator("dialog").waitFor({ state: "detached" });
    else if (how === "crash") {
      const crashed = new Promise((done) => page.once("crash", done));
      (await guest.context.newCDPSession(page)).send("Page.crash").catch(() => {});
      await crashed;
      page.close().catch(() => {});
      page = await guest.tab();
    } else await page.reload();
    await page.locator(".row-session").first().waitFor();
    const words = await page.locator(".list-summary").innerText();
    assert.ok(["1 conversation", "401 conversations"].includes(words), words);
    found.push(`${how} after ${delay} ms: ${words}`);
    if (words === "401 conversations") break;
  }
  await page.getByRole("searchbox").fill("Before");
  await row(page, "Before").waitFor();
  t.diagnostic(found.join(", "));
});

inBrowser("a reload after deleting: it stays deleted, undoing is still offered, in the end it is gone for good", async ({ guest }) => {
  const pass = await clock(guest);
  const page = await guest.tab();
  await converse(page, "Kept", "I stay");
  await converse(page, "Twice", "one", "two");
  const before = await exported(page);
  await page.getByRole("button", { name: "Delete" }).click();
  await row(page, "Twice").waitFor({ state: "detached" });
  await page.reload();
  await row(page, "Kept").waitFor();
  assert.equal(await row(page, "Twice").count(), 0);
  await page.getByRole("button", { name: "Undo" }).click();
  await row(page, "Twice").waitFor();
  assert.equal(await exported(page), before);
  // Undone, and loaded again at once.
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await row(page, "Twice").waitFor();
  await page.reload();
  await row(page, "Twice").waitFor();
  // Deleted by a tab that is closed: the other tab deletes it for good when the time is over.
  await row(page, "Twice").click();
  const other = await guest.tab();
  await page.getByRole("button", { name: "Delete" }).click();
  await row(page, "Twice").waitFor({ state: "detached" });
  await row(other, "Twice").waitFor({ state: "detached" });
  await page.close();
  const marks = () => other.evaluate(() => new Promise((done) => {
    indexedDB.open("convostore/history").onsuccess = (event) => {
      const reading = event.target.result.transaction("rows").objectStore("rows").getAll();
      reading.onsuccess = () => {
        event.target.result.close();
        done(JSON.stringify(reading.result));
      };
    };
  }));
  assert.ok((await marks()).includes("Twice"));
  await pass(other);
  for (let tries = 0; (await marks()).includes("Twice"); tries++) {
    assert.ok(tries < 400, "it is still there");
    await sleep(50);
  }
  assert.ok((await exported(other)).includes("Kept"));
});

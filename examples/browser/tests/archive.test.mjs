// Archives in and out: by button and by drop, shown before it is done, plain sentences about what is no good.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { archive, large } from "./archives.mjs";
import { bringIn, choose, converse, drop, exported, folder, inBrowser, row, skip } from "./open.mjs";

const small = () => archive(async (store) => {
  for (const name of ["One", "Two"]) {
    const { id } = await store.createSession({ id: name, scope: "box", metadata: { title: name } });
    await store.saveMessages(id, [{ role: "user", content: "hello" }, { role: "assistant", content: "hello" }]);
  }
  await store.setContext("box", { colour: "red" });
}, Date.UTC(2026, 0, 2));

inBrowser("an import is shown first, by button and by drop; again it is nothing new; and the export is the same to the byte", async ({ guest }) => {
  const page = await guest.tab();
  const bytes = await small();
  await drop(page, "box.convostore", bytes);
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The archive is whole. Importing it would add:").waitFor();
  assert.deepEqual((await dialog.locator(".counts").innerText()).split("\n"), ["Conversations", "2", "Messages", "4", "Contexts", "1"]);
  // Shown, not done; and cancelled.
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.locator(".row-session").count(), 0);
  await drop(page, "box.convostore", bytes);
  await dialog.getByRole("button", { name: "Import 2 conversations" }).click();
  await page.getByText("Imported 2 conversations with 4 messages.").first().waitFor();
  await row(page, "One").waitFor();
  await choose(page, "box.convostore", bytes);
  await dialog.getByText("Everything in this archive is here already.").waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  assert.equal(await exported(page), Buffer.from(bytes).toString("utf8"));
});

inBrowser("several files are shown one after the other; who cancels sees no more of them", async ({ guest }) => {
  const page = await guest.tab();
  const file = async (name, fill) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(await archive(fill)) });
  const files = [
    await file("first.convostore", (store) => store.createSession({ metadata: { title: "First" } })),
    { name: "holiday.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no archive") },
    await file("third.convostore", (store) => store.createSession({ metadata: { title: "Third" } })),
    await file("fourth.convostore", (store) => store.createSession({ metadata: { title: "Fourth" } })),
  ];
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Import" }).click()]);
  await chooser.setFiles(files);
  const dialog = page.getByRole("dialog");
  await dialog.getByText("3 more files after this one.").waitFor();
  await dialog.getByRole("button", { name: "Import 1 conversation" }).click();
  await dialog.getByText("holiday.jpg").waitFor();
  await dialog.getByRole("button", { name: "Next file" }).click();
  await dialog.getByText("third.convostore").waitFor();
  await dialog.getByRole("button", { name: "Import 1 conversation" }).click();
  await dialog.getByText("fourth.convostore").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.locator(".list-summary", { hasText: "2 conversations" }).waitFor();
  assert.deepEqual((await page.locator(".row-name").allInnerTexts()).sort(), ["First", "Third"]);
  // An archive without conversations is one too; a lifecycle in it is offered at once.
  await bringIn(page, "rules.convostore", await archive((store) => store.defineLifecycle({ name: "errand", initial: "open", statuses: ["open", "done"], moves: [["open", "done"]] })));
  await page.locator(".toast", { hasText: "Imported. There was no new conversation in it." }).waitFor();
  await page.getByRole("button", { name: "New", exact: true }).click();
  await dialog.getByLabel("Lifecycle").selectOption("errand");
});

inBrowser("damaged, cut, foreign, newer and differing files get a plain sentence, and nothing is imported", async ({ guest }) => {
  const page = await guest.tab();
  const good = Buffer.from(await small());
  const text = good.toString("utf8");
  const dialog = page.getByRole("dialog");
  const cases = [
    ["holiday.jpg", Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]), /not an archive of conversations/],
    ["empty.convostore", Buffer.alloc(0), /not an archive|damaged/],
    ["page.html", Buffer.from("<!doctype html><script>alert(1)</script>"), /not an archive of conversations/],
    ["cut.convostore", good.subarray(0, good.length - 40), /This archive is damaged/],
    ["changed.convostore", Buffer.from(text.replace("hello", "hullo")), /This archive is damaged/],
    ["newer.convostore", Buffer.from(text.replace('"version":1', '"version":2')), /written by a newer version/],
  ];
  for (const [name, bytes, sentence] of cases) {
    await choose(page, name, bytes);
    await dialog.locator(".outcome-error").waitFor();
    assert.match(await dialog.locator(".outcome").innerText(), sentence, name);
    assert.doesNotMatch(await dialog.locator(".outcome").innerText(), /hullo|hello|alert/);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  }
  assert.equal(await page.locator(".row-session").count(), 0);
  await bringIn(page, "box.convostore", good);
  // The same session, told otherwise.
  const other = await archive(async (store) => {
    await store.createSession({ id: "One", scope: "elsewhere" });
    await store.createSession({ id: "Three", scope: "elsewhere" });
  });
  await choose(page, "other.convostore", other);
  await dialog.locator(".outcome-error").waitFor();
  assert.match(await dialog.locator(".outcome").innerText(), /^A conversation in this archive is here already, but differs: “One”\. Nothing was imported/);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".row-session").count(), 2);
});

inBrowser("long work shows its progress and can be stopped while the file is read", async ({ guest }) => {
  const page = await guest.tab();
  const bytes = await large({ sessions: 300, each: 60 });
  await page.evaluate(() => {
    globalThis.progress = [];
    new MutationObserver(() => {
      const bar = document.querySelector("dialog progress");
      if (bar !== null && !bar.hidden) globalThis.progress.push([document.querySelector(".outcome").textContent, bar.hasAttribute("value") ? bar.value : null]);
    }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  await bringIn(page, "many.convostore", bytes);
  const progress = await page.evaluate(() => globalThis.progress);
  const read = progress.filter(([words]) => words === "Reading the file …").map(([, value]) => value).filter((value) => value !== null);
  assert.ok(read.length >= 3 && read.some((value) => value > 0.2 && value < 0.8), `${read}`);
  assert.ok(progress.some(([words, value]) => words === "Checking …" && value === null));
  assert.ok(progress.some(([words, value]) => words === "Saving …" && value === null));
  await page.locator(".list-summary", { hasText: "300 conversations" }).waitFor();
  // Stopped at once: the next thing asked is answered, and nothing was imported twice or half.
  await choose(page, "many.convostore", bytes);
  await page.keyboard.press("Escape");
  await converse(page, "Afterwards", "still works");
  await page.locator(".list-summary", { hasText: "301 conversations" }).waitFor();
});

const demo = join(folder, "..", "..", "target", "demo", "conversations.convostore");
inBrowser("the archive that make demo wrote opens", { skip: skip || (!existsSync(demo) && "there is no target/demo/conversations.convostore; make demo writes it") }, async ({ guest }) => {
  const page = await guest.tab();
  const bytes = readFileSync(demo);
  await bringIn(page, "conversations.convostore", bytes);
  await page.locator(".row-session").first().click();
  await page.locator(".item .prose").first().waitFor();
  await page.getByRole("button", { name: "First message" }).click();
  await page.locator(".item-system, .item-user").first().waitFor();
  await page.locator(".call summary").first().click();
  await page.locator(".call pre").first().waitFor();
  assert.equal(await exported(page), bytes.toString("utf8"));
});

// Archives that Rust wrote open here too and go back unchanged.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Store } from "convostore";
import { browse, serve, skip } from "./browser.mjs";
import { rootFolder } from "./places.mjs";

const demo = join("target", "demo", "conversations.convostore");
const noDemo = !existsSync(join(rootFolder, demo)) && `there is no ${demo}; make demo writes it`;
const fixtures = readdirSync(join(rootFolder, "tests", "fixtures")).filter((name) => name.endsWith(".convostore")).map((name) => join("tests", "fixtures", name));

async function sameInNode(name) {
  const bytes = new Uint8Array(readFileSync(join(rootFolder, name)));
  const store = await Store.inMemory();
  const { sessions } = await store.importArchive(bytes);
  assert.ok(sessions > 0);
  assert.deepEqual((await store.exportArchive()).archive, bytes);
  assert.deepEqual((await store.check()).problems, []);
  await store.close();
}

async function sameInBrowser(names) {
  const server = await serve();
  const browser = await browse(server.origin);
  try {
    const page = await browser.tab();
    for (const name of names) {
      const same = await page.evaluate(async (path) => {
        const bytes = new Uint8Array(await (await fetch(path)).arrayBuffer());
        const store = await Store.open({ name: path });
        await store.importArchive(new Blob([bytes]).stream());
        const { archive } = await store.exportArchive();
        await store.close();
        return archive.length === bytes.length && archive.every((byte, i) => byte === bytes[i]);
      }, `/repository/${name}`);
      assert.equal(same, true, name);
    }
  } finally {
    await browser.close();
    await server.close();
  }
}

test("in Node", async () => {
  assert.ok(fixtures.length > 0);
  for (const name of fixtures) await sameInNode(name);
});
test("in Node: that of the demonstration", { skip: noDemo }, () => sameInNode(demo));
test("in a browser", { skip }, () => sameInBrowser(fixtures));
test("in a browser: that of the demonstration", { skip: skip || noDemo }, () => sameInBrowser([demo]));

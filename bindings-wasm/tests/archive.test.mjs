// Archives that Rust wrote open here too and go back unchanged.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Store } from "convostore";
import { browse, serve, skip } from "./browser.mjs";
import { rootFolder } from "./places.mjs";

// The one in the repository, and that of the demonstration where it was run.
const archivesIn = (folder) => {
  const path = join(rootFolder, folder);
  return existsSync(path) ? readdirSync(path).filter((name) => name.endsWith(".convostore")).map((name) => join(folder, name)) : [];
};
const archives = [...archivesIn("tests/fixtures"), ...archivesIn("target/demo")];

test("in Node", async () => {
  assert.ok(archives.length > 0);
  for (const name of archives) {
    const bytes = new Uint8Array(readFileSync(join(rootFolder, name)));
    const store = await Store.inMemory();
    const { sessions } = await store.importArchive(bytes);
    assert.ok(sessions > 0);
    assert.deepEqual((await store.exportArchive()).archive, bytes);
    assert.deepEqual((await store.check()).problems, []);
    await store.close();
  }
});

test("in a browser", { skip }, async () => {
  const server = await serve();
  const browser = await browse(server.origin);
  const page = await browser.tab();
  for (const name of archives) {
    const same = await page.evaluate(async (path) => {
      const bytes = new Uint8Array(await (await fetch(path)).arrayBuffer());
      const store = await Store.open({ name: path });
      await store.importArchive(new Blob([bytes]).stream());
      const { archive } = await store.exportArchive();
      await store.close();
      return archive.length === bytes.length && archive.every((byte, i) => byte === bytes[i]);
    }, `/repository/${name}`);
    assert.equal(same, true);
  }
  await browser.close();
  await server.close();
});

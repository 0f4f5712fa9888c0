// The archive that the demonstration writes in Rust opens here too and goes back unchanged.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Store } from "convostore";
import { browse, browserPath, serve } from "./browser.mjs";
import { rootFolder } from "./places.mjs";

const folder = join(rootFolder, "target", "demo");
const archives = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(archive|convostore)$/.test(name)) : [];
const skip = archives.length === 0 && "there is no archive of the demonstration; make demo writes it";

test("in Node", { skip }, async () => {
  for (const name of archives) {
    const bytes = new Uint8Array(readFileSync(join(folder, name)));
    const store = await Store.inMemory();
    const { sessions } = await store.importArchive(bytes);
    assert.ok(sessions > 0);
    assert.deepEqual((await store.exportArchive()).archive, bytes);
    assert.deepEqual((await store.check()).problems, []);
    await store.close();
  }
});

test("in a browser", { skip: skip || (browserPath === undefined && "there is no chromium here") }, async () => {
  const server = await serve();
  const browser = await browse(server.origin);
  const page = await browser.tab();
  for (const name of archives) {
    const same = await page.evaluate(async (path) => {
      const bytes = new Uint8Array(await (await fetch(path)).arrayBuffer());
      const store = await Store.open({ name: "demo" });
      await store.importArchive(new Blob([bytes]).stream());
      const { archive } = await store.exportArchive();
      await store.close();
      return archive.length === bytes.length && archive.every((byte, i) => byte === bytes[i]);
    }, `/root/target/demo/${name}`);
    assert.equal(same, true);
  }
  await browser.close();
  await server.close();
});

// In the real workerd, bundled as for Cloudflare Workers: the scenarios in memory, and what is not to be had there.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { packageFolder, scenarioFolder, tools } from "./places.mjs";
import { skip, start } from "./workerd.mjs";

const app = mkdtempSync(join(tmpdir(), "convostore-worker-"));
after(() => rmSync(app, { recursive: true, force: true }));

const MAIN = `
import * as api from "convostore";
import { runScenario } from "./runner.mjs";
const { Store } = api;
let kept; // as a program would that serves many requests
export default {
  async fetch(request) {
    const { scenario, say } = await request.json();
    if (scenario !== undefined) {
      const failed = await runScenario(scenario, { api, open: (options) => Store.inMemory(options) }).then(() => null, (error) => String(error.stack));
      return Response.json(failed);
    }
    kept ??= await Store.inMemory();
    const session = await kept.getOrCreateSession({ scope: "C1", key: "k" });
    const { seq } = await kept.saveMessage(session.id, { role: "user", content: say });
    const code = await Store.open({ name: "a" }).then(() => "opened", (error) => error.code);
    return Response.json({ seq, code, last: (await kept.getMessages(session.id, { last: 1 }))[0].content, isNow: Math.abs(session.createdAt - Date.now()) < 60_000 });
  },
};`;

/** The worker as a bundler for workerd makes it: the condition "workerd", and WebAssembly as a module beside it. */
function bundle() {
  mkdirSync(join(app, "node_modules"), { recursive: true });
  symlinkSync(packageFolder, join(app, "node_modules", "convostore"));
  writeFileSync(join(app, "main.mjs"), MAIN);
  writeFileSync(join(app, "runner.mjs"), readFileSync(join(import.meta.dirname, "runner.mjs")));
  const wasm = { name: "wasm", setup: (build) => build.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({ path: `./${path.split("/").at(-1)}`, external: true })) };
  return tools("esbuild").build({
    entryPoints: [join(app, "main.mjs")], bundle: true, format: "esm", write: false, conditions: ["workerd", "worker", "browser"], plugins: [wasm],
  }).then((built) => built.outputFiles[0].text);
}

test("in workerd", { skip }, async (t) => {
  const modules = {
    "main.mjs": { esModule: await bundle() },
    "core_bg.wasm": { wasm: readFileSync(join(packageFolder, "dist", "web", "core_bg.wasm")) },
  };
  // The second date is from before there were finalizers in workerd.
  for (const date of ["2026-01-01", "2023-01-01"]) {
    const worker = await start(modules, date);
    try {
      for (const seq of [1, 2]) assert.deepEqual(await worker.ask({ say: `message ${seq}` }), { seq, code: "unsupported", last: `message ${seq}`, isNow: true });
      if (date > "2025") {
        for (const name of readdirSync(scenarioFolder, { recursive: true }).filter((name) => name.endsWith(".json")).sort()) {
          await t.test(name, async () => assert.equal(await worker.ask({ scenario: JSON.parse(readFileSync(join(scenarioFolder, name), "utf8")) }), null));
        }
      }
    } finally {
      await worker.stop();
    }
  }
});

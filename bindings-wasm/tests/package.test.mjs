// The package as it is installed: how it can be loaded, bundled and typed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { brotliCompressSync } from "node:zlib";
import { browse, skip, serve } from "./browser.mjs";
import { packageFolder, rootFolder, tools } from "./places.mjs";

const app = mkdtempSync(join(tmpdir(), "convostore-app-"));
const node = (...args) => execFileSync(process.execPath, args, { cwd: app, encoding: "utf8" }).trim();
const MAIN = `
import { Store } from "convostore";
const store = await (async () => Store.open({ name: "bundled" }))();
const session = await store.createSession();
const message = await store.saveMessage(session.id, { role: "user", content: "bundled" });
document.title = "seq " + message.seq;
await store.close();
`;
// No top-level await: not every bundler's default target has it.
const ENTRY = MAIN.replace(/^([\s\S]*?)\n(const store[\s\S]*)$/, (_, head, body) => `${head}\n(async () => {\n${body}})();\n`);

before(() => {
  mkdirSync(join(app, "node_modules"));
  symlinkSync(packageFolder, join(app, "node_modules", "convostore"));
  writeFileSync(join(app, "package.json"), '{ "name": "app", "type": "module" }');
  writeFileSync(join(app, "main.js"), ENTRY);
  writeFileSync(join(app, "index.html"), '<!doctype html><meta charset="utf-8"><script type="module" src="./main.js"></script>');
});
after(() => rmSync(app, { recursive: true, force: true }));

/** Opens the built page and waits for what it does. */
async function opens(folder, path = "/app/") {
  const server = await serve({ "/app/": folder });
  const browser = await browse(server.origin);
  try {
    const page = await browser.context.newPage();
    await page.goto(server.origin + path);
    await page.waitForFunction("document.title === 'seq 1'");
    assert.deepEqual(browser.trouble, []);
  } finally {
    await browser.close();
    await server.close();
  }
}

test("the first lines of the README run, in Node and in a browser", async (t) => {
  const [, code] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(packageFolder, "README.md"), "utf8"));
  writeFileSync(join(app, "readme.mjs"), `${code}\nconsole.log(JSON.stringify(history.map(({ seq, role, content }) => [seq, role, content])));`);
  const first = [[1, "user", "The app crashes on start."], [2, "assistant", { tool: "search", arguments: { q: "crash" } }]];
  const again = first.map(([seq, ...rest]) => [seq + 2, ...rest]);
  for (const expected of [first, [...first, ...again]]) assert.deepEqual(JSON.parse(node("readme.mjs")), expected);
  if (skip) return t.diagnostic("not in a browser: it was asked to be left out");
  const folder = mkdtempSync(join(tmpdir(), "convostore-readme-"));
  const script = code.replace('"convostore"', '"/package/dist/browser.js"').replace('{ path: "agent.sessions" }', '{ name: "chat" }');
  assert.ok(script.includes('{ name: "chat" }'));
  writeFileSync(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><script type="module">${script}\ndocument.title = "seq " + (history.length - 1);</script>`);
  await opens(folder);
  rmSync(folder, { recursive: true });
});

test("by import and by require, without a warning", () => {
  const work = `Store.inMemory().then(async (store) => { const { id } = await store.createSession(); console.log((await store.saveMessage(id, { role: "user", content: "x" })).seq); await store.close(); })`;
  assert.equal(node("--input-type=module", "--throw-deprecation", "-e", `import { Store } from "convostore"; await ${work}`), "1");
  assert.equal(node("--input-type=commonjs", "-e", `process.on("warning", (w) => { console.log(w); }); const { Store } = require("convostore"); ${work}`), "1");
});

test("imported, not opened, where pages are rendered: also the browser's entry", () => {
  const entry = join(packageFolder, "dist", "browser.js");
  assert.equal(node("--input-type=module", "-e", `import { Store } from ${JSON.stringify(entry)}; console.log(typeof Store.open, await Store.open({ name: "a" }).catch((error) => error.code))`), "function unsupported");
});

test("nothing but what belongs there is in the package", () => {
  assert.deepEqual(readdirSync(packageFolder).filter((name) => name !== "node_modules").sort(), ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "dist", "package.json"]);
  const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"));
  assert.deepEqual([manifest.dependencies, manifest.scripts?.install, manifest.scripts?.postinstall], [undefined, undefined, undefined]);
});

test("the wasm file runs on the oldest Node that is supported, and its size is told", (t) => {
  const bytes = readFileSync(createRequire(join(app, "x.js")).resolve("convostore/convostore.wasm"));
  new WebAssembly.Module(bytes);
  const entry = tools("esbuild").buildSync({ entryPoints: [join(app, "main.js")], bundle: true, minify: true, format: "esm", platform: "browser", write: false, external: ["*.wasm"] });
  const [wasm, script] = [brotliCompressSync(bytes).length, brotliCompressSync(entry.outputFiles[0].contents).length];
  t.diagnostic(`wasm ${wasm} bytes brotli, browser entry ${wasm + script} bytes brotli`);
  const limit = JSON.parse(readFileSync(join(import.meta.dirname, "size.json"), "utf8"));
  assert.ok(wasm <= limit.wasm_brotli && wasm + script <= limit.entry_brotli, `${wasm} and ${wasm + script} bytes, but at most ${limit.wasm_brotli} and ${limit.entry_brotli} are wanted`);
});

test("a plain script of type module", { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "convostore-plain-"));
  writeFileSync(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><script type="module">${MAIN.replace('"convostore"', '"/package/dist/browser.js"')}</script>`);
  await opens(folder);
  rmSync(folder, { recursive: true });
});

test("esbuild, with the wasm file beside the bundle", { skip }, async () => {
  const out = join(app, "esbuild");
  mkdirSync(join(out, "web"), { recursive: true });
  tools("esbuild").buildSync({ entryPoints: [join(app, "main.js")], bundle: true, format: "esm", platform: "browser", outfile: join(out, "main.js") });
  writeFileSync(join(out, "web", "core_bg.wasm"), readFileSync(join(packageFolder, "dist", "web", "core_bg.wasm")));
  writeFileSync(join(out, "index.html"), '<!doctype html><meta charset="utf-8"><script type="module" src="./main.js"></script>');
  await opens(out);
});

test("bundled for Node, and where the wasm file is not found: what is wrong and what helps", () => {
  writeFileSync(join(app, "bundled.mjs"), `
    import { init, Store } from "convostore";
    const tell = () => Store.inMemory().then((store) => store.close()).then(() => "opened", (error) => error.code + ": " + error.message);
    (async () => {
      console.log(await tell());
      if (process.argv[2] === undefined) return;
      const { readFileSync } = await import("node:fs");
      await init(readFileSync(process.argv[2]));
      console.log(await tell());
    })();`);
  const wasm = join(packageFolder, "dist", "web", "core_bg.wasm");
  const lost = /^unsupported: the WebAssembly of convostore could not be loaded \(.*\): give init the bytes or the URL of convostore\/convostore.wasm; .*\nopened$/;
  for (const format of ["esm", "cjs"]) {
    const out = join(app, `bundled-${format}`);
    const file = join(out, `main.${format === "esm" ? "mjs" : "cjs"}`);
    tools("esbuild").buildSync({ entryPoints: [join(app, "bundled.mjs")], bundle: true, format, platform: "node", outfile: file, logLevel: "error" });
    assert.match(node(file, wasm), lost);
    mkdirSync(join(out, "web"));
    writeFileSync(join(out, "web", "core_bg.wasm"), readFileSync(wasm));
    if (format === "esm") assert.equal(node(file), "opened");
  }
});

test("a wasm file that is not found in a browser, or not allowed: what is wrong and what helps", { skip }, async () => {
  const server = await serve();
  const browser = await browse(server.origin);
  try {
    const page = await browser.tab();
    const told = () => page.evaluate(() => Store.inMemory().then(() => "opened", (error) => `${error.code}: ${error.message}`));
    await page.route("**/*.wasm", (route) => route.fulfill({ status: 404, body: "<h1>nothing here</h1>", contentType: "text/html" }));
    assert.match(await told(), /^unsupported: .*404.*: give init the bytes or the URL/);
    await page.unroute("**/*.wasm");
    assert.equal(await told(), "opened", "it is tried again");
  } finally {
    await browser.close();
    await server.close();
  }
});

test("Vite, built and served for development", { skip }, async () => {
  const vite = await import(join(dirname(tools.resolve("vite/package.json")), "dist", "node", "index.js"));
  await vite.build({ root: app, base: "./", logLevel: "error", build: { outDir: "vite" } });
  await opens(join(app, "vite"));
  const server = await vite.createServer({ root: app, logLevel: "error", server: { port: 0, host: "127.0.0.1", hmr: false, fs: { allow: [app, packageFolder] } } });
  await server.listen();
  const origin = `http://127.0.0.1:${server.httpServer.address().port}`;
  const browser = await browse(origin);
  try {
    const page = await browser.context.newPage();
    await page.goto(origin);
    await page.waitForFunction("document.title === 'seq 1'");
  } finally {
    await browser.close();
    await server.close();
  }
});

test("webpack", { skip }, async () => {
  const webpack = tools("webpack");
  const out = join(app, "webpack");
  const stats = await new Promise((done, failed) => webpack({
    mode: "production", context: app, entry: "./main.js", output: { path: out, filename: "main.js", publicPath: "auto" }, experiments: { outputModule: true }, performance: { hints: false },
  }, (error, result) => (error ? failed(error) : done(result))));
  assert.equal(stats.hasErrors() || stats.hasWarnings(), false, stats.toString());
  writeFileSync(join(out, "index.html"), '<!doctype html><meta charset="utf-8"><script type="module" src="./main.js"></script>');
  await opens(out);
});

test("tsc --strict on a program that uses it", () => {
  writeFileSync(join(app, "usage.ts"), readFileSync(join(import.meta.dirname, "usage.ts")));
  for (const [module, resolution] of [["NodeNext", "NodeNext"], ["ESNext", "Bundler"]]) {
    const args = ["--strict", "--noEmit", "--exactOptionalPropertyTypes", "--target", "ES2022", "--lib", "ES2023,ESNext.Disposable,DOM,DOM.AsyncIterable", "--types", "", "--module", module, "--moduleResolution", resolution, "usage.ts"];
    try {
      execFileSync(join(rootFolder, "bindings-wasm", "node_modules", ".bin", "tsc"), args, { cwd: app, encoding: "utf8" });
    } catch (error) {
      assert.fail(error.stdout);
    }
  }
});

test("tsc --strict with no settings of ours: as it comes, for Node without the browser's types, for the browser alone", () => {
  writeFileSync(join(app, "first.ts"), `import { init, Store } from "convostore";
    await init(new Uint8Array(2));
    const store = await Store.inMemory();
    const session = await store.getOrCreateSession({ scope: "C042", key: "1718.55" });
    await store.saveMessage(session.id, { role: "user", content: "The app crashes on start." });
    (await store.getMessages(session.id, { last: 20 })).map((message) => message.seq) satisfies number[];
    await store.close();`);
  const types = join(rootFolder, "bindings-wasm", "node_modules", "@types");
  const settings = {
    "as it comes": ["--types", ""],
    "for Node": ["--target", "es2022", "--lib", "es2022", "--types", "node", "--typeRoots", types],
    "for the browser": ["--target", "es2022", "--lib", "es2022,dom", "--types", ""],
  };
  for (const [name, given] of Object.entries(settings)) {
    const args = ["--strict", "--noEmit", "--module", "nodenext", ...given, "first.ts"];
    try {
      execFileSync(join(rootFolder, "bindings-wasm", "node_modules", ".bin", "tsc"), args, { cwd: app, encoding: "utf8" });
    } catch (error) {
      assert.fail(`${name}: ${error.stdout}`);
    }
  }
});

test("the public types are those of the snapshot, and none is any", () => {
  const read = (name) => readFileSync(join(packageFolder, "dist", name), "utf8");
  const present = ["node.d.ts", "browser.d.ts", "public.d.ts", "errors-public.d.ts", "errors.d.ts", "json.d.ts", "types.d.ts", "store.d.ts"].map((name) => `// ${name}\n${read(name)}`).join("\n");
  assert.doesNotMatch(present.replace(/\/\*\*[\s\S]*?\*\//g, ""), /\bany\b/);
  const snapshot = join(import.meta.dirname, "public-types.snapshot.ts");
  const kept = process.env.CONVOSTORE_UPDATE ? join(rootFolder, "bindings-wasm", "tests", "public-types.snapshot.ts") : snapshot;
  if (process.env.CONVOSTORE_UPDATE || !existsSync(kept)) writeFileSync(kept, present);
  assert.equal(present, readFileSync(kept, "utf8"), "the public types changed; CONVOSTORE_UPDATE=1 takes the new ones for right");
});

// A real browser on pages that are served from here, and from nowhere else.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { packageFolder, rootFolder, tools } from "./places.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".wasm": "application/wasm", ".css": "text/css" };

const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-headless-shell"].find(existsSync);

/** Why tests that need a browser are left out: only because somebody asked for it. */
export const skip = process.env.CONVOSTORE_SKIP_BROWSER === "1" && "CONVOSTORE_SKIP_BROWSER is set";
if (!skip && browserPath === undefined) {
  throw new Error("There is no chromium: install Debian's package chromium, or set CONVOSTORE_SKIP_BROWSER=1 to do without the tests that need it.");
}

/** How long is waited for what a page does, in milliseconds: a machine may have much else to do. What never comes is waited for in vain anyway. */
export const PATIENCE = 120_000;

/** How a browser is started that calls nobody. */
export const launchOptions = {
  executablePath: browserPath,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
};

/** The trouble that pages have: errors, and requests that leave the origin. */
export function watch(context, origin) {
  const trouble = [];
  context.on("weberror", (error) => trouble.push(`${error.error()}`));
  context.on("console", (message) => message.type() === "error" && trouble.push(message.text()));
  context.on("request", (request) => new URL(request.url()).origin === origin || request.url().startsWith("data:") || request.url().startsWith("blob:") || trouble.push(`request to ${request.url()}`));
  return trouble;
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>convostore</title>
<script type="importmap">{ "imports": { "convostore": "/package/dist/browser.js" } }</script>
<script type="module">
import * as api from "convostore";
import { runScenario } from "/tests/runner.mjs";
Object.assign(globalThis, { api, runScenario, Store: api.Store, ready: true });
</script>`;

/** Serves folders under prefixes; a page with the package loaded at `/`. */
export async function serve(folders = {}) {
  const places = { "/package/": packageFolder, "/tests/": import.meta.dirname, "/repository/": rootFolder, ...folders };
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    if (path === "/favicon.ico") {
      response.statusCode = 204;
      response.end();
      return;
    }
    if (path === "/") {
      response.setHeader("content-type", "text/html");
      response.end(PAGE);
      return;
    }
    const prefix = Object.keys(places).sort((a, b) => b.length - a.length).find((prefix) => path.startsWith(prefix));
    try {
      const rest = prefix && path.slice(prefix.length);
      const bytes = readFileSync(join(places[prefix], rest === "" ? "index.html" : rest));
      response.setHeader("content-type", TYPES[extname(path) || ".html"] ?? "application/octet-stream");
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, close: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) };
}

/** Waits until a page says so. `waitForFunction` would not wait: it takes the promise of an async function for a yes. */
export async function until(page, predicate, patience = PATIENCE) {
  const end = performance.now() + patience;
  while (!(await page.evaluate(predicate))) {
    if (performance.now() > end) throw new Error(`not within ${patience} ms: ${predicate}`);
    await pause(20);
  }
}

/** A browser with a profile of its own, and the trouble that its pages had. */
export async function browse(origin) {
  const profile = mkdtempSync(join(tmpdir(), "convostore-profile-"));
  const context = await tools("playwright-core").chromium.launchPersistentContext(profile, launchOptions);
  context.setDefaultTimeout(PATIENCE);
  const trouble = watch(context, origin);
  return {
    context,
    trouble,
    /** A tab with the package loaded. */
    tab: async (path = "/") => {
      const page = await context.newPage();
      await page.goto(origin + path);
      await page.waitForFunction("globalThis.ready");
      return page;
    },
    /** A private window: a context that keeps nothing. */
    privately: async () => {
      const other = await tools("playwright-core").chromium.launch(launchOptions);
      const window = await other.newContext();
      window.setDefaultTimeout(PATIENCE);
      return { newPage: () => window.newPage(), close: () => other.close() };
    },
    close: async () => {
      await context.close();
      // The browser's processes may still be putting files there as they end.
      rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}

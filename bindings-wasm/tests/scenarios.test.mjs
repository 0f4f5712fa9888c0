// The scenarios that Rust and Python run too, through the public package, in memory and on a file.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import * as api from "convostore";
import { scenarioFolder, temporaryFolder } from "./places.mjs";
import { runScenario } from "./runner.mjs";

const folder = temporaryFolder();
let next = 0;

const files = readdirSync(scenarioFolder, { recursive: true }).filter((name) => name.endsWith(".json")).sort();
for (const name of files) {
  const scenario = JSON.parse(readFileSync(join(scenarioFolder, name), "utf8"));
  const title = `${relative(".", name)}: ${scenario.title}`;
  test(`memory ${title}`, () => runScenario(scenario, { api, open: (options) => api.Store.inMemory(options) }));
  test(`file ${title}`, async () => {
    const path = join(folder, `${++next}.convostore`);
    await runScenario(scenario, { api, reopens: true, open: (options) => api.Store.open({ ...options, path }), clear: () => rmSync(path) });
  });
}

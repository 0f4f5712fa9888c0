// Where things are. `test.sh` runs a copy of these tests beside the installed package; then the repository is elsewhere.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const rootFolder = process.env.CONVOSTORE_ROOT ?? join(import.meta.dirname, "..", "..");
export const packageFolder = dirname(createRequire(import.meta.url).resolve("convostore/package.json"));
export const scenarioFolder = join(rootFolder, "tests", "scenarios");
/** The tools of the repository's own package: browser driver, bundlers. */
export const tools = createRequire(join(rootFolder, "bindings-wasm", "package.json"));

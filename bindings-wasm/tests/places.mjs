// Where things are. `test.sh` runs a copy of these tests beside the installed package; then the repository is elsewhere.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const rootFolder = process.env.CONVOSTORE_ROOT ?? join(import.meta.dirname, "..", "..");
export const packageFolder = dirname(createRequire(import.meta.url).resolve("convostore/package.json"));
export const scenarioFolder = join(rootFolder, "tests", "scenarios");
/** The tools of the repository's own package: browser driver, bundlers. */
export const tools = createRequire(join(rootFolder, "bindings-wasm", "package.json"));

/** A new folder in memory where there is such a place: these tests end processes, not machines, and need no disk. Removed at the end. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "convostore-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

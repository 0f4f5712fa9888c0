/** The entry for Node: reads the WebAssembly from the package, and keeps stores in files. */
import { readFileSync } from "node:fs";
import { text } from "./arguments.js";
import { invalid } from "./errors.js";
import { FileKeeper } from "./file/keeper.js";
import { initFrom, initSync, setLoader } from "./runtime.js";
import type { InitInput } from "./types.js";
import { setOpenKeeper } from "./store.js";

const load = (): void => initSync(() => readFileSync(new URL("./web/core_bg.wasm", import.meta.url)));
setLoader({ load });
setOpenKeeper(async ({ path, name, signal }) => {
  if (typeof path !== "string" || path === "") throw invalid("Store.open needs a path here, and a name in a browser", "path");
  if (name !== undefined) throw invalid("Store.open takes a path here and no name", "name");
  return FileKeeper.open(text(path, "path"), signal);
});

/** Loads the WebAssembly from elsewhere than the package. Not needed: opening a store loads it. A second call does nothing. */
export async function init(input?: InitInput | Promise<InitInput>): Promise<void> {
  if (input === undefined) load();
  else await initFrom(input);
}

export * from "./public.js";

/** The entry for browsers and workers: fetches the WebAssembly that lies beside it, and keeps stores in IndexedDB. */
import { text } from "./arguments.js";
import { invalid } from "./errors.js";
import { IndexedDbKeeper } from "./indexeddb/keeper.js";
import { initFrom, setLoader } from "./runtime.js";
import type { InitInput } from "./types.js";
import { setOpenKeeper } from "./store.js";

setLoader({ load: () => init() });
setOpenKeeper(async ({ name, path, signal }, host) => {
  if (typeof name !== "string" || name === "") throw invalid("Store.open needs a name here, and a path in Node", "name");
  if (path !== undefined) throw invalid("Store.open takes a name here and no path", "path");
  return IndexedDbKeeper.open(text(name, "name"), host, signal);
});

/** Loads the WebAssembly, from elsewhere than beside this module where told. Not needed: opening a store loads it. A second call does nothing. */
export async function init(input?: InitInput | Promise<InitInput>): Promise<void> {
  await initFrom(input ?? new URL("./web/core_bg.wasm", import.meta.url));
}

export * from "./public.js";

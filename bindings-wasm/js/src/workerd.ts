/** The entry for workerd (Cloudflare Workers), which allows no WebAssembly but that of imported modules. Nothing is kept there. */
// @ts-expect-error: a module of WebAssembly, which the platform compiles
import wasm from "./web/core_bg.wasm";
import { initFrom, initSync, setLoader } from "./runtime.js";
import type { InitInput } from "./types.js";

setLoader({ load: () => initSync(() => wasm as WebAssembly.Module) });

/** Loads the WebAssembly. Not needed: opening a store loads it. */
export async function init(input?: InitInput | Promise<InitInput>): Promise<void> {
  await initFrom(input ?? (wasm as WebAssembly.Module));
}

export * from "./public.js";

/**
 * The one instance of WebAssembly, and what becomes of it when it breaks.
 *
 * A panic or a lack of memory in WebAssembly leaves its memory half changed: from then on every call into that instance is refused with one
 * `poisoned` error that names the cause. The next store that is opened gets a new instance.
 */
import * as core from "./web/core.js";
import { Boxes } from "./boxes.js";
import type { InitInput } from "./types.js";
import { ConvostoreError, errorFromWire, errorOf, type PoisonedError, shortened } from "./errors.js";

/** How an entry brings the WebAssembly in. */
export interface Loader {
  /** The default source: what `initSync` or the asynchronous `init` of the generated module takes. */
  load(): Promise<void> | void;
}

let loader: Loader | undefined;
let loading: Promise<void> | undefined;
let present: Runtime | undefined;
let isLoaded = false;

/** Says how the WebAssembly is brought in; each entry does so once. */
export function setLoader(how: Loader): void {
  loader = how;
}

/** Instantiates from a given source; a second call does nothing. */
export async function initFrom(input: InitInput | Promise<InitInput>): Promise<void> {
  if (isLoaded) return;
  loading ??= Promise.resolve(core.default({ module_or_path: input as never })).then(() => {
    isLoaded = true;
  });
  try {
    await loading;
  } catch (cause) {
    loading = undefined;
    throw notLoaded(cause);
  }
}

function notLoaded(cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : String(cause);
  const what = "give init the bytes or the URL of convostore/convostore.wasm; a content security policy must allow 'wasm-unsafe-eval'";
  return errorOf("unsupported", `the WebAssembly of convostore could not be loaded (${shortened(said, 256)}): ${what}`, {}, cause);
}

/** Instantiates from bytes or a module, at once. */
export function initSync(module: () => BufferSource | WebAssembly.Module): void {
  if (isLoaded) return;
  try {
    core.initSync({ module: module() });
  } catch (cause) {
    throw notLoaded(cause);
  }
  isLoaded = true;
}

/** The instance that works, loaded where there is none yet. */
export async function runtime(): Promise<Runtime> {
  if (!isLoaded) {
    if (loader === undefined) throw errorOf("unsupported", "convostore was not loaded through one of its entries");
    await loader.load();
  }
  if (present === undefined) {
    present = new Runtime();
  } else if (present.poisoned !== undefined) {
    try {
      core.__wbg_reset_state();
    } catch (cause) {
      throw errorOf("poisoned", "a new instance of WebAssembly could not be made; start a new process or load the page again", {}, cause);
    }
    present = new Runtime();
  }
  return present;
}

/** An instance of WebAssembly. All calls into it go through {@link Runtime.call}. */
export class Runtime {
  /** Why it must not be used any more. */
  poisoned: PoisonedError | undefined;
  /** What to do when it is poisoned. */
  readonly onPoison = new Set<() => void>();
  readonly boxes = new Boxes(core.wasm_memory() as WebAssembly.Memory);
  /** Whether a clock or an id source is running. */
  #inCallback = false;

  /** Refuses where the instance is poisoned, and calls from within a clock or an id source. */
  check(): void {
    if (this.poisoned !== undefined) throw this.poisoned;
    if (this.#inCallback) throw errorOf("reentrant", "a clock or an id source called back into the store that was calling it");
  }

  /** Calls into WebAssembly. What it throws as an error of its own is mapped; anything else poisons the instance. */
  call<T>(work: () => T): T {
    this.check();
    try {
      return work();
    } catch (thrown) {
      if (typeof thrown === "string") throw errorFromWire(thrown);
      if (thrown instanceof ConvostoreError) throw thrown;
      throw this.#poison(thrown);
    }
  }

  /** Runs a clock or an id source of the application. */
  callback<T>(work: () => T): T {
    const outer = this.#inCallback;
    this.#inCallback = true;
    try {
      return work();
    } finally {
      this.#inCallback = outer;
    }
  }

  /** Frees what WebAssembly holds, if it still can. */
  free(object: { free(): void } | undefined): void {
    if (object === undefined || this.poisoned !== undefined || present !== this) return;
    try {
      object.free();
    } catch (thrown) {
      this.#poison(thrown);
    }
  }

  #poison(thrown: unknown): PoisonedError {
    if (this.poisoned === undefined) {
      let panic: string | undefined;
      try {
        panic = core.take_panic();
      } catch {
        // The instance is too broken even for that.
      }
      const said = panic ?? (thrown instanceof Error ? thrown.message : String(thrown));
      this.poisoned = errorOf(
        "poisoned",
        `WebAssembly failed (${said}), so its memory cannot be trusted any more; open the store again: what was kept is still there`,
        { cause: said },
        thrown,
      );
      for (const act of this.onPoison) act();
      this.onPoison.clear();
    }
    return this.poisoned;
  }
}

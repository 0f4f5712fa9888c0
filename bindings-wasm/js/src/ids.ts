/** An id source of the application, on its way through WebAssembly. */
import { text } from "./arguments.js";
import type { Runtime } from "./runtime.js";

/** What an operation has drawn from the id source, and what that threw. */
export interface Draws {
  /** The ids of the operation that runs. One that is prepared again gets the same ones again. */
  ids: string[];
  /** How many of them were handed out. */
  given: number;
  /** What the source threw, on its way around WebAssembly. */
  error: unknown;
}

/** An id source that throws nothing through WebAssembly. It holds no engine: WebAssembly holds on to it, and a store that was forgotten is to be collected. */
export function guarded(runtime: Runtime, source: () => string, draws: Draws): () => string {
  return () => {
    const before = draws.ids[draws.given];
    if (before !== undefined) {
      draws.given++;
      return before;
    }
    try {
      const id = text(runtime.callback(source), "id that the id source gave", "ids");
      draws.ids.push(id);
      draws.given++;
      return id;
    } catch (error) {
      draws.error = error ?? new Error("the id source threw nothing");
      return "";
    }
  };
}

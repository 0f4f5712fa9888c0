/** The part of a database that its keeper uses. */
import type { Target } from "./keeper.js";
import type { Runtime } from "./runtime.js";
import type { CoreDatabase } from "./web/core.js";

/** The rows of a database are handed over in pieces of this size. */
const PIECE = 1 << 20;

export function targetOf(runtime: Runtime, core: CoreDatabase): Target {
  return {
    loadBytes: (bytes) => runtime.call(() => core.load_bytes(bytes)),
    loadText: (text) => runtime.call(() => core.load_text(text)),
    snapshotSize: () => runtime.call(() => core.snapshot_size()),
    snapshot: (each) => {
      let thrown: { readonly error: unknown } | undefined;
      try {
        runtime.call(() => core.snapshot(PIECE, (piece: Uint8Array) => {
          try {
            each(piece);
          } catch (error) {
            thrown = { error };
            throw error;
          }
        }));
      } catch (error) {
        throw thrown === undefined ? error : thrown.error;
      }
    },
  };
}

import type { Store } from "convostore";
import type { ImportCounts } from "../protocol.ts";
import type { Call } from "./desk.ts";

/** Imports a file, or finds out what that would do; says how much of the file it has read. What comes after reading cannot be measured. */
export async function readArchive(store: Store, file: Blob, isRehearsal: boolean, call: Call): Promise<ImportCounts> {
  let done = 0;
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      done += piece.length;
      call.progress({ done, total: done < file.size ? file.size : null });
      controller.enqueue(piece);
    },
  });
  return store.importArchive(file.stream().pipeThrough(counting), { dryRun: isRehearsal, signal: call.signal });
}

/** A whole database in a new file. */
import { writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Target } from "../keeper.js";
import { writeAll } from "./files.js";
import { frame, newHeader, saltOf } from "./format.js";

/** Writes all rows to an empty file, piece by piece, and waits until they are on the disk. */
export async function writeSnapshot(file: FileHandle, database: Target): Promise<[salt: number, end: number]> {
  const header = newHeader();
  const salt = saltOf(header, "");
  await writeAll(file, header, 0);
  let end = header.length;
  database.snapshot((piece) => {
    // At once, not in memory until there is time: that would need room for all rows a second time.
    const bytes = frame(salt, piece);
    for (let done = 0; done < bytes.length; ) {
      const written = writeSync(file.fd, bytes, done, bytes.length - done, end + done);
      if (written === 0) throw new Error("the file took nothing");
      done += written;
    }
    end += bytes.length;
  });
  await file.sync();
  return [salt, end];
}

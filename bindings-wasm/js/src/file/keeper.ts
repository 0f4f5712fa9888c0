/**
 * The keeper for Node: an append-only file, of the form that `format.ts` tells.
 *
 * A write is acknowledged when its frame is on the disk. A frame that is not whole is the trace of writes that were never acknowledged, if nothing
 * whole comes after it: it is cut off. If something whole does, the file is damaged.
 */
import { type BigIntStats, statSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { errorOf, invalid, shortened } from "../errors.js";
import type { Keeper, Target } from "../keeper.js";
import { codeOf, readAll, realPath, syncFolder, typed, writeAll } from "./files.js";
import { frame, HEADER, isUnbegun, newHeader, saltOf } from "./format.js";
import { load } from "./load.js";
import { Lock } from "./lock.js";
import { writeSnapshot } from "./snapshot.js";

/** A file below this size is not tidied up. */
const TIDY_FROM = 1 << 20;
/** So many characters a path has at most, on any system. */
const LONGEST = 32_767;

/** A file that is open, and what is known of it. */
interface Place {
  readonly file: FileHandle;
  readonly inode: bigint;
  readonly salt: number;
  /** Where the next frame goes: all before is whole and on the disk. */
  end: number;
}

/** Keeps rows in an append-only file. */
export class FileKeeper implements Keeper {
  readonly form = "bytes";
  readonly #path: string;
  readonly #lock: Lock;
  #place: Place;
  /** When the file has grown to this size, it is looked at whether much of it is outdated. */
  #tidyAt = TIDY_FROM;
  /** Whether the file's name may not be on the disk yet: a power cut would bring back the file that it took the place of. */
  #isNameUnsure = false;
  /** Why nothing can be written any more. */
  #broken: Error | undefined;
  #closed = false;

  private constructor(path: string, lock: Lock, place: Place) {
    this.#path = path;
    this.#lock = lock;
    this.#place = place;
  }

  static async open(given: string, signal?: AbortSignal): Promise<FileKeeper> {
    if (given.includes("\0")) throw invalid("the path of a store holds NUL", "path");
    if (given.length > LONGEST) throw invalid(`the path of a store has ${given.length} characters; no system takes more than ${LONGEST}`, "path");
    let lock: Lock | undefined;
    try {
      const path = await realPath(given);
      lock = await Lock.take(path, signal);
      await rm(`${path}.new`, { force: true });
      return new FileKeeper(path, lock, await openPlace(path));
    } catch (error) {
      await lock?.release().catch(() => {});
      if (signal?.aborted && error === signal.reason) throw error;
      throw typed(error, resolve(given), `the store's file ${JSON.stringify(shortened(given, 256))} cannot be opened`);
    }
  }

  async load(database: Target): Promise<void> {
    const place = this.#place;
    try {
      const { end, size } = await load(place.file, place.salt, this.#path, (rows) => database.loadBytes(rows));
      if (end < size) {
        await place.file.truncate(end);
        await place.file.sync();
      }
      place.end = end;
      this.#tidyAt = Math.max(TIDY_FROM, end);
    } catch (error) {
      throw typed(error, this.#path, "the store's file cannot be read");
    }
  }

  async keep(rows: Uint8Array): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    this.#checkPlace();
    const place = this.#place;
    const bytes = frame(place.salt, rows);
    try {
      await writeAll(place.file, bytes, place.end);
      await place.file.datasync();
      await this.#settleName();
    } catch (error) {
      const failed = typed(error, this.#path, "the write could not be kept in the store's file");
      await this.#takeBack(failed);
      throw this.#broken ?? failed;
    }
    if (!this.#isInPlace(place.end + bytes.length)) {
      const why = "somebody else has written to the store's file, or put another in its place, while a write was made; open the store again to see whether it was";
      throw (this.#broken = errorOf("unknown_outcome", why, { path: this.#path }));
    }
    place.end += bytes.length;
  }

  #checkPlace(): void {
    if (this.#isInPlace(this.#place.end)) return;
    throw (this.#broken = errorOf("lock_lost", "somebody else has written to the store's file, or put another in its place; open it again", { path: this.#path }));
  }

  /**
   * Whether the path still leads to our file, with our writes at its end. The lock tells apart the processes of one machine; where others share the
   * folder, at least nothing is written over what is theirs, and nothing acknowledged that went into a file which is no more in its place.
   */
  #isInPlace(size: number): boolean {
    let present: BigIntStats | undefined;
    try {
      present = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      throw typed(error, this.#path, "the store's file cannot be looked at");
    }
    return present?.ino === this.#place.inode && present.size === BigInt(size);
  }

  /** Makes the file what it was before a failed write. */
  async #takeBack(failed: Error): Promise<void> {
    try {
      await this.#place.file.truncate(this.#place.end);
      await this.#place.file.datasync();
    } catch (error) {
      this.#broken = errorOf(
        "unknown_outcome",
        "a write failed and could not be taken back; open the store again to see whether it was made",
        { path: this.#path },
        new AggregateError([failed, typed(error, this.#path, "the file could not be cut")]),
      );
    }
  }

  async #settleName(): Promise<void> {
    if (!this.#isNameUnsure) return;
    await syncFolder(this.#path);
    this.#isNameUnsure = false;
  }

  async tidy(database: Target): Promise<void> {
    const { end } = this.#place;
    if (end < this.#tidyAt || this.#broken !== undefined) return;
    const live = database.snapshotSize();
    this.#tidyAt = Math.max(TIDY_FROM, end * 2);
    if (live * 2 > end) return;
    // The write before it is kept; if there is no room to tidy up, that is no reason to fail.
    await this.#rewrite(database).catch(() => {});
  }

  async erase(database: Target): Promise<string | undefined> {
    await this.#rewrite(database);
    return undefined;
  }

  async #rewrite(database: Target): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    this.#checkPlace();
    const beside = `${this.#path}.new`;
    let file: FileHandle | undefined;
    try {
      await rm(beside, { force: true });
      file = await open(beside, "wx+", 0o600);
      const [salt, end] = await writeSnapshot(file, database);
      const inode = await inodeOf(file);
      await rename(beside, this.#path);
      const old = this.#place.file;
      this.#place = { file, inode, salt, end };
      this.#isNameUnsure = true;
      this.#tidyAt = Math.max(TIDY_FROM, end * 2);
      file = undefined;
      await old.close();
      await this.#settleName();
    } catch (error) {
      await file?.close().catch(() => {});
      await rm(beside, { force: true }).catch(() => {});
      throw typed(error, this.#path, "the store's file could not be written anew");
    }
  }

  async backup(database: Target, given: string): Promise<void> {
    const path = resolve(given);
    let file: FileHandle;
    try {
      file = await open(path, "wx", 0o600);
    } catch (error) {
      if (codeOf(error) === "EEXIST") throw errorOf("already_exists", "there is a file of that name already", { path });
      throw typed(error, path, "the copy could not be made");
    }
    try {
      await writeSnapshot(file, database);
      await file.close();
      await syncFolder(path);
    } catch (error) {
      await file.close().catch(() => {});
      await rm(path, { force: true }).catch(() => {});
      throw typed(error, path, "the copy could not be written");
    }
  }

  async size(): Promise<number> {
    return this.#place.end;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#broken ??= errorOf("closed", "the store was closed; open it again to use it");
    await this.#place.file.close().catch(() => {});
    await this.#lock.release().catch((error: unknown) => {
      throw typed(error, this.#path, "the store's lock file could not be removed");
    });
  }
}

/** Opens the file; makes it where there is none. */
async function openPlace(path: string): Promise<Place> {
  const file = await open(path, "r+").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return open(path, "wx+", 0o600);
    throw error;
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw errorOf("storage", "the path is not that of a file", { path });
    if (stats.nlink > 1) throw errorOf("storage", "the file has several names (hard links), and each would have a lock of its own; remove the others, or open a copy", { path });
    let header = await readAll(file, Math.min(stats.size, HEADER), 0);
    if (stats.size <= HEADER && isUnbegun(header)) {
      header = newHeader();
      await writeAll(file, header, 0);
      await file.sync();
    }
    // Also for a file that was there: who made it may have been stopped before this.
    await syncFolder(path);
    return { file, inode: await inodeOf(file), salt: saltOf(header, path), end: HEADER };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function inodeOf(file: FileHandle): Promise<bigint> {
  return (await file.stat({ bigint: true })).ino;
}

/**
 * The keeper for Node: an append-only file.
 *
 * The file begins with a header: sixteen bytes that name format and version, four of salt, four of checksum. Then frames, one per write: a marker,
 * the length, a checksum over salt, length and body, and the body, rows as `CoreDatabase.pending_bytes` writes them. A write is acknowledged
 * when its frame is on the disk. A frame that is not whole is the trace of a write that was never acknowledged, if nothing whole comes after it:
 * it is cut off. If something whole does, the file is damaged. The salt keeps what looks like a frame inside a message from being taken for one,
 * and the first byte of the marker is in no text.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { pid } from "node:process";
import { crc32 } from "node:zlib";
import { ConvostoreError, errorOf } from "./errors.js";
import type { Keeper, Target } from "./keeper.js";

const MAGIC = Buffer.from("convostore-log1\n", "latin1");
const HEADER = 24;
const MARKER = Buffer.from([0xfe, 0x43, 0x53, 0x46]);
const FRAME = 12;
/** No frame is longer: a write is limited by WebAssembly's memory. */
const MAX_FRAME = 0x7fffffff;
const READ = 1 << 20;
/** A file below this size is not tidied up. */
const TIDY_FROM = 1 << 20;

const codes: Readonly<Record<string, string>> = {
  ENOENT: "not_found",
  EACCES: "permission_denied",
  EPERM: "permission_denied",
  EROFS: "read_only",
  ENOSPC: "disk_full",
  EDQUOT: "disk_full",
  EFBIG: "disk_full",
};

/** An error of the file system, typed. */
function typed(cause: unknown, path: string, what: string): Error {
  if (cause instanceof ConvostoreError) return cause;
  const code = (cause as { code?: unknown } | null)?.code;
  const known = typeof code === "string" && code !== "ENOENT" ? codes[code] : undefined;
  return errorOf(known ?? "storage", `${what} (${typeof code === "string" ? code : String(cause)})`, { path }, cause);
}

function frameSum(salt: number, length: Buffer, body: Uint8Array): number {
  return crc32(body, crc32(length, salt));
}

/** A frame around a body. */
function frame(salt: number, body: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(FRAME + body.length);
  MARKER.copy(out, 0);
  out.writeUInt32LE(body.length, 4);
  out.writeUInt32LE(frameSum(salt, out.subarray(4, 8), body), 8);
  out.set(body, FRAME);
  return out;
}

function header(salt: Buffer): Buffer {
  const out = Buffer.concat([MAGIC, salt, Buffer.alloc(4)]);
  out.writeUInt32LE(crc32(out.subarray(0, 20)), 20);
  return out;
}

/** What stands for a running process: its id, and when it started, so that another one with the same id is not taken for it. */
function startOf(process: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${process}/stat`, "latin1");
    // The name, in parentheses, may hold anything; the 22nd field is the 20th after it. A zombie runs no more.
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT" && startOfSelf !== "0") return undefined;
  }
  // No /proc: only the id can be asked for.
  try {
    globalThis.process.kill(process, 0);
    return "0";
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM" ? "0" : undefined;
  }
}

let startOfSelf = "0";
startOfSelf = startOf(pid) ?? "0";

/**
 * Lets one opener in at a time. Each puts down a lock file of its own, named after its process, and then looks for others: those of processes that
 * are gone it removes, and if one is left whose process runs, it takes its own away again. So nobody ever takes over a file that is another's,
 * and of two that come at once at least one sees the other.
 */
class Lock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async take(path: string, signal: AbortSignal | undefined): Promise<Lock> {
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted();
      const holder = await Lock.#try(path);
      if (holder instanceof Lock) return holder;
      if (attempt === 4) {
        throw errorOf("busy", `process ${holder} has the store open; one at a time can`, { path, pid: holder });
      }
      await new Promise((done) => setTimeout(done, 5 + Math.random() * 20));
    }
  }

  static async #try(path: string): Promise<Lock | number> {
    const [folder, prefix] = [dirname(path), `${basename(path)}.lock-`];
    const own = `${prefix}${pid}-${startOfSelf}-${randomBytes(6).toString("hex")}`;
    await (await open(join(folder, own), "wx", 0o600)).close();
    const lock = new Lock(join(folder, own));
    try {
      for (const name of await readdir(folder)) {
        if (!name.startsWith(prefix) || name === own) continue;
        const [process = "", start = ""] = name.slice(prefix.length).split("-");
        if (startOf(Number(process)) === start) {
          await lock.release();
          return Number(process);
        }
        await rm(join(folder, name), { force: true });
      }
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async release(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** The folder and those it is in. (Node's own `recursive` never ends in places that refuse new folders, such as /proc.) */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ENOENT" && dirname(path) !== path) {
      await makeFolder(dirname(path));
      await mkdir(path, { mode: 0o700 }).catch(unlessThere);
    } else await unlessThere(error, path);
  }
}

async function unlessThere(error: unknown, path?: string): Promise<void> {
  // Also where it may not be written to: EACCES, EROFS or EPERM for a folder that is there.
  if ((error as { code?: unknown }).code === "EEXIST" && path === undefined) return;
  if (path === undefined || !(await stat(path).then((found) => found.isDirectory(), () => false))) throw error;
}

async function syncFolder(path: string): Promise<void> {
  if (globalThis.process.platform === "win32") return; // has no such thing
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/** Reads a file from front to back. */
class Reader {
  readonly #file: FileHandle;
  readonly #size: number;
  #window = Buffer.alloc(0);
  /** Where the window begins. */
  #start = 0;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** `length` bytes from `at` on; fewer at the end of the file. `at` never goes back. */
  async bytes(at: number, length: number): Promise<Buffer> {
    const end = Math.min(at + length, this.#size);
    if (end > this.#start + this.#window.length) {
      const keep = this.#window.subarray(Math.min(at - this.#start, this.#window.length));
      const from = this.#start + this.#window.length - keep.length;
      const want = Math.max(end - from, Math.min(READ, this.#size - from));
      const next = Buffer.allocUnsafe(want);
      keep.copy(next);
      let filled = keep.length;
      while (filled < want) {
        const { bytesRead } = await this.#file.read(next, filled, want - filled, from + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      this.#window = next.subarray(0, filled);
      this.#start = from;
    }
    return this.#window.subarray(at - this.#start, end - this.#start);
  }
}

/** Keeps rows in an append-only file. */
export class FileKeeper implements Keeper {
  readonly form = "bytes";
  readonly #path: string;
  readonly #lock: Lock;
  #file: FileHandle;
  #inode: bigint;
  #salt: number;
  /** Where the next frame goes: all before is whole and on the disk. */
  #end: number;
  /** When the file has grown to this size, it is looked at whether much of it is outdated. */
  #tidyAt = TIDY_FROM;
  /** Why nothing can be written any more. */
  #broken: Error | undefined;
  #closed = false;

  private constructor(path: string, lock: Lock, file: FileHandle, inode: bigint, salt: number, end: number) {
    this.#path = path;
    this.#lock = lock;
    this.#file = file;
    this.#inode = inode;
    this.#salt = salt;
    this.#end = end;
  }

  static async open(given: string, signal?: AbortSignal): Promise<FileKeeper> {
    const path = resolve(given);
    let lock: Lock | undefined;
    try {
      await makeFolder(dirname(path));
      lock = await Lock.take(path, signal);
      await rm(`${path}.new`, { force: true });
      const [file, size] = await openOrCreate(path);
      try {
        const head = Buffer.alloc(HEADER);
        await file.read(head, 0, HEADER, 0);
        checkHeader(head, size, path);
        const { ino } = await file.stat({ bigint: true });
        return new FileKeeper(path, lock, file, ino, head.readUInt32LE(16), HEADER);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      await lock?.release().catch(() => {});
      if (signal?.aborted && error === signal.reason) throw error;
      throw typed(error, path, `the store's file ${JSON.stringify(path)} cannot be opened`);
    }
  }

  async load(database: Target): Promise<void> {
    try {
      await this.#load(database);
    } catch (error) {
      throw typed(error, this.#path, "the store's file cannot be read");
    }
  }

  async #load(database: Target): Promise<void> {
    const { size } = await this.#file.stat();
    const reader = new Reader(this.#file, size);
    let at = HEADER;
    let batch: Buffer[] = [];
    let waiting = 0;
    const flush = (): void => {
      if (waiting > 0) database.loadBytes(batch.length === 1 ? (batch[0] as Buffer) : Buffer.concat(batch));
      batch = [];
      waiting = 0;
    };
    for (;;) {
      const body = await this.#frameAt(reader, at, size);
      if (body === undefined) break;
      // The reader goes on to another window: what it gave stays as it is.
      batch.push(body);
      waiting += body.length;
      if (waiting >= READ) flush();
      at += FRAME + body.length;
    }
    flush();
    if (at < size) await this.#cut(reader, at, size);
    this.#end = at;
    this.#tidyAt = Math.max(TIDY_FROM, at);
  }

  /** The body of the frame that begins there; nothing where none does. */
  async #frameAt(reader: Reader, at: number, size: number): Promise<Buffer | undefined> {
    const head = await reader.bytes(at, FRAME);
    if (head.length < FRAME || !head.subarray(0, 4).equals(MARKER)) return undefined;
    const length = head.readUInt32LE(4);
    const sum = head.readUInt32LE(8);
    if (length > MAX_FRAME || at + FRAME + length > size) return undefined;
    const whole = await reader.bytes(at, FRAME + length);
    const body = whole.subarray(FRAME);
    return body.length === length && frameSum(this.#salt, whole.subarray(4, 8), body) === sum ? body : undefined;
  }

  /** Cuts off the trace of a write that was not completed, unless there is a whole frame after it. */
  async #cut(reader: Reader, from: number, size: number): Promise<void> {
    for (let at = from + 1; at < size; ) {
      const window = await reader.bytes(at, READ);
      const found = window.indexOf(MARKER);
      if (found < 0) {
        at += Math.max(1, window.length - MARKER.length + 1);
        continue;
      }
      if ((await this.#frameAt(reader, at + found, size)) !== undefined) {
        throw errorOf("corrupted", `the store's file is damaged at byte ${from}: what comes after it is whole`, { path: this.#path, offset: from });
      }
      at += found + 1;
    }
    await this.#file.truncate(from);
    await this.#file.sync();
  }

  async keep(rows: Uint8Array): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const bytes = frame(this.#salt, rows);
    try {
      await this.#checkPlace();
      await writeAll(this.#file, bytes, this.#end);
      await this.#file.datasync();
    } catch (error) {
      const failed = typed(error, this.#path, "the write could not be kept in the store's file");
      if ((failed as ConvostoreError).code !== "lock_lost") await this.#takeBack(failed);
      throw this.#broken ?? failed;
    }
    this.#end += bytes.length;
  }

  /** The lock names processes of this machine; where others share the folder, at least nothing is written over what is theirs. */
  async #checkPlace(): Promise<void> {
    const present = await stat(this.#path, { bigint: true }).catch((error: { code?: unknown }) => {
      if (error.code !== "ENOENT") throw error;
    });
    if (present?.ino !== this.#inode || present.size !== BigInt(this.#end)) {
      this.#broken = errorOf("lock_lost", "somebody else has written to the store's file, or put another in its place; open it again", { path: this.#path });
      throw this.#broken;
    }
  }

  /** Makes the file what it was before a failed write. */
  async #takeBack(failed: Error): Promise<void> {
    try {
      await this.#file.truncate(this.#end);
      await this.#file.datasync();
    } catch (error) {
      this.#broken = errorOf(
        "unknown_outcome",
        "a write failed and could not be taken back; open the store again to see whether it was made",
        { path: this.#path },
        new AggregateError([failed, error]),
      );
    }
  }

  async tidy(database: Target): Promise<void> {
    if (this.#end < this.#tidyAt || this.#broken !== undefined) return;
    const live = database.snapshotSize();
    this.#tidyAt = Math.max(TIDY_FROM, this.#end * 2);
    if (live * 2 > this.#end) return;
    // The write before it is kept; if there is no room to tidy up, that is no reason to fail.
    await this.#rewrite(database).catch(() => {});
  }

  async erase(database: Target): Promise<string | undefined> {
    await this.#rewrite(database);
    return undefined;
  }

  async #rewrite(database: Target): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    await this.#checkPlace();
    const place = `${this.#path}.new`;
    let file: FileHandle | undefined;
    try {
      await rm(place, { force: true });
      file = await open(place, "wx+", 0o600);
      const [salt, end] = await writeSnapshot(file, database);
      const { ino } = await file.stat({ bigint: true });
      await rename(place, this.#path);
      const old = this.#file;
      [this.#file, this.#inode, this.#salt, this.#end] = [file, ino, salt, end];
      this.#tidyAt = Math.max(TIDY_FROM, end * 2);
      file = undefined;
      await old.close();
      await syncFolder(this.#path);
    } catch (error) {
      await file?.close().catch(() => {});
      await rm(place, { force: true }).catch(() => {});
      throw typed(error, this.#path, "the store's file could not be written anew");
    }
  }

  async backup(database: Target, given: string): Promise<void> {
    const path = resolve(given);
    let file: FileHandle;
    try {
      file = await open(path, "wx", 0o600);
    } catch (error) {
      if ((error as { code?: unknown }).code === "EEXIST") throw errorOf("already_exists", "there is a file of that name already", { path });
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
    return this.#end;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#broken ??= errorOf("closed", "the store was closed; open it again to use it");
    await this.#file.close().catch(() => {});
    await this.#lock.release();
  }
}

/** The file, and its size; a new one where there is none. */
async function openOrCreate(path: string): Promise<[FileHandle, number]> {
  let file: FileHandle;
  try {
    file = await open(path, "r+");
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
    file = await open(path, "wx+", 0o600);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw errorOf("storage", "the path is not that of a file", { path });
    const { size } = stats;
    const head = Buffer.alloc(Math.min(size, HEADER));
    await file.read(head, 0, head.length, 0);
    // A file that ends within the header was never begun in earnest.
    if (size >= HEADER || !MAGIC.subarray(0, size).equals(head.subarray(0, MAGIC.length))) return [file, size];
    const fresh = header(randomBytes(4));
    await writeAll(file, fresh, 0);
    await file.sync();
    await syncFolder(path);
    return [file, HEADER];
  } catch (error) {
    await file.close();
    throw error;
  }
}

function checkHeader(head: Buffer, size: number, path: string): void {
  const name = head.subarray(0, 14).equals(MAGIC.subarray(0, 14));
  if (!name || !head.subarray(0, MAGIC.length).equals(MAGIC)) {
    const what = name ? "was written by a newer version; open it with that version or a later one" : "is of another program";
    throw errorOf("unsupported_schema", `the file ${what}`, { path });
  }
  if (size < HEADER || crc32(head.subarray(0, 20)) !== head.readUInt32LE(20)) {
    throw errorOf("corrupted", "the store's file is damaged at its beginning", { path, offset: 0 });
  }
}

/** Writes all rows to an empty file, piece by piece, and waits until they are on the disk. */
async function writeSnapshot(file: FileHandle, database: Target): Promise<[salt: number, end: number]> {
  const head = header(randomBytes(4));
  const salt = head.readUInt32LE(16);
  await writeAll(file, head, 0);
  let end = head.length;
  database.snapshot((piece) => {
    // At once, not in memory until there is time: that would need room for all rows a second time.
    const bytes = frame(salt, piece);
    for (let done = 0; done < bytes.length; ) done += writeSync(file.fd, bytes, done, bytes.length - done, end + done);
    end += bytes.length;
  });
  await file.sync();
  return [salt, end];
}

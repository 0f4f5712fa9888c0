/** Reads what a file keeps. */
import type { FileHandle } from "node:fs/promises";
import { errorOf } from "../errors.js";
import { readAll } from "./files.js";
import { bodyLength, bodyOf, FRAME, HEADER, MARKER } from "./format.js";

/** So much is read, and handed on, at a time. */
const READ = 1 << 20;

/** A file from front to back, through a window. */
class Reader {
  readonly #file: FileHandle;
  readonly size: number;
  #window: Buffer = Buffer.alloc(0);
  /** Where the window begins. */
  #start = 0;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  /** `length` bytes from `at` on; fewer at the end of the file. `at` never goes back. What it gave stays as it is. */
  async bytes(at: number, length: number): Promise<Buffer> {
    const end = Math.min(at + length, this.size);
    if (end > this.#start + this.#window.length) {
      const keep = this.#window.subarray(Math.min(at - this.#start, this.#window.length));
      const from = this.#start + this.#window.length;
      const more = await readAll(this.#file, Math.min(Math.max(end - from, READ), this.size - from), from);
      this.#start = from - keep.length;
      this.#window = keep.length === 0 ? more : Buffer.concat([keep, more]);
    }
    return this.#window.subarray(at - this.#start, end - this.#start);
  }
}

/**
 * Gives the bodies of all frames to `each`, in pieces, and says where they end. What comes after is the trace of a write that was never acknowledged:
 * it may be cut off.
 *
 * Errors: `corrupted` where there is a whole frame after one that is not.
 */
export async function load(file: FileHandle, salt: number, path: string, each: (rows: Buffer) => void): Promise<{ end: number; size: number }> {
  const { size } = await file.stat();
  const reader = new Reader(file, size);
  let [at, waiting]: [number, number] = [HEADER, 0];
  let bodies: Buffer[] = [];
  const flush = (): void => {
    if (waiting > 0) each(bodies.length === 1 ? (bodies[0] as Buffer) : Buffer.concat(bodies));
    [bodies, waiting] = [[], 0];
  };
  for (let body; (body = await bodyAt(reader, salt, at)) !== undefined; at += FRAME + body.length) {
    bodies.push(body);
    waiting += body.length;
    if (waiting >= READ) flush();
  }
  flush();
  if (at < size && (await hasFrameAfter(reader, salt, at))) {
    throw errorOf("corrupted", `the store's file is damaged at byte ${at}: what comes after it is whole`, { path, offset: at });
  }
  return { end: at, size };
}

/** The body of the frame that begins there; nothing where none does. */
async function bodyAt(reader: Reader, salt: number, at: number): Promise<Buffer | undefined> {
  const length = bodyLength(await reader.bytes(at, FRAME));
  if (length === undefined || at + FRAME + length > reader.size) return undefined;
  return bodyOf(salt, await reader.bytes(at, FRAME + length));
}

async function hasFrameAfter(reader: Reader, salt: number, from: number): Promise<boolean> {
  for (let at = from + 1; at < reader.size; ) {
    const window = await reader.bytes(at, READ);
    const found = window.indexOf(MARKER);
    if (found < 0) at += Math.max(1, window.length - MARKER.length + 1);
    else if ((await bodyAt(reader, salt, at + found)) !== undefined) return true;
    else at += found + 1;
  }
  return false;
}

/**
 * The form of the file: a header, and frames, one or more writes each.
 *
 * The header: sixteen bytes that name format and version, four of salt, four of checksum. A frame: a marker, the length of its body, a checksum
 * over salt, length and body, and the body, rows as `CoreDatabase.pending_bytes` writes them. The salt keeps what looks like a frame inside a
 * message from being taken for one, and the first byte of the marker is in no text. Numbers are little-endian.
 */
import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { errorOf } from "../errors.js";

const MAGIC = Buffer.from("convostore-log1\n", "latin1");
/** So much of it names the program, the rest the version. */
const NAME = 14;
/** The length of the header. */
export const HEADER = 24;
/** Where a frame begins. */
export const MARKER = Buffer.from([0xfe, 0x43, 0x53, 0x46]);
/** What a frame takes beside its body. */
export const FRAME = 12;

/** A header, with a salt of its own. */
export function newHeader(): Buffer {
  const header = Buffer.concat([MAGIC, randomBytes(4), Buffer.alloc(4)]);
  header.writeUInt32LE(crc32(header.subarray(0, 20)), 20);
  return header;
}

/** Whether a file that holds no more than this was never begun in earnest: its maker was stopped before it could be used. */
export function isUnbegun(bytes: Buffer): boolean {
  return bytes.length <= HEADER && (bytes.every((byte) => byte === 0) || (bytes.length < HEADER && MAGIC.subarray(0, bytes.length).equals(bytes.subarray(0, MAGIC.length))));
}

/** The salt that a header gives. Errors: `unsupported_schema`, `corrupted`. */
export function saltOf(header: Buffer, path: string): number {
  const isOurs = header.subarray(0, NAME).equals(MAGIC.subarray(0, NAME));
  if (!isOurs || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
    const what = isOurs ? "was written by a newer version; open it with that version or a later one" : "is of another program";
    throw errorOf("unsupported_schema", `the file ${what}`, { path });
  }
  if (header.length < HEADER || crc32(header.subarray(0, 20)) !== header.readUInt32LE(20)) {
    throw errorOf("corrupted", "the store's file is damaged at its beginning", { path, offset: 0 });
  }
  return header.readUInt32LE(16);
}

/** A frame around a body. */
export function frame(salt: number, body: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(FRAME + body.length);
  MARKER.copy(out, 0);
  out.writeUInt32LE(body.length, 4);
  out.writeUInt32LE(frameSum(salt, out.subarray(4, 8), body), 8);
  out.set(body, FRAME);
  return out;
}

/** How long the body of a frame is that begins with these bytes; nothing where none begins there. */
export function bodyLength(head: Buffer): number | undefined {
  return head.length < FRAME || !head.subarray(0, MARKER.length).equals(MARKER) ? undefined : head.readUInt32LE(4);
}

/** The body of a frame; nothing where it is damaged or not whole. */
export function bodyOf(salt: number, whole: Buffer): Buffer | undefined {
  const body = whole.subarray(FRAME);
  const isWhole = body.length === bodyLength(whole) && frameSum(salt, whole.subarray(4, 8), body) === whole.readUInt32LE(8);
  return isWhole ? body : undefined;
}

function frameSum(salt: number, length: Buffer, body: Uint8Array): number {
  return crc32(body, crc32(length, salt));
}

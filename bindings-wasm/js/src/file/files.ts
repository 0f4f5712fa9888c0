/** What the file system is asked for beyond reading and writing, and its errors. */
import { type FileHandle, mkdir, open, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { platform } from "node:process";
import { ConvostoreError, errorOf } from "../errors.js";

const codes: Readonly<Record<string, string>> = {
  EACCES: "permission_denied",
  EPERM: "permission_denied",
  EROFS: "read_only",
  ENOSPC: "disk_full",
  EDQUOT: "disk_full",
  EFBIG: "disk_full",
};

/** The file system's own name of an error. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** An error of the file system, typed. */
export function typed(cause: unknown, path: string, what: string): Error {
  if (cause instanceof ConvostoreError) return cause;
  const code = codeOf(cause);
  return errorOf((code !== undefined && codes[code]) || "storage", `${what} (${code ?? String(cause)})`, { path }, cause);
}

/** The one path of what a path means: without symbolic links, so that all who open it meet at the same lock. Makes the folder. */
export async function realPath(given: string): Promise<string> {
  const path = resolve(given);
  await makeFolder(dirname(path));
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return join(await realpath(dirname(path)), basename(path));
  }
}

/** The folder and those it is in. (Node's own `recursive` never ends in places that refuse new folders, such as /proc.) */
async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return;
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === "EEXIST" && (await isFolder(path))) return;
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path, { mode: 0o700 }).catch((again: unknown) => {
      if (codeOf(again) !== "EEXIST") throw again;
    });
  }
  await syncFolder(path);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), () => false);
}

/** Waits until the name of a file or folder is on the disk. */
export async function syncFolder(path: string): Promise<void> {
  if (platform === "win32") return; // has no such thing
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    if (bytesWritten === 0) throw new Error("the file took nothing");
    done += bytesWritten;
  }
}

/** As many bytes as the file has there. */
export async function readAll(file: FileHandle, length: number, at: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

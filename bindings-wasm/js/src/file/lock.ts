/** Lets one opener in at a time. */
import { randomBytes } from "node:crypto";
import { open, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pid } from "node:process";
import { errorOf } from "../errors.js";
import { codeOf } from "./files.js";
import { isRunning, startOfSelf } from "./running.js";

/** So many times in a row one must be met to be taken for the holder: who only tries makes a new file each time. */
const MET = 4;
/** So often is it tried at most. */
const ATTEMPTS = 40;

/** How a lock file's name ends: process, start, and what makes it the only one. Any other file is not ours to remove. */
const NAME = /^([1-9]\d*)-([0-9a-f]+)-[0-9a-f]{12}$/;

/** Another's lock file. */
interface Other {
  readonly name: string;
  readonly pid: number;
}

/**
 * A lock file, named after the process that holds it. Each opener puts down one of its own and then looks for others: those of processes that
 * are gone it removes, and if one is left whose process runs, it takes its own away again. So nobody ever takes over a file that is
 * another's, and of two that come at once at least one sees the other.
 */
export class Lock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Errors: `busy` where another has it. */
  static async take(path: string, signal: AbortSignal | undefined): Promise<Lock> {
    let last: string | undefined;
    let met = 0;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const found = await Lock.#try(path);
      if (found instanceof Lock) return found;
      met = found.name === last ? met + 1 : 1;
      last = found.name;
      if (met === MET || attempt === ATTEMPTS) {
        const lock = join(dirname(path), found.name);
        throw errorOf("busy", `process ${found.pid} has the store open; one at a time can`, { path, pid: found.pid, lock });
      }
      await new Promise((done) => setTimeout(done, 5 + Math.random() * 20));
    }
  }

  static async #try(path: string): Promise<Lock | Other> {
    const [folder, prefix] = [dirname(path), `${basename(path)}.lock-`];
    const own = `${prefix}${pid}-${startOfSelf}-${randomBytes(6).toString("hex")}`;
    await (await open(join(folder, own), "wx", 0o600)).close();
    const lock = new Lock(join(folder, own));
    try {
      for (const name of await readdir(folder)) {
        const [, process, start = ""] = (name.startsWith(prefix) && name !== own && NAME.exec(name.slice(prefix.length))) || [];
        if (process === undefined) continue;
        if (isRunning(Number(process), start)) {
          await lock.release();
          return { name, pid: Number(process) };
        }
        await rm(join(folder, name), { force: true });
      }
      return lock;
    } catch (error) {
      await lock.release().catch(() => {});
      throw error;
    }
  }

  async release(): Promise<void> {
    try {
      await rm(this.#path, { force: true });
    } catch (error) {
      if (codeOf(error) !== "ENOTDIR") throw error; // the folder is gone, and the lock with it
    }
  }
}

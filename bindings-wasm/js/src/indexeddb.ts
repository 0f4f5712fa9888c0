/**
 * The keeper for browsers: rows in IndexedDB, shared by all tabs.
 *
 * Three object stores: `rows`, from keys to values; `changes`, from change numbers to the rows that were written, the last few hundred; and `meta` with the number
 * of the last change. A write takes the store's Web Lock, brings in the changes since the last one it knows, and writes its rows, its
 * change and the number in one transaction with strict durability. A tab that dies in the middle leaves a whole transaction or none, and its lock
 * is given on. A tab that was away for longer than the changes reach loads everything anew.
 */
import { ConvostoreError, errorOf } from "./errors.js";
import type { Host, Keeper, Target } from "./keeper.js";

const VERSION = 1;
/** How many changes are remembered for tabs that were away. */
const REMEMBERED = 256;
/** How many rows are read at a time. */
const ROWS = 2000;
/** How long an upgrade waits for tabs with an older version to let go. */
const BLOCKED_AFTER = 10_000;

function typed(cause: unknown, what: string): Error {
  if (cause instanceof ConvostoreError) return cause;
  const name = (cause as { name?: unknown } | null)?.name;
  const code =
    name === "QuotaExceededError" ? "disk_full"
    : name === "VersionError" ? "unsupported_schema"
    : name === "SecurityError" || name === "NotAllowedError" ? "permission_denied"
    : name === "InvalidStateError" ? "closed"
    : "storage";
  return errorOf(code, `${what} (${typeof name === "string" ? name : String(cause)})`, {}, cause);
}

function request<T>(of: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    of.onsuccess = () => resolve(of.result);
    of.onerror = () => reject(of.error);
  });
}

function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("the transaction was aborted", "AbortError"));
  });
}

/** `p`, key, value; `d`, key; `r`, first, last; and so on. */
type Flat = string[];

/** Keeps rows in IndexedDB. */
export class IndexedDbKeeper implements Keeper {
  readonly form = "text";
  readonly #db: IDBDatabase;
  readonly #lockName: string;
  readonly #channel: BroadcastChannel | undefined;
  readonly #host: Host;
  /** The last change that memory knows. */
  #number = 0;
  #release: (() => void) | undefined;
  #broken: Error | undefined;

  private constructor(db: IDBDatabase, lockName: string, host: Host) {
    this.#db = db;
    this.#lockName = lockName;
    this.#host = host;
    this.#channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(lockName);
    if (this.#channel !== undefined) this.#channel.onmessage = (event: MessageEvent<unknown>) => {
      if (typeof event.data !== "number" || event.data > this.#number) host.changed();
    };
    db.onversionchange = (event) => {
      this.#break(
        event.newVersion === null
          ? errorOf("closed", "the store's database is being deleted")
          : errorOf("unsupported_schema", "a newer version of the program has taken over the store's database; load the page again"),
      );
    };
    db.onclose = () => this.#break(errorOf("closed", "the browser has closed the store's database, as when its data are cleared"));
  }

  static async open(name: string, host: Host, signal?: AbortSignal): Promise<IndexedDbKeeper> {
    if (typeof indexedDB === "undefined") throw errorOf("unsupported", "there is no IndexedDB here; use Store.inMemory and exportArchive");
    if (typeof navigator === "undefined" || navigator.locks === undefined) {
      throw errorOf("unsupported", "there are no Web Locks here (they need a page loaded by https or from localhost)");
    }
    signal?.throwIfAborted();
    // Asked for, not waited for: some browsers ask the user.
    void navigator.storage?.persist?.().catch(() => {});
    const db = await openDatabase(`convostore/${name}`);
    return new IndexedDbKeeper(db, `convostore/${name}`, host);
  }

  #break(error: Error): void {
    this.#broken ??= error;
    this.#host.broken(this.#broken);
    void this.close();
  }

  async load(database: Target): Promise<void> {
    this.#check();
    try {
      const transaction = this.#db.transaction(["rows", "meta"], "readonly");
      const done = completed(transaction);
      const rows = transaction.objectStore("rows");
      const number = await request<unknown>(transaction.objectStore("meta").get("number"));
      let range: IDBKeyRange | undefined;
      for (;;) {
        const [keys, values] = await Promise.all([request(rows.getAllKeys(range, ROWS)), request<unknown[]>(rows.getAll(range, ROWS))]);
        const flat: Flat = [];
        keys.forEach((key, i) => flat.push("p", key as string, values[i] as string));
        if (flat.length > 0) database.loadText(JSON.stringify(flat));
        if (keys.length < ROWS) break;
        range = IDBKeyRange.lowerBound(keys[keys.length - 1], true);
      }
      await done;
      this.#number = typeof number === "number" ? number : 0;
    } catch (error) {
      throw this.#broken ?? typed(error, "the store's database cannot be read");
    }
  }

  async begin(database: Target, signal: AbortSignal | undefined): Promise<boolean> {
    this.#check();
    await this.#lock(signal);
    this.#check();
    try {
      const transaction = this.#db.transaction(["changes", "meta"], "readonly");
      const done = completed(transaction);
      const [number, changes] = await Promise.all([
        request<unknown>(transaction.objectStore("meta").get("number")),
        request<unknown[]>(transaction.objectStore("changes").getAll(IDBKeyRange.lowerBound(this.#number, true))),
      ]);
      await done;
      const last = typeof number === "number" ? number : 0;
      if (last - this.#number !== changes.length) return false;
      for (const change of changes) database.loadText(JSON.stringify(change));
      this.#number = last;
      return true;
    } catch (error) {
      throw this.#broken ?? typed(error, "what other tabs have written cannot be read");
    }
  }

  async #lock(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((locked, failed) => {
      const held = (): Promise<void> => {
        locked();
        return new Promise((release) => {
          this.#release = release;
        });
      };
      navigator.locks.request(this.#lockName, signal === undefined ? {} : { signal }, held).catch(failed);
    });
  }

  end(): void {
    this.#release?.();
    this.#release = undefined;
  }

  async keep(text: string): Promise<void> {
    this.#check();
    const flat = JSON.parse(text) as Flat;
    const number = this.#number + 1;
    try {
      const transaction = this.#db.transaction(["rows", "changes", "meta"], "readwrite", { durability: "strict" });
      const done = completed(transaction);
      try {
        write(transaction.objectStore("rows"), flat);
        const changes = transaction.objectStore("changes");
        changes.put(flat, number);
        if (number > REMEMBERED) changes.delete(IDBKeyRange.upperBound(number - REMEMBERED));
        transaction.objectStore("meta").put(number, "number");
        transaction.commit?.();
      } catch (error) {
        done.catch(() => {});
        transaction.abort();
        throw error;
      }
      await done;
    } catch (error) {
      throw this.#broken ?? typed(error, "the write could not be kept in the store's database");
    }
    this.#number = number;
    this.#channel?.postMessage(number);
  }

  async erase(): Promise<string> {
    this.#check();
    try {
      const transaction = this.#db.transaction(["changes"], "readwrite", { durability: "strict" });
      transaction.objectStore("changes").clear();
      await completed(transaction);
    } catch (error) {
      throw this.#broken ?? typed(error, "the deleted rows could not be erased");
    }
    return "the rows are gone from the database; the browser removes their bytes from its files in its own time";
  }

  async size(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {
    this.#broken ??= errorOf("closed", "the store was closed; open it again to use it");
    this.end();
    this.#channel?.close();
    this.#db.close();
  }

  #check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }
}

function write(rows: IDBObjectStore, flat: Flat): void {
  for (let i = 0; i < flat.length; ) {
    const kind = flat[i];
    const first = flat[i + 1] as string;
    if (kind === "d") {
      rows.delete(first);
      i += 2;
    } else {
      const second = flat[i + 2] as string;
      if (kind === "p") rows.put(second, first);
      else rows.delete(IDBKeyRange.bound(first, second));
      i += 3;
    }
  }
}

function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    let opening: IDBOpenDBRequest;
    try {
      opening = indexedDB.open(name, VERSION);
    } catch (error) {
      reject(errorOf("unsupported", "the browser does not allow IndexedDB here, as in some private windows; use Store.inMemory and exportArchive", {}, error));
      return;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gaveUp = false;
    opening.onupgradeneeded = () => {
      for (const store of ["rows", "changes", "meta"]) opening.result.createObjectStore(store);
    };
    opening.onblocked = () => {
      timer = setTimeout(() => {
        gaveUp = true;
        reject(errorOf("busy", "another tab with an older version of the program holds the store's database; close it, or load it again"));
      }, BLOCKED_AFTER);
    };
    opening.onsuccess = () => {
      clearTimeout(timer);
      if (gaveUp) opening.result.close();
      else resolve(opening.result);
    };
    opening.onerror = () => {
      clearTimeout(timer);
      const { error } = opening;
      const isPrivate = error?.name === "InvalidStateError" || error?.name === "UnknownError";
      reject(
        isPrivate
          ? errorOf("unsupported", "the browser does not allow IndexedDB here, as in some private windows; use Store.inMemory and exportArchive", {}, error)
          : error?.name === "VersionError"
            ? errorOf("unsupported_schema", "the store's database was made by a newer version of the program; load the page again", {}, error)
            : typed(error, "the store's database cannot be opened"),
      );
    };
  });
}

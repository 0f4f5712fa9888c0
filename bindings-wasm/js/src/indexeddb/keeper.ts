/**
 * The keeper for browsers: rows in IndexedDB, shared by all tabs.
 *
 * Three object stores: `rows`, from keys to values; `changes`, from change numbers to the rows that were written, the last few hundred, large
 * ones without their rows; and `meta` with the number of the last change. A write takes the store's Web Lock, brings in the changes since the
 * last one it knows, and writes its rows, its change and the number in one transaction with strict durability. A tab that dies in the middle leaves a
 * whole transaction or none, and its lock is given on. A tab that the changes do not reach, or that meets a large one, loads everything anew.
 */
import { errorOf } from "../errors.js";
import type { Host, Keeper, Target } from "../keeper.js";
import { openDatabase } from "./open.js";
import { inTransaction, request, typed } from "./requests.js";

/** How many changes are remembered for tabs that were away. */
const REMEMBERED = 256;
/** A change with more characters is remembered without its rows: other tabs load everything anew then, and the quota is not used up by what is there twice. */
const LARGEST = 1 << 18;
/** About how many characters are read at a time, and how many rows at least and at most. */
const PIECE = 4 << 20;
const [FEWEST, MOST] = [1, 4000];

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
      this.#number = await inTransaction(this.#db, ["rows", "meta"], "readonly", async (transaction) => {
        const number = await request<unknown>(transaction.objectStore("meta").get("number"));
        await readRows(transaction.objectStore("rows"), database);
        return typeof number === "number" ? number : 0;
      });
    } catch (error) {
      throw this.#broken ?? typed(error, "the store's database cannot be read");
    }
  }

  async begin(database: Target, signal: AbortSignal | undefined): Promise<boolean> {
    this.#check();
    await this.#lock(signal);
    this.#check();
    try {
      const [number, changes] = await inTransaction(this.#db, ["changes", "meta"], "readonly", (transaction) => Promise.all([
        request<unknown>(transaction.objectStore("meta").get("number")),
        request<unknown[]>(transaction.objectStore("changes").getAll(IDBKeyRange.lowerBound(this.#number, true))),
      ]));
      const last = typeof number === "number" ? number : 0;
      if (last - this.#number !== changes.length || changes.includes(null)) return false;
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
      await inTransaction(this.#db, ["rows", "changes", "meta"], "readwrite", (transaction) => {
        write(transaction.objectStore("rows"), flat);
        const changes = transaction.objectStore("changes");
        changes.put(text.length > LARGEST ? null : flat, number);
        if (number > REMEMBERED) changes.delete(IDBKeyRange.upperBound(number - REMEMBERED));
        transaction.objectStore("meta").put(number, "number");
        transaction.commit?.();
      });
    } catch (error) {
      throw this.#broken ?? typed(error, "the write could not be kept in the store's database");
    }
    this.#number = number;
    // Where the database was taken away while it wrote, the channel is closed, and others read everything anew. The write is kept all the same.
    if (this.#broken === undefined) this.#channel?.postMessage(number);
  }

  async erase(): Promise<string> {
    this.#check();
    try {
      await inTransaction(this.#db, ["changes"], "readwrite", (transaction) => void transaction.objectStore("changes").clear());
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

/** Reads all rows, in pieces. */
async function readRows(rows: IDBObjectStore, database: Target): Promise<void> {
  let range: IDBKeyRange | undefined;
  // So many as the rows before let expect to fit: messages may be large.
  for (let count = 100; ; ) {
    const [keys, values] = await Promise.all([request(rows.getAllKeys(range, count)), request<unknown[]>(rows.getAll(range, count))]);
    const flat: Flat = [];
    keys.forEach((key, i) => flat.push("p", key as string, values[i] as string));
    const text = JSON.stringify(flat);
    if (flat.length > 0) database.loadText(text);
    if (keys.length < count) return;
    range = IDBKeyRange.lowerBound(keys[keys.length - 1], true);
    count = Math.max(FEWEST, Math.min(MOST, Math.round((count * PIECE) / text.length)));
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

/** A database and its keeper: reads at once, writes one after the other. */
import { CoreDatabase, type CoreStore } from "./web/core.js";
import { moment } from "./arguments.js";
import { errorOf, invalid } from "./errors.js";
import type { Host, Keeper, Target } from "./keeper.js";
import type { Runtime } from "./runtime.js";

/** The rows of a database are handed over in pieces of this size. */
const PIECE = 1 << 20;

/** What all stores on a database share. */
export interface Settings {
  /** As `CoreDatabase.store` takes it, but for the tenant. */
  readonly wire: (tenant: string) => string;
  readonly clock: (() => Date) | undefined;
  readonly ids: (() => string) | undefined;
}

/** A tenant's store in WebAssembly. It is replaced when the database is loaded anew. */
export interface Handle {
  readonly tenant: string;
  core: CoreStore;
}

interface Thrown {
  error: unknown;
}

// These two hold no engine: WebAssembly and the instance hold on to them, and a store that was forgotten is to be collected.

/** An id source that throws nothing through WebAssembly. */
function guarded(runtime: Runtime, ids: () => string, thrown: Thrown): () => string {
  return () => {
    try {
      const id: unknown = runtime.callback(ids);
      if (typeof id === "string") return id;
      thrown.error = invalid("the id source gave no text", "ids");
    } catch (error) {
      thrown.error = error ?? new Error("the id source threw nothing");
    }
    return "";
  };
}

function closer(keeper: Keeper): () => void {
  return () => {
    void keeper.close().catch(() => {});
  };
}

type Turn = { readonly signal: AbortSignal | undefined };

export class Engine {
  readonly runtime: Runtime;
  readonly #settings: Settings;
  readonly #keeper: Keeper | undefined;
  readonly #ids: (() => string) | undefined;
  #core: CoreDatabase;
  #target: Target;
  readonly #handles = new Set<Handle>();
  /** Settled when the writes before have been settled. */
  #last: Promise<void> = Promise.resolve();
  /** Why nothing more can be kept. */
  #broken: Error | undefined;
  /** Whether nothing more is let in; what was let in before is completed. */
  #isClosed = false;
  #closing: Promise<void> | undefined;
  /** What an id source threw, on its way around WebAssembly. */
  readonly #thrown: Thrown;
  #isBehind = false;
  readonly #poisoned: (() => void) | undefined;

  constructor(runtime: Runtime, settings: Settings, keeper: Keeper | undefined) {
    this.runtime = runtime;
    this.#settings = settings;
    this.#keeper = keeper;
    this.#thrown = { error: undefined };
    this.#ids = settings.ids && guarded(runtime, settings.ids, this.#thrown);
    this.#core = runtime.call(() => new CoreDatabase(keeper !== undefined));
    this.#target = this.#targetOf(this.#core);
    if (keeper !== undefined) runtime.onPoison.add((this.#poisoned = closer(keeper)));
  }

  get isKept(): boolean {
    return this.#keeper !== undefined;
  }

  /** What the keeper may tell. */
  readonly host: Host = {
    changed: () => {
      if (this.#isBehind || this.#isClosed || this.#broken !== undefined) return;
      this.#isBehind = true;
      void this.#inTurn(undefined, async () => {
        this.#isBehind = false;
        await this.#begin(undefined);
        this.#keeper?.end?.();
      }).catch(() => {});
    },
    broken: (error) => {
      this.#broken ??= error;
    },
  };

  /** Reads what is kept. */
  async load(): Promise<void> {
    await this.#keeper?.load(this.#target);
  }

  /** A store for a tenant. */
  handle(tenant: string): Handle {
    const core = this.call(() => this.#core.store(this.#settings.wire(tenant), this.#ids));
    const handle = { tenant, core };
    this.#handles.add(handle);
    return handle;
  }

  /** The present time, by the application's clock where it has given one. */
  now(): number {
    this.check();
    const { clock } = this.#settings;
    return clock === undefined ? Date.now() : moment(this.runtime.callback(clock), "time of the clock");
  }

  /** Refuses where nothing can be done any more. */
  check(): void {
    this.#checkSound();
    if (this.#isClosed) throw errorOf("closed", "the store was closed; open it again to use it");
  }

  #checkSound(): void {
    this.runtime.check();
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Calls into WebAssembly: a read, or a write that is settled by the caller. */
  call<T>(work: () => T): T {
    this.check();
    return this.runtime.call(work);
  }

  /**
   * Runs a write: `work` prepares it, and it is kept before the promise resolves. Where nothing is kept, it is done at once.
   */
  write<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    return this.writes(async (settle) => settle(work), signal);
  }

  /** Runs several writes in one turn, each settled before the next. */
  async writes<T>(work: (settle: <R>(prepare: () => R) => Promise<R>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.check();
    signal?.throwIfAborted();
    const keeper = this.#keeper;
    if (keeper === undefined) return work(async (prepare) => this.#prepare(prepare));
    return this.#inTurn({ signal }, async () => {
      this.#checkSound();
      try {
        await this.#begin(signal);
        const result = await work((prepare) => this.#settle(keeper, prepare));
        await keeper.tidy?.(this.#target);
        return result;
      } finally {
        keeper.end?.();
      }
    });
  }

  /** Removes the bytes of deleted rows; in a turn. */
  async erase(): Promise<string | undefined> {
    return this.#keeper?.erase(this.#target);
  }

  /** Copies all rows to a new file. */
  async backup(path: string): Promise<void> {
    const keeper = this.#keeper;
    if (keeper?.backup === undefined) throw errorOf("unsupported", "this store has no file to copy; write an archive with exportArchive");
    await this.#inTurn(undefined, () => keeper.backup?.(this.#target, path) ?? Promise.resolve());
  }

  async size(): Promise<number | null> {
    return this.#keeper === undefined ? null : this.#keeper.size();
  }

  /** What runs is completed, everything after is `closed`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    if (this.#poisoned !== undefined) this.runtime.onPoison.delete(this.#poisoned);
    for (const handle of this.#handles) this.runtime.free(handle.core);
    this.#handles.clear();
    this.runtime.free(this.#core);
    await this.#keeper?.close();
  }

  /** Waits for the writes before, then runs. */
  async #inTurn<T>(turn: Turn | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    let done = (): void => {};
    const mine = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#last = before.then(() => mine);
    try {
      await (turn?.signal === undefined ? before : abortable(before, turn.signal));
      return await work();
    } finally {
      done();
    }
  }

  /** Brings in what others wrote; everything anew where that is simpler. */
  async #begin(signal: AbortSignal | undefined): Promise<void> {
    const keeper = this.#keeper;
    if (keeper?.begin === undefined || (await keeper.begin(this.#target, signal))) return;
    const core = this.runtime.call(() => new CoreDatabase(true));
    try {
      const target = this.#targetOf(core);
      await keeper.load(target);
      for (const handle of this.#handles) {
        const old = handle.core;
        handle.core = this.runtime.call(() => core.store(this.#settings.wire(handle.tenant), this.#ids));
        this.runtime.free(old);
      }
      this.runtime.free(this.#core);
      this.#core = core;
      this.#target = target;
    } catch (error) {
      if (this.#core !== core) this.runtime.free(core);
      throw error;
    }
  }

  #prepare<R>(prepare: () => R): R {
    this.#thrown.error = undefined;
    try {
      return this.runtime.call(prepare);
    } catch (error) {
      throw this.#thrown.error ?? error;
    }
  }

  async #settle<R>(keeper: Keeper, prepare: () => R): Promise<R> {
    const result = this.#prepare(prepare);
    const rows = this.runtime.call(() => (keeper.form === "bytes" ? this.#core.pending_bytes() : this.#core.pending_text()));
    if (rows === undefined) return result;
    try {
      await keeper.keep(rows);
    } catch (error) {
      this.runtime.call(() => this.#core.abort());
      throw error;
    }
    this.runtime.call(() => this.#core.commit());
    return result;
  }

  #targetOf(core: CoreDatabase): Target {
    const { runtime } = this;
    return {
      loadBytes: (bytes) => runtime.call(() => core.load_bytes(bytes)),
      loadText: (text) => runtime.call(() => core.load_text(text)),
      snapshotSize: () => runtime.call(() => core.snapshot_size()),
      snapshot: (each) => {
        let thrown: { readonly error: unknown } | undefined;
        try {
          runtime.call(() => core.snapshot(PIECE, (piece: Uint8Array) => {
            try {
              each(piece);
            } catch (error) {
              thrown = { error };
              throw error;
            }
          }));
        } catch (error) {
          throw thrown === undefined ? error : thrown.error;
        }
      },
    };
  }
}

function abortable(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    void wait.then(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}

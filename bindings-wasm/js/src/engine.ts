/** A database and its keeper: reads at once, writes one after the other. */
import { CoreDatabase, type CoreStore } from "./web/core.js";
import { moment } from "./arguments.js";
import { errorOf } from "./errors.js";
import { Group } from "./group.js";
import { type Draws, guarded } from "./ids.js";
import type { Host, Keeper, Target } from "./keeper.js";
import type { Runtime } from "./runtime.js";
import type { Settings } from "./settings.js";
import { targetOf } from "./target.js";
import { Turns } from "./turns.js";
import { Writing } from "./writing.js";

/** A tenant's store in WebAssembly. It is replaced when the database is loaded anew. */
export interface Handle {
  readonly tenant: string;
  core: CoreStore;
}

// It holds no engine: the instance holds on to it, and a store that was forgotten is to be collected.
function closer(keeper: Keeper): () => void {
  return () => {
    void keeper.close().catch(() => {});
  };
}

/** Closes what nobody can reach any more, so that a store that was forgotten blocks nobody else. Some platforms without kept stores have no finalizers. */
const forgotten = typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry((close: () => void) => close());

export class Engine {
  readonly runtime: Runtime;
  readonly #settings: Settings;
  readonly #keeper: Keeper | undefined;
  readonly #ids: (() => string) | undefined;
  #core: CoreDatabase;
  #target: Target;
  /** By tenants. */
  readonly #handles = new Map<string, Handle>();
  readonly #turns = new Turns();
  readonly #writing: Writing;
  /** Why nothing more can be kept. */
  #broken: Error | undefined;
  /** Whether nothing more is let in; what was let in before is completed. */
  #isClosed = false;
  #closing: Promise<void> | undefined;
  /** The last turn, while it waits for its time and more writes may join it. */
  #open: Group | undefined;
  #isBehind = false;
  readonly #closer: (() => void) | undefined;

  constructor(runtime: Runtime, settings: Settings, keeper: Keeper | undefined) {
    this.runtime = runtime;
    this.#settings = settings;
    this.#keeper = keeper;
    const draws: Draws = { ids: [], given: 0, error: undefined };
    this.#ids = settings.ids && guarded(runtime, settings.ids, draws);
    this.#writing = new Writing(runtime, draws, keeper, () => this.#core);
    this.#core = runtime.call(() => new CoreDatabase(keeper !== undefined));
    this.#target = targetOf(runtime, this.#core);
    if (keeper !== undefined) {
      runtime.onPoison.add((this.#closer = closer(keeper)));
      forgotten?.register(this, this.#closer);
    }
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
        await this.#begin(undefined).finally(() => this.#keeper?.end?.());
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
    this.check();
    let handle = this.#handles.get(tenant);
    if (handle === undefined) {
      handle = { tenant, core: this.call(() => this.#core.store(this.#settings.wire(tenant), this.#ids)) };
      this.#handles.set(tenant, handle);
    }
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
   *
   * Writes that wait for the same turn are kept together, so `work` may run again, and must depend on nothing but the database. `characters`
   * is about how much it writes.
   */
  write<T>(tenant: string, work: () => T, signal?: AbortSignal, characters = 0): T | Promise<T> {
    this.check();
    signal?.throwIfAborted();
    const keeper = this.#keeper;
    if (keeper === undefined) return this.#writing.prepare(work, []);
    let group = this.#open;
    if (group === undefined || !group.takes(tenant)) {
      const next = new Group(tenant);
      void this.#inTurn(undefined, () => this.#run(keeper, next));
      this.#open = group = next;
    }
    return group.add(work, characters, signal);
  }

  /** Runs several writes in one turn, each settled before the next; none of them is kept together with others. */
  async writes<T>(work: (settle: <R>(prepare: () => R) => Promise<R>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.check();
    signal?.throwIfAborted();
    const keeper = this.#keeper;
    if (keeper === undefined) return work(async (prepare) => this.#writing.prepare(prepare, []));
    return this.#inTurn(signal, async () => {
      this.#checkSound();
      try {
        await this.#begin(signal);
        const result = await work((prepare) => this.#writing.keepOne(prepare));
        await keeper.tidy?.(this.#target);
        return result;
      } finally {
        keeper.end?.();
      }
    });
  }

  /** Removes the bytes of deleted rows; in a turn. Says what still holds them. The rows are gone by then, so where that fails the deletion has not. */
  async erase(): Promise<string | undefined> {
    try {
      return await this.#keeper?.erase(this.#target);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
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
    await this.#turns.ended();
    if (this.#closer !== undefined) this.runtime.onPoison.delete(this.#closer);
    for (const handle of this.#handles.values()) this.runtime.free(handle.core);
    this.#handles.clear();
    this.runtime.free(this.#core);
    await this.#keeper?.close();
  }

  /** Waits for the turns before, then runs. */
  #inTurn<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.#open = undefined;
    return this.#turns.take(signal, work);
  }

  /** Brings in what others wrote; everything anew where that is simpler. */
  async #begin(signal: AbortSignal | undefined): Promise<void> {
    const keeper = this.#keeper;
    if (keeper?.begin === undefined || (await keeper.begin(this.#target, signal))) return;
    const core = this.runtime.call(() => new CoreDatabase(true));
    try {
      const target = targetOf(this.runtime, core);
      await keeper.load(target);
      for (const handle of this.#handles.values()) {
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

  /** The turn of a group. It settles all members, and does not throw. */
  async #run(keeper: Keeper, group: Group): Promise<void> {
    if (group.members.length === 0) return;
    try {
      this.#checkSound();
      await this.#begin(group.stop.signal);
      group.begin();
      while (group.members.length > 0) {
        const settled = await this.#writing.keepSome(group.members);
        group.members.splice(0, settled);
      }
      await keeper.tidy?.(this.#target);
    } catch (error) {
      group.fail(error);
    } finally {
      keeper.end?.();
    }
  }
}

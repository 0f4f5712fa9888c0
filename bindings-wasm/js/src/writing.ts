/** From a prepared write to one that is kept and seen. */
import type { Member } from "./group.js";
import type { Draws } from "./ids.js";
import type { Keeper } from "./keeper.js";
import type { Runtime } from "./runtime.js";
import type { CoreDatabase } from "./web/core.js";

/** The writes of a database, each in its turn. Without a keeper they are only prepared: they are done then. */
export class Writing {
  readonly #runtime: Runtime;
  readonly #draws: Draws;
  readonly #keeper: Keeper | undefined;
  /** The present database: it is replaced when it is loaded anew. */
  readonly #core: () => CoreDatabase;

  constructor(runtime: Runtime, draws: Draws, keeper: Keeper | undefined, core: () => CoreDatabase) {
    this.#runtime = runtime;
    this.#draws = draws;
    this.#keeper = keeper;
    this.#core = core;
  }

  /** Keeps writes together, from the first on, and settles them; says how many. */
  async keepSome(members: readonly Member[]): Promise<number> {
    const results = this.#prepareSome(members);
    const [first] = members;
    if (results instanceof Failure) {
      first?.reject(results.error);
      return 1;
    }
    const kept = members.slice(0, results.length);
    try {
      await this.#keep();
    } catch (error) {
      if (kept.length === 1) first?.reject(error);
      // What is too much for all may be little enough for one.
      else for (const member of kept) await this.keepSome([member]);
      return kept.length;
    }
    kept.forEach((member, i) => member.resolve(results[i]));
    return kept.length;
  }

  /**
   * Prepares writes on top of each other: all up to the first that fails, whose time comes when those before it are kept. So what becomes of
   * a write is never decided by another that might not be kept.
   */
  #prepareSome(members: readonly Member[]): unknown[] | Failure {
    for (let count = members.length; ; ) {
      const results: unknown[] = [];
      try {
        for (const { prepare, ids } of members.slice(0, count)) results.push(this.prepare(prepare, ids));
        return results;
      } catch (error) {
        // Where one fails, those before it are dropped too, and have to be prepared again.
        this.#runtime.call(() => this.#core().abort());
        if (results.length === 0) return new Failure(error);
        count = results.length;
      }
    }
  }

  /** Runs what prepares a write. */
  prepare<R>(prepare: () => R, ids: string[]): R {
    const draws = this.#draws;
    draws.ids = ids;
    draws.given = 0;
    draws.error = undefined;
    try {
      return this.#runtime.call(prepare);
    } catch (error) {
      throw draws.error ?? error;
    }
  }

  /** Keeps one write. */
  async keepOne<R>(prepare: () => R): Promise<R> {
    let result: R;
    try {
      result = this.prepare(prepare, []);
    } catch (error) {
      this.#runtime.call(() => this.#core().abort());
      throw error;
    }
    await this.#keep();
    return result;
  }

  /** Keeps what was prepared, then makes it visible; drops it where it cannot be kept. */
  async #keep(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    const rows = this.#runtime.call(() => (keeper.form === "bytes" ? this.#core().pending_bytes() : this.#core().pending_text()));
    if (rows === undefined) return;
    try {
      await keeper.keep(rows);
    } catch (error) {
      this.#runtime.call(() => this.#core().abort());
      throw error;
    }
    this.#runtime.call(() => this.#core().commit());
  }
}

/** Why a write could not be prepared. */
class Failure {
  constructor(readonly error: unknown) {}
}

/**
 * Deleted, but not yet for good.
 *
 * Deleting puts a mark beside the session and leaves it as it is; all tabs hide what is marked. When the time for undoing is over, whichever tab
 * is there deletes what is marked; undoing removes the mark. So the deletion is kept at once and so is the undo, a reload in the middle loses
 * neither, and a session that came back is the same to the byte. (An export of the session that is imported again on undo would be gone with a reload, and could meet
 * a session that has taken its key meanwhile.)
 *
 * The marks are a context of a tenant of their own on the same data: the archive of the conversations never has them.
 *
 * Whoever only looks (exports, finds out what an import or a clean-up would do) sees the store without what is marked, and leaves the marks alone. An
 * import or a clean-up that is done may meet what is marked, so it ends the time for undoing before it begins.
 *
 * Two things must not run into each other: deleting for good while another tab undoes or writes into the session. So deleting for good takes a Web Lock
 * alone and looks again under it; undoing takes it too, and writing shares it. A session that was written to after it was marked
 * stays: somebody uses it.
 */
import { Store } from "convostore";
import type { Binned } from "../protocol.ts";

const TENANT = "convostore-history-page";
const SCOPE = "bin";
const LOCK = "convostore-history-page/bin";
/** How long a deletion can be undone, in milliseconds: long enough for who reads slowly, or has the page read out. */
const UNDO = 30_000;
/** So much later it is deleted for good: who undoes in the last moment is not too late. */
const GRACE = 300;

interface Mark {
  readonly until: number;
  readonly revision: number;
  readonly name: string;
}

export class Bin {
  readonly #store: Store;
  readonly #marks: Store;
  readonly #isKept: boolean;
  readonly #changed: (ids: readonly string[]) => void;
  #present = new Map<string, Mark>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store, isKept: boolean, changed: (ids: readonly string[]) => void) {
    this.#store = store;
    this.#isKept = isKept;
    this.#marks = store.forTenant(TENANT);
    this.#changed = changed;
  }

  has(id: string): boolean {
    return this.#present.has(id);
  }

  all(): Binned[] {
    return [...this.#present].map(([id, { name, until }]) => ({ id, name, until }));
  }

  /** Reads the marks anew, with all that other tabs have written by now. */
  async read(): Promise<void> {
    // A write brings in what others wrote; this one changes nothing.
    await this.#marks.deleteContext("nothing");
    const context = await this.#marks.getContext(SCOPE);
    this.#present = new Map(Object.entries((context?.data ?? {}) as unknown as Record<string, Mark>));
    this.#schedule();
  }

  async put(id: string, name: string): Promise<Binned> {
    const until = Date.now() + UNDO;
    await this.sparing(async () => {
      await this.read();
      const session = await this.#store.getSession(id);
      if (session === null) throw new Error("the conversation was deleted in another tab");
      await this.#marks.mergeContext(SCOPE, { [id]: { until, name, revision: session.revision } });
      await this.read();
    });
    this.#changed([id]);
    return { id, name, until };
  }

  /** Takes a session out of the bin; false where it is deleted for good. */
  async restore(id: string): Promise<boolean> {
    const isBack = await this.#alone(async () => {
      await this.read();
      if (this.#present.has(id)) await this.#unmark([id]);
      return (await this.#store.getSession(id)) !== null;
    });
    this.#changed([id]);
    return isBack;
  }

  /** Lets somebody look at the store without what is in the bin: where there is something, at a copy in memory. */
  async looking<T>(look: (store: Store) => Promise<T>): Promise<T> {
    const copy = await this.sparing(async () => {
      await this.read();
      return this.#present.size === 0 ? null : this.#copy();
    });
    if (copy === null) return look(this.#store);
    try {
      return await look(copy);
    } finally {
      await copy.close();
    }
  }

  async #copy(): Promise<Store> {
    const copy = await Store.inMemory();
    await copy.importArchive((await this.#store.exportArchive()).archive);
    await this.#deleteMarked(copy, this.#present);
    return copy;
  }

  /** Ends the time for undoing, and does something while nothing is put into the bin. */
  final<T>(work: () => Promise<T>): Promise<T> {
    return this.#alone(async () => {
      await this.#empty(Infinity);
      return work();
    });
  }

  /** Deletes for good what is marked until then, and tells. */
  async #empty(until: number): Promise<void> {
    await this.read();
    const due = new Map([...this.#present].filter(([, mark]) => mark.until <= until));
    if (due.size === 0) return;
    await this.#deleteMarked(this.#store, due);
    // Marks go last: should the tab die in between, the next one goes on here.
    await this.#unmark([...due.keys()]);
    this.#changed([...due.keys()]);
  }

  async #deleteMarked(store: Store, marks: ReadonlyMap<string, Mark>): Promise<void> {
    for (const [id, mark] of marks) {
      const session = await store.getSession(id);
      if (session !== null && session.revision === mark.revision) await store.deleteSession(id);
    }
  }

  /** Runs a write into sessions while nothing is deleted for good. */
  sparing<T>(write: () => Promise<T>): Promise<T> {
    return this.#locked("shared", write);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#locked("exclusive", work);
  }

  async #locked<T>(mode: LockMode, work: () => Promise<T>): Promise<T> {
    // What is not kept is seen by no other tab; and where nothing may be kept, locks are refused too.
    return this.#isKept ? navigator.locks.request(LOCK, { mode }, work) : work();
  }

  async #unmark(ids: readonly string[]): Promise<void> {
    await this.#marks.mergeContext(SCOPE, Object.fromEntries(ids.map((id) => [id, null])));
    await this.read();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#present.size === 0) return;
    const next = Math.min(...[...this.#present.values()].map((mark) => mark.until));
    this.#timer = setTimeout(() => void this.#alone(() => this.#empty(Date.now() - GRACE)).catch(() => {}), Math.max(0, next - Date.now()) + GRACE);
  }
}

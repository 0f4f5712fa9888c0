/** Writes that wait for the same turn, to be kept together. */
import { onAbort } from "./signals.js";

/** A group takes no more than so many. */
const MEMBERS = 128;
/** Nor more, once it has so many characters: all of them are in memory twice. */
const CHARACTERS = 4 << 20;

/** A write that waits. */
export interface Member {
  /** Prepares it in memory; it may be called again, after what it did was dropped. */
  readonly prepare: () => unknown;
  /** The ids that it drew. */
  readonly ids: string[];
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes of one tenant. Each is atomic in itself; all of them are kept in one go. */
export class Group {
  readonly tenant: string;
  /** In their order. */
  members: Member[] = [];
  /** Aborted when nobody waits for it any more. */
  readonly stop = new AbortController();
  readonly #forget: (() => void)[] = [];
  #characters = 0;
  #isClosed = false;

  constructor(tenant: string) {
    this.tenant = tenant;
  }

  /** Whether a write of that tenant may join. */
  takes(tenant: string): boolean {
    return !this.#isClosed && tenant === this.tenant && this.members.length < MEMBERS && this.#characters < CHARACTERS;
  }

  /** Lets a write in. While the group waits, the signal takes it out again. */
  add<T>(prepare: () => T, characters: number, signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const member: Member = { prepare, ids: [], resolve: resolve as (result: unknown) => void, reject };
      this.members.push(member);
      this.#characters += characters;
      if (signal === undefined) return;
      const forget = onAbort(signal, () => {
        this.members = this.members.filter((each) => each !== member);
        reject(signal.reason as Error);
        if (this.members.length === 0) this.#giveUp(signal.reason);
      });
      this.#forget.push(forget);
    });
  }

  #giveUp(reason: unknown): void {
    this.#isClosed = true;
    this.stop.abort(reason);
  }

  /** Its turn has come: nobody joins any more, and who is in it is completed. */
  begin(): void {
    this.#isClosed = true;
    for (const forget of this.#forget.splice(0)) forget();
  }

  /** Those that are not settled yet fail. */
  fail(error: unknown): void {
    this.begin();
    for (const member of this.members.splice(0)) member.reject(error);
  }
}

/**
 * Tabs tell each other what they have written.
 *
 * The store itself keeps its memory in step with other tabs; what it does not do is say when. So each worker tells the others which sessions it
 * wrote to.
 */
export class Tabs {
  readonly #channel = new BroadcastChannel("convostore-history-page");
  readonly #heard: (ids: readonly string[] | null) => Promise<void>;
  /** What was told and not yet shown; null: everything. */
  #waiting: Set<string> | null | undefined;

  constructor(heard: (ids: readonly string[] | null) => Promise<void>) {
    this.#heard = heard;
    this.#channel.onmessage = (event: MessageEvent<readonly string[] | null>) => this.#receive(event.data);
  }

  /** Tells the other tabs; null where it is too much to list. */
  tell(ids: readonly string[] | null): void {
    this.#channel.postMessage(ids);
  }

  /** Many changes in a row are shown together. */
  #receive(ids: readonly string[] | null): void {
    const isFirst = this.#waiting === undefined;
    if (ids === null) this.#waiting = null;
    else if (this.#waiting !== null) {
      this.#waiting ??= new Set();
      for (const id of ids) this.#waiting.add(id);
    }
    if (isFirst) setTimeout(() => this.#show(), 20);
  }

  #show(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    // Should it fail, the store is closed or broken, and the next operation says so.
    this.#heard(waiting === null || waiting === undefined ? null : [...waiting]).catch(() => {});
  }
}

/** The filter as one types: names at once, the texts of messages a moment later, from the worker. */
import type { Model } from "../model.ts";

/** How long the typing must rest before messages are looked through, in milliseconds. */
const REST = 180;

export class Searcher {
  readonly #model: Model;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | undefined;

  constructor(model: Model) {
    this.#model = model;
  }

  set(text: string): void {
    const filter = text.trim();
    clearTimeout(this.#timer);
    this.#running?.abort();
    const isLooking = filter.length >= 2;
    this.#model.setFilter(filter, new Set(), isLooking);
    if (isLooking) this.#timer = setTimeout(() => void this.#search(filter), REST);
  }

  async #search(filter: string): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    try {
      const found = await this.#model.store.call("search", [filter], { signal: running.signal });
      if (!running.signal.aborted) this.#model.setFilter(filter, new Set(found), false);
    } catch {
      // Given up for a later one; or the store is broken, which the next operation says.
      if (!running.signal.aborted) this.#model.setFilter(filter, new Set(), false);
    }
  }
}

/** What the page knows: the cards of all sessions, which one is open, what is filtered. Views listen, and draw themselves anew. */
import type { Binned, Card, Change, Lifecycle } from "./protocol.ts";
import type { StoreClient } from "./store.ts";
import { shown } from "./ui/errors.ts";

type Topic = "cards" | "selected" | "filter";

export class Model {
  readonly store: StoreClient;
  readonly cards = new Map<string, Card>();
  /** What was deleted and can be had back. */
  binned: readonly Binned[] = [];
  lifecycles: readonly Lifecycle[] = [];
  selected: string | null = null;
  filter = "";
  /** Sessions in whose messages the filter's words occur. */
  found: ReadonlySet<string> = new Set();
  /** Whether messages are still looked through. */
  isLooking = false;
  readonly #listeners: Record<Topic, (() => void)[]> = { cards: [], selected: [], filter: [] };
  /** Whether the last change was another tab's. */
  isElsewhere = false;
  #loading: Promise<void> | undefined;
  #isStale = false;

  constructor(store: StoreClient) {
    this.store = store;
    store.onChange = (change) => void shown(this.#change(change));
  }

  on(topic: Topic, listener: () => void): void {
    this.#listeners[topic].push(listener);
  }

  #tell(topic: Topic): void {
    for (const listener of this.#listeners[topic]) listener();
  }

  get card(): Card | undefined {
    return this.selected === null ? undefined : this.cards.get(this.selected);
  }

  lifecycle(name: string): Lifecycle | undefined {
    return this.lifecycles.find((lifecycle) => lifecycle.name === name);
  }

  scopes(): string[] {
    return [...new Set([...this.cards.values()].map((card) => card.scope))].sort();
  }

  select(id: string | null): void {
    if (this.selected === id) return;
    this.selected = id;
    this.#tell("selected");
  }

  setFilter(filter: string, found: ReadonlySet<string>, isLooking: boolean): void {
    this.filter = filter;
    this.found = found;
    this.isLooking = isLooking;
    this.#tell("filter");
  }

  /** Reads all cards, a page at a time. A second call while one runs lets it begin anew at its end. */
  async load(): Promise<void> {
    if (this.#loading !== undefined) {
      this.#isStale = true;
      return this.#loading;
    }
    this.#loading = this.#load();
    try {
      await this.#loading;
    } finally {
      this.#loading = undefined;
    }
  }

  async #load(): Promise<void> {
    do {
      this.#isStale = false;
      const [lifecycles, cards] = [await this.store.call("lifecycles", []), new Map<string, Card>()];
      let cursor: string | null = null;
      do {
        const page: { readonly cards: Card[]; readonly next: string | null } = await this.store.call("cards", [cursor]);
        for (const card of page.cards) cards.set(card.id, card);
        cursor = page.next;
      } while (cursor !== null);
      this.lifecycles = lifecycles;
      this.cards.clear();
      for (const [id, card] of cards) this.cards.set(id, card);
    } while (this.#isStale);
    this.#tell("cards");
  }

  async #change(change: Change): Promise<void> {
    this.isElsewhere = change.isElsewhere;
    this.binned = change.binned;
    if (change.all || this.#loading !== undefined) return this.load();
    for (const card of change.cards) this.cards.set(card.id, card);
    for (const id of change.gone) this.cards.delete(id);
    this.#tell("cards");
  }
}

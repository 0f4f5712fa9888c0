/** The messages of one conversation: an outline of all, and the items that are near, loaded a page at a time. */
import type { Item, Outline, Part, ShownMessage } from "../protocol.ts";
import type { StoreClient } from "../store.ts";
import { h } from "../ui/dom.ts";
import { shown } from "../ui/errors.ts";
import { announce, toast } from "../ui/live.ts";
import { count, dayName, startOfDay } from "../ui/words.ts";
import { Heights } from "./heights.ts";
import { drawItem, drawWaiting, placeKey, type Unfolded } from "./item.ts";
import { Scroller } from "./scroller.ts";

/** Items per page. */
const PAGE = 40;
/** Pages that are remembered. */
const KEPT = 12;
/** How much more of a long text is shown at once, in characters. */
const MORE = 20_000;

export class Transcript {
  readonly element: HTMLElement;
  readonly #store: StoreClient;
  readonly #id: string;
  readonly #scroller: Scroller;
  #outline: Outline | undefined;
  /** Loaded pages, the latest used last; null while one is on its way. */
  readonly #pages = new Map<number, readonly Item[] | null>();
  readonly #unfolded: Unfolded = { open: new Set(), texts: new Map() };
  readonly #empty = h("p", { class: "transcript-empty", hidden: true }, "Nothing has been said here yet. Write the first message below.");

  constructor(store: StoreClient, id: string) {
    this.#store = store;
    this.#id = id;
    this.#scroller = new Scroller({ draw: (index) => this.#draw(index), seen: (first, end) => this.#seen(first, end) });
    this.#scroller.element.setAttribute("role", "feed");
    this.#scroller.element.setAttribute("aria-label", "Messages");
    this.element = h("div", { class: "transcript" }, this.#scroller.element, this.#empty);
  }

  /** Reads the outline anew; at its end the first time, later where it was. False where the conversation is gone. */
  async update(): Promise<boolean> {
    const outline = await this.#store.call("outline", [this.#id]);
    if (outline === null) return false;
    const old = this.#outline;
    const same = old === undefined ? 0 : sameItems(old, outline);
    const heights = Array.from(outline.sizes, (size, i) => (i < same ? this.#scroller.heightOf(i) : estimate(size)));
    // What is to be seen is loaded before it is shown, so that nothing flickers.
    const last = Math.floor(Math.max(0, outline.seqs.length - 1) / PAGE);
    const stale = [...this.#pages.keys()].filter((page) => (page + 1) * PAGE > same);
    const wanted = this.#scroller.isAtEnd ? [...new Set([...stale, last])] : stale;
    const fresh = await Promise.all(wanted.filter((page) => page <= last).map(async (page) => [page, await this.#fetch(outline, page)] as const));
    this.#outline = outline;
    for (const page of stale) this.#pages.delete(page);
    for (const [page, items] of fresh) this.#pages.set(page, items);
    this.#empty.hidden = outline.seqs.length > 0;
    this.#scroller.show(new Heights(heights), same);
    for (const element of this.element.querySelectorAll("[aria-setsize]")) element.setAttribute("aria-setsize", String(outline.seqs.length));
    return true;
  }

  toFirst(): void {
    this.#scroller.toStart();
    announce("First message");
  }

  toLast(): void {
    this.toEnd();
    announce("Last message");
  }

  /** As toLast, without a word about it. */
  toEnd(): void {
    this.#scroller.toEnd();
  }

  #draw(index: number): HTMLElement {
    const item = this.#item(index);
    const element = item === undefined ? drawWaiting(estimate(this.#outline?.sizes[index] ?? 0)) : drawItem(item, this.#unfolded, { more: (part) => void shown(this.#more(index, part)), copy: (message) => void this.#copy(message) });
    element.setAttribute("aria-posinset", String(index + 1));
    element.setAttribute("aria-setsize", String(this.#outline?.seqs.length ?? -1));
    const time = item?.messages[0]?.createdAt;
    const before = this.#item(index - 1)?.messages[0]?.createdAt;
    if (time !== undefined && (index === 0 || (before !== undefined && startOfDay(before) !== startOfDay(time)))) {
      element.prepend(h("p", { class: "day" }, dayName(time)));
    }
    return element;
  }

  #item(index: number): Item | undefined {
    const items = this.#pages.get(Math.floor(index / PAGE));
    return items?.[index % PAGE];
  }

  #seen(first: number, end: number): void {
    const [from, to] = [Math.floor(first / PAGE), Math.floor((end - 1) / PAGE)];
    for (let page = from; page <= to; page++) {
      if (!this.#pages.has(page)) void shown(this.#load(page));
    }
    for (const page of this.#pages.keys()) {
      if (this.#pages.size <= KEPT) break;
      if (page < from - 1 || page > to + 1) this.#pages.delete(page);
    }
  }

  async #load(page: number): Promise<void> {
    const outline = this.#outline;
    if (outline === undefined) return;
    this.#pages.set(page, null);
    try {
      const items = await this.#fetch(outline, page);
      // Another outline came meanwhile: its pages are other ones.
      if (this.#outline !== outline) return;
      this.#pages.set(page, items);
    } catch (error) {
      this.#pages.delete(page);
      throw error;
    }
    this.#scroller.refresh(Array.from({ length: PAGE + 1 }, (_, i) => page * PAGE + i));
  }

  async #fetch(outline: Outline, page: number): Promise<Item[]> {
    const from = outline.seqs[page * PAGE];
    return from === undefined ? [] : this.#store.call("items", [this.#id, from, outline.seqs[(page + 1) * PAGE] ?? 0]);
  }

  async #more(index: number, part: Part): Promise<void> {
    const present = this.#unfolded.texts.get(placeKey(part)) ?? part.text;
    const more = await this.#store.call("more", [this.#id, part.place, present.length, MORE]);
    const text = present + more;
    this.#unfolded.texts.set(placeKey(part), text);
    this.#scroller.refresh([index]);
    announce(text.length >= part.length || more === "" ? "The whole text is shown" : `${count(text.length)} of ${count(part.length)} characters are shown`);
    // The button was drawn anew, or is gone: the focus goes on with it.
    const again = this.element.querySelector<HTMLElement>(`[data-more="${placeKey(part)}"]`);
    (again ?? this.#scroller.element).focus({ preventScroll: true });
  }

  async #copy(message: ShownMessage): Promise<void> {
    const source = await shown(this.#store.call("source", [this.#id, message.seq]));
    if (source === undefined || source === null) return;
    try {
      await navigator.clipboard.writeText(source);
      toast("Copied.");
    } catch {
      toast("The browser does not let this page copy.", { isError: true });
    }
  }
}

/** How many items at the beginning are surely the same: not the last one, which may have got results of tools. */
function sameItems(old: Outline, outline: Outline): number {
  let same = 0;
  while (same < old.seqs.length && old.seqs[same] === outline.seqs[same]) same += 1;
  return Math.max(0, same - 1);
}

/** About how high an item is that shows so many characters. */
function estimate(size: number): number {
  return size <= 60 ? 76 : 64 + Math.ceil(size / 78) * 24;
}

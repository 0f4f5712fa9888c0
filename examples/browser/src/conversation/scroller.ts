/**
 * Shows the part of a long list that is seen. Heights are estimated until an item has been drawn; what is being read stays where it is when they
 * turn out otherwise.
 */
import { h } from "../ui/dom.ts";
import { Heights } from "./heights.ts";

const OVERSCAN = 700;
/** How near to the end counts as reading the end, in pixels. */
const NEAR = 24;
/** Browsers lay out nothing beyond some 33 million pixels; longer lists are pressed into fewer. */
const MAX_HEIGHT = 16_000_000;

export interface Source {
  /** Draws an item, whether it is loaded yet or not. */
  draw(index: number): HTMLElement;
  /** The range that is drawn now. */
  seen(first: number, end: number): void;
}

export class Scroller {
  readonly element = h("div", { class: "scroller", tabindex: 0 });
  readonly #room = h("div", { class: "scroller-room", role: "presentation" });
  readonly #window = h("div", { class: "scroller-window", role: "presentation" });
  readonly #source: Source;
  #heights = new Heights([]);
  readonly #drawn = new Map<number, HTMLElement>();
  readonly #observer = new ResizeObserver(() => this.#settle());
  /** Whether the end is being read, and stays in sight when something comes. */
  isAtEnd = true;
  #frame = 0;
  #width = 0;

  constructor(source: Source) {
    this.#source = source;
    this.#room.append(this.#window);
    this.element.append(this.#room);
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#observer.observe(this.element);
  }

  /** Shows another list, of which the items before `same` are drawn right already. */
  show(heights: Heights, same: number): void {
    for (const [index, element] of this.#drawn) {
      if (index < same) continue;
      this.#drop(element);
      this.#drawn.delete(index);
    }
    this.#heights = heights;
    this.render();
  }

  /** How high an item is, or is thought to be. */
  heightOf(index: number): number {
    return this.#heights.get(index);
  }

  /** Draws these items anew, as they are loaded now. */
  refresh(indexes: Iterable<number>): void {
    for (const index of indexes) {
      const old = this.#drawn.get(index);
      if (old === undefined) continue;
      const fresh = this.#source.draw(index);
      this.#observer.unobserve(old);
      old.replaceWith(fresh);
      this.#observer.observe(fresh);
      this.#drawn.set(index, fresh);
    }
    this.#settle();
  }

  toStart(): void {
    this.isAtEnd = false;
    this.element.scrollTop = 0;
    this.render();
  }

  toEnd(): void {
    this.isAtEnd = true;
    this.render();
  }

  /** Brings an item to the top. */
  toItem(index: number): void {
    this.isAtEnd = false;
    this.element.scrollTop = this.#heights.offset(index) * this.#scale;
    this.render();
  }

  /** The pixels of the scroll bar per pixel of the list: less than 1 only where the list is too long for a browser. */
  get #scale(): number {
    return Math.min(1, MAX_HEIGHT / Math.max(1, this.#heights.total));
  }

  #scrolled(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    this.isAtEnd = scrollTop + clientHeight >= scrollHeight - NEAR;
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.render());
  }

  /** Draws what is seen. */
  render(): void {
    const { clientHeight } = this.element;
    const total = this.#heights.total;
    this.#room.style.height = `${total * this.#scale}px`;
    if (this.isAtEnd) this.element.scrollTop = this.element.scrollHeight;
    const top = this.#top();
    const first = this.#heights.at(top - OVERSCAN);
    const end = Math.min(this.#heights.length, this.#heights.at(top + clientHeight + OVERSCAN) + 1);
    for (const [index, element] of this.#drawn) {
      if (index >= first && index < end) continue;
      this.#drop(element);
      this.#drawn.delete(index);
    }
    let before: Node | null = this.#window.firstChild;
    for (let index = first; index < end; index++) {
      let element = this.#drawn.get(index);
      if (element === undefined) {
        element = this.#source.draw(index);
        this.#drawn.set(index, element);
        this.#window.insertBefore(element, before);
        this.#observer.observe(element);
      }
      before = element.nextSibling;
    }
    this.#place(first, top);
    this.#settle();
    if (end > first) this.#source.seen(first, end);
  }

  /** The height in the list that is at the upper edge. */
  #top(): number {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    if (this.#scale === 1) return scrollTop;
    const part = scrollTop / Math.max(1, scrollHeight - clientHeight);
    return part * (this.#heights.total - clientHeight);
  }

  #place(first: number, top: number): void {
    const shift = this.#scale === 1 ? 0 : this.element.scrollTop - top;
    this.#window.style.transform = `translateY(${this.#heights.offset(first) + shift}px)`;
  }

  /** Takes the true heights of what is drawn, and leaves in place what is being read. */
  #settle(): void {
    if (this.#drawn.size === 0 || this.element.clientHeight === 0) return;
    const top = this.#top();
    const anchor = this.#heights.at(top);
    const within = top - this.#heights.offset(anchor);
    let isChanged = this.element.clientWidth !== this.#width;
    this.#width = this.element.clientWidth;
    for (const [index, element] of this.#drawn) {
      const height = element.offsetHeight;
      if (height === 0 || height === this.#heights.get(index)) continue;
      this.#heights.set(index, height);
      isChanged = true;
    }
    if (!isChanged) return;
    this.#room.style.height = `${this.#heights.total * this.#scale}px`;
    if (this.isAtEnd) this.element.scrollTop = this.element.scrollHeight;
    else if (this.#scale === 1) {
      const wanted = this.#heights.offset(anchor) + within;
      if (Math.abs(wanted - this.element.scrollTop) >= 1) this.element.scrollTop = wanted;
    }
    this.#place(Math.min(...this.#drawn.keys()), this.#top());
    // Items may have become smaller than thought: then there is room for more.
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.render());
  }

  /** What has the focus must not vanish with it. */
  #drop(element: HTMLElement): void {
    if (element.contains(document.activeElement)) this.element.focus({ preventScroll: true });
    this.#observer.unobserve(element);
    element.remove();
  }
}

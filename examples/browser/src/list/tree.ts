/**
 * The list as a tree: scopes, and sessions in them. Only the rows that are seen are in the page; the tree keeps the focus itself and names the
 * active row, so that rows may come and go under it.
 */
import { h } from "../ui/dom.ts";
import { drawRow } from "./row.ts";
import { keyOf, type Row } from "./rows.ts";

/** Heights of rows, in rem: as in list.css. */
const SCOPE_ROW = 2.5;
const SESSION_ROW = 4.875;
const OVERSCAN = 400;

interface Reactions {
  open(id: string): void;
  toggle(scope: string): void;
}

export class Tree {
  readonly element = h("div", { class: "tree", role: "tree", tabindex: 0, "aria-label": "Conversations" });
  readonly #room = h("div", { class: "tree-room", role: "presentation" });
  readonly #react: Reactions;
  #rows: readonly Row[] = [];
  #offsets = new Float64Array(1);
  #active = -1;
  #selected: string | null = null;
  readonly #drawn = new Map<number, HTMLElement>();
  #range: readonly [number, number] = [0, 0];

  constructor(react: Reactions) {
    this.#react = react;
    this.element.append(this.#room);
    this.element.addEventListener("scroll", () => this.#draw(false), { passive: true });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("click", (event) => this.#click(event));
    new ResizeObserver(() => this.#draw(true)).observe(this.element);
  }

  /** Shows other rows. The active row stays the same one, where it is still there. */
  show(rows: readonly Row[], selected: string | null): void {
    const active = this.#rows[this.#active];
    const key = active === undefined ? null : keyOf(active);
    const isNewSelection = selected !== this.#selected;
    this.#rows = rows;
    this.#selected = selected;
    this.#layOut();
    const wanted = isNewSelection && selected !== null ? `session ${selected}` : key;
    const found = wanted === null ? -1 : rows.findIndex((row) => keyOf(row) === wanted);
    this.#active = found >= 0 ? found : Math.min(this.#active, rows.length - 1);
    this.#draw(true);
    if (isNewSelection && found >= 0) this.#reveal(found);
  }

  focus(): void {
    this.element.focus();
  }

  #layOut(): void {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const offsets = new Float64Array(this.#rows.length + 1);
    this.#rows.forEach((row, i) => {
      offsets[i + 1] = (offsets[i] ?? 0) + (row.kind === "scope" ? SCOPE_ROW : SESSION_ROW) * rem;
    });
    this.#offsets = offsets;
    this.#room.style.height = `${offsets[this.#rows.length] ?? 0}px`;
  }

  #at(y: number): number {
    let [low, high] = [0, this.#rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#offsets[middle + 1] ?? 0) <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #draw(isForced: boolean): void {
    const { scrollTop, clientHeight } = this.element;
    const first = this.#at(scrollTop - OVERSCAN);
    const end = Math.min(this.#rows.length, this.#at(scrollTop + clientHeight + OVERSCAN) + 1);
    if (!isForced && first === this.#range[0] && end === this.#range[1]) return;
    this.#range = [first, end];
    for (const [index, element] of this.#drawn) {
      if (!isForced && index >= first && index < end) continue;
      element.remove();
      this.#drawn.delete(index);
    }
    // In the order in which they stand, which is how screen readers read them.
    let next = this.#room.firstChild;
    for (let i = first; i < end; i++) {
      let element = this.#drawn.get(i);
      if (element === undefined) this.#room.insertBefore((element = this.#draft(i)), next);
      next = element.nextSibling;
    }
    if (this.#active >= first && this.#active < end) this.element.setAttribute("aria-activedescendant", `row-${this.#active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #draft(index: number): HTMLElement {
    const row = this.#rows[index];
    if (row === undefined) return h("div");
    const element = drawRow(row, { isActive: index === this.#active, isSelected: row.kind === "session" && row.card.id === this.#selected });
    element.id = `row-${index}`;
    element.dataset["row"] = String(index);
    element.style.transform = `translateY(${this.#offsets[index] ?? 0}px)`;
    this.#drawn.set(index, element);
    return element;
  }

  #go(to: number): void {
    this.#active = Math.max(0, Math.min(to, this.#rows.length - 1));
    this.#reveal(this.#active);
    this.#draw(true);
  }

  #reveal(index: number): void {
    const [top, bottom] = [this.#offsets[index] ?? 0, this.#offsets[index + 1] ?? 0];
    const { scrollTop, clientHeight } = this.element;
    if (clientHeight === 0) return;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight;
  }

  #page(): number {
    return Math.max(1, Math.floor(this.element.clientHeight / ((this.#offsets.at(-1) ?? 1) / Math.max(1, this.#rows.length))) - 1);
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const row = this.#rows[this.#active];
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => this.#go(this.#active + 1),
      ArrowUp: () => this.#go(this.#active - 1),
      Home: () => this.#go(0),
      End: () => this.#go(this.#rows.length - 1),
      PageDown: () => this.#go(this.#active + this.#page()),
      PageUp: () => this.#go(this.#active - this.#page()),
      ArrowRight: () => row?.kind === "scope" && (row.isOpen ? this.#go(this.#active + 1) : this.#react.toggle(row.scope)),
      ArrowLeft: () => this.#left(row),
      Enter: () => this.#act(row),
      " ": () => this.#act(row),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  }

  #left(row: Row | undefined): void {
    if (row?.kind === "scope") {
      if (row.isOpen) this.#react.toggle(row.scope);
      return;
    }
    let above = this.#active;
    while (above > 0 && this.#rows[above]?.kind !== "scope") above -= 1;
    this.#go(above);
  }

  #act(row: Row | undefined): void {
    if (row?.kind === "scope") this.#react.toggle(row.scope);
    else if (row !== undefined) this.#react.open(row.card.id);
  }

  #click(event: MouseEvent): void {
    const element = (event.target as Element).closest<HTMLElement>("[data-row]");
    if (element === null) return;
    this.#active = Number(element.dataset["row"]);
    this.#draw(true);
    this.#act(this.#rows[this.#active]);
  }
}

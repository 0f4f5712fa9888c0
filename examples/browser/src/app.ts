/** What happens when: which side shows what, the address, deleting and undoing, keys. */
import { chooseFile } from "./archive/import.ts";
import { exportAll } from "./archive/export.ts";
import { sendInterrupted } from "./conversation/outbox.ts";
import { ConversationView } from "./conversation/view.ts";
import { askCleanup } from "./dialogs/cleanup.ts";
import { askName } from "./dialogs/rename.ts";
import { askNew } from "./dialogs/new.ts";
import { sidebar } from "./list/sidebar.ts";
import type { Model } from "./model.ts";
import { Overview } from "./overview/overview.ts";
import type { Binned, Card } from "./protocol.ts";
import { h } from "./ui/dom.ts";
import { shown } from "./ui/errors.ts";
import { announce, toast } from "./ui/live.ts";
import { nameOf, shortened } from "./ui/words.ts";

const ADDRESS = "#session=";

/** The id in an address; null where there is none. Anybody can write an address, so it may be no text at all. */
function named(hash: string): string | null {
  if (!hash.startsWith(ADDRESS)) return null;
  try {
    return decodeURIComponent(hash.slice(ADDRESS.length));
  } catch {
    return null;
  }
}

export class App {
  readonly elements: HTMLElement[];
  readonly #model: Model;
  readonly #isKept: boolean;
  readonly #main = h("section", { class: "main", id: "main", tabindex: -1, "aria-label": "Conversation" });
  readonly #sidebar: HTMLElement;
  /** What the open conversation was called last. */
  #openName = "";
  #view: ConversationView | Overview | undefined;
  /** Deletions that can be undone here, the latest last. */
  readonly #undoable: { readonly binned: Binned; readonly close: () => void }[] = [];

  constructor(model: Model, isKept: boolean) {
    this.#model = model;
    this.#isKept = isKept;
    const create = (): void => askNew(model, (id) => this.#go(id));
    this.#sidebar = sidebar(model, { open: (id) => this.#go(id), create, importFile: () => chooseFile(model), exportAll: () => void exportAll(model), cleanUp: () => askCleanup(model, () => void exportAll(model)), overview: () => this.#overview() });
    const skip = h("a", { class: "skip", href: "#main", on: { click: (event) => { event.preventDefault(); this.#main.focus(); } } }, "Skip to the conversation");
    const notice = isKept ? null : h("p", { class: "notice", role: "alert" }, "This browser window keeps nothing: all is gone when it is closed. Export what you want to keep.");
    this.elements = [skip, ...(notice === null ? [] : [notice]), h("main", { class: "app" }, this.#sidebar, this.#main)];
    model.on("selected", () => this.#show());
    model.on("cards", () => this.#changed());
    addEventListener("hashchange", () => this.#follow());
    addEventListener("keydown", (event) => this.#key(event, create));
  }

  /** Shows what the address says, and offers to undo what was deleted just before the page was loaded. */
  async start(): Promise<void> {
    this.#markEmpty();
    this.#follow();
    this.#show();
    sendInterrupted(this.#model.store);
    this.#model.binned = await this.#model.store.call("binned", []);
    for (const binned of this.#model.binned) this.#offerUndo(binned);
  }

  #follow(): void {
    const { hash } = location;
    const id = named(hash);
    this.#model.select(id !== null && this.#model.cards.has(id) ? id : null);
    document.documentElement.dataset["side"] = hash === "" || hash === "#" ? "list" : "main";
  }

  #go(id: string): void {
    const address = ADDRESS + encodeURIComponent(id);
    if (location.hash === address) this.#main.focus();
    location.hash = address;
    this.#follow();
    // Where there is room for one side only, the list went away with the focus in it.
    if (this.#sidebar.offsetParent === null) this.#main.focus();
  }

  #overview(): void {
    location.hash = "#overview";
    this.#follow();
    this.#main.focus();
  }

  #list(): void {
    location.hash = "";
    this.#follow();
    this.#sidebar.querySelector<HTMLElement>(".tree")?.focus();
  }

  #show(): void {
    const { card } = this.#model;
    this.#view = card === undefined
      ? new Overview(this.#model, this.#isKept, { create: () => askNew(this.#model, (id) => this.#go(id)), importFile: () => chooseFile(this.#model), back: () => this.#list() })
      : new ConversationView(this.#model, card, { back: () => this.#list(), rename: (present) => askName(this.#model, present), remove: (present) => void this.#remove(present) });
    this.#noteName();
    this.#main.replaceChildren(this.#view.element);
  }

  #changed(): void {
    this.#markEmpty();
    this.#withdraw();
    const { selected } = this.#model;
    if (selected !== null && !this.#model.cards.has(selected)) {
      if (this.#model.isElsewhere) toast(`“${this.#openName}” was deleted in another tab.`, { stays: 12_000 });
      location.hash = "#overview";
      return;
    }
    // What the address names may have come just now.
    const wanted = named(location.hash);
    if (selected === null && wanted !== null && this.#model.cards.has(wanted)) return this.#model.select(wanted);
    this.#noteName();
    this.#view?.changed();
  }

  #noteName(): void {
    const { card } = this.#model;
    this.#openName = card === undefined ? "" : shortened(nameOf(card));
    document.title = card === undefined ? "Conversations" : `${this.#openName} — Conversations`;
    this.#main.setAttribute("aria-label", card === undefined ? "Overview" : "Conversation");
  }

  /** Nothing offers an undo that is over: somebody undid it, in whatever tab, or something was done that ended the time. */
  #withdraw(): void {
    const present = new Set(this.#model.binned.map((each) => `${each.id} ${each.until}`));
    const over = this.#undoable.filter(({ binned }) => !present.has(`${binned.id} ${binned.until}`));
    for (const undoable of over) {
      this.#undoable.splice(this.#undoable.indexOf(undoable), 1);
      undoable.close();
      const { id, name, until } = undoable.binned;
      if (until > Date.now() && !this.#model.cards.has(id)) toast(`“${shortened(name)}” is deleted for good now.`, { stays: 12_000 });
    }
  }

  /** Where there is room for one side only, a first visit begins with the welcome. */
  #markEmpty(): void {
    document.documentElement.classList.toggle("is-empty", this.#model.cards.size === 0);
  }

  async #remove(card: Card): Promise<void> {
    const binned = await shown(this.#model.store.call("discard", [card.id, nameOf(card)]));
    if (binned !== undefined) this.#offerUndo(binned);
  }

  #offerUndo(binned: Binned): void {
    const stays = binned.until - Date.now();
    if (stays <= 0) return;
    const { close, element } = toast(`Deleted “${shortened(binned.name)}”.`, { action: { label: "Undo", run: () => void this.#undo(binned) }, stays });
    this.#undoable.push({ binned, close });
    // The conversation that had the focus is gone; and whoever uses the keyboard has but a short time to get here.
    element.querySelector("button")?.focus();
  }

  async #undo(binned: Binned): Promise<void> {
    const at = this.#undoable.findIndex((each) => each.binned === binned);
    if (at >= 0) this.#undoable.splice(at, 1);
    const isBack = await shown(this.#model.store.call("restore", [binned.id]));
    if (isBack === true) {
      announce("The conversation is back");
      this.#go(binned.id);
    } else if (isBack === false) toast("It was too late: the conversation is deleted for good.", { isError: true });
  }

  #key(event: KeyboardEvent, create: () => void): void {
    if (document.querySelector("dialog[open]") !== null) return;
    const isTyping = (event.target as Element).matches("input, textarea, select");
    if (event.key === "Escape" && isTyping) (event.target as HTMLElement).blur();
    if (isTyping || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      const latest = this.#undoable.at(-1);
      if (latest === undefined || latest.binned.until < Date.now()) return;
      latest.close();
      void this.#undo(latest.binned);
    } else if (event.ctrlKey || event.metaKey) return;
    else if (event.key === "/") this.#sidebar.querySelector<HTMLElement>(".filter-input")?.focus();
    else if (event.key === "n") create();
    else return;
    event.preventDefault();
  }
}

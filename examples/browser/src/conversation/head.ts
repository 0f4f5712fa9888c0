/** The head of a conversation: its name, its status with the moves that its lifecycle allows, and what one can do with it. */
import type { Model } from "../model.ts";
import type { Card } from "../protocol.ts";
import { status } from "../list/row.ts";
import { button, h } from "../ui/dom.ts";
import { shown } from "../ui/errors.ts";
import { announce } from "../ui/live.ts";
import { ago, fullTime, nameOf, plural, scopeName, spaced } from "../ui/words.ts";

export interface HeadActions {
  back(): void;
  rename(card: Card): void;
  remove(card: Card): void;
  first(): void;
  last(): void;
}

/** More moves than this are a list. */
const MOST_BUTTONS = 3;

/** The statuses that a session may move to. */
export function movesOf(model: Model, card: Card): string[] {
  const moves = model.lifecycle(card.lifecycle)?.moves ?? [];
  return moves.filter(([from, to]) => from === card.status && to !== card.status).map(([, to]) => to);
}

export class Head {
  readonly element = h("header", { class: "head" });
  readonly #model: Model;
  readonly #title = h("h1", { class: "head-title", dir: "auto" });
  readonly #facts = h("p", { class: "head-facts" });
  readonly #moves = h("div", { class: "head-moves", role: "group", "aria-label": "Change the status" });
  #drawn = "";

  constructor(model: Model, actions: HeadActions) {
    this.#model = model;
    const card = (): Card | undefined => model.card;
    const withCard = (run: (card: Card) => void) => () => {
      const present = card();
      if (present !== undefined) run(present);
    };
    this.element.append(
      button("back", "Back to the list", actions.back, { isQuiet: true, class: "head-back" }),
      h("div", { class: "head-words" }, this.#title, this.#facts),
      h(
        "div", { class: "head-tools" },
        this.#moves,
        button("first", "First message", actions.first, { isQuiet: true }),
        button("last", "Last message", actions.last, { isQuiet: true }),
        button("pen", "Rename", withCard(actions.rename), { isQuiet: true }),
        button("clean", "Delete", withCard(actions.remove), { isQuiet: true }),
      ),
    );
  }

  draw(card: Card): void {
    this.#title.textContent = nameOf(card);
    this.#title.title = nameOf(card);
    this.#facts.replaceChildren(
      status(card.status),
      h("bdi", {}, scopeName(card.scope)),
      h("span", {}, plural(card.messageCount, "message")),
      h("time", { datetime: new Date(card.lastActiveAt).toISOString(), title: fullTime(card.lastActiveAt) }, ago(card.lastActiveAt)),
    );
    const moves = movesOf(this.#model, card);
    const drawn = moves.join("\n");
    // The buttons stay as long as they are right, and the focus with them.
    if (drawn === this.#drawn) return;
    const hadFocus = this.#moves.contains(document.activeElement);
    this.#drawn = drawn;
    this.#moves.hidden = moves.length === 0;
    this.#moves.replaceChildren(...(moves.length > MOST_BUTTONS ? [this.#choice(moves)] : moves.map((to) => this.#button(card.status, to))));
    if (hadFocus) (this.#moves.querySelector<HTMLElement>("button, select") ?? this.element.querySelector<HTMLElement>("button[aria-label=Rename]"))?.focus();
  }

  #button(from: string, to: string): HTMLElement {
    return h("button", { type: "button", class: "button button-move", title: `Change the status from ${spaced(from)} to ${spaced(to)}`, on: { click: () => void this.#move(to) } }, h("bdi", {}, verbOf(to)));
  }

  /** A list of statuses and a button: choosing alone moves nothing, as arrow keys choose what one only passes. */
  #choice(moves: readonly string[]): HTMLElement {
    const choice = h("select", { class: "head-choice", "aria-label": "New status" }, moves.map((to) => h("option", { value: to }, spaced(to))));
    return h("div", { class: "head-choosing" }, choice, h("button", { type: "button", class: "button", on: { click: () => void this.#move(choice.value) } }, "Change"));
  }

  async #move(to: string): Promise<void> {
    const { card } = this.#model;
    if (card === undefined) return;
    const moved = await shown(this.#model.store.call("move", [card.id, to]));
    if (moved !== undefined) announce(`Status: ${spaced(moved.status)}`);
  }
}

const VERBS = new Map([["active", "Activate"], ["paused", "Pause"], ["terminated", "Terminate"]]);

/** What the button says that leads to a status. */
function verbOf(to: string): string {
  const words = spaced(to);
  return VERBS.get(to) ?? words.charAt(0).toUpperCase() + words.slice(1);
}

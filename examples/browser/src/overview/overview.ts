/** The right side while no conversation is open: a welcome while there is nothing, else a picture of what is there. */
import type { Model } from "../model.ts";
import { button, h, icon } from "../ui/dom.ts";
import { shown } from "../ui/errors.ts";
import { count, size } from "../ui/words.ts";
import { timeline } from "./buckets.ts";
import { scopeChart, timeChart } from "./charts.ts";
import { storageCard } from "./storage.ts";

export interface OverviewActions {
  create(): void;
  importFile(): void;
  back(): void;
}

/** How long changes must rest before the figures are drawn anew, in milliseconds. */
const REST = 400;

export class Overview {
  readonly element = h("div", { class: "overview" });
  readonly #model: Model;
  readonly #actions: OverviewActions;
  readonly #isKept: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWelcome: boolean | undefined;

  constructor(model: Model, isKept: boolean, actions: OverviewActions) {
    this.#model = model;
    this.#isKept = isKept;
    this.#actions = actions;
    this.#draw();
  }

  changed(): void {
    if ((this.#model.cards.size === 0) !== this.#isWelcome) return this.#draw();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#draw(), REST);
  }

  #draw(): void {
    this.#isWelcome = this.#model.cards.size === 0;
    if (this.#isWelcome) this.element.replaceChildren(this.#welcome());
    else void shown(this.#picture());
  }

  #welcome(): HTMLElement {
    return h(
      "section", { class: "welcome" },
      h("div", { class: "welcome-mark", "aria-hidden": "true" }, h("span", { class: "brand-mark" })),
      h("h1", {}, "Your conversations, in your own browser"),
      h("p", {}, "Everything stays on this device. Nothing is sent anywhere: not the messages, not a count of them."),
      h("div", { class: "welcome-drop" }, icon("import"), h("p", {}, h("span", { class: "for-mouse" }, "Drop an archive anywhere on this page, or choose one."), h("span", { class: "for-touch" }, "Open an archive, or begin with nothing.")), h("div", { class: "welcome-actions" }, button("import", "Choose an archive", this.#actions.importFile, { class: "button-strong" }), button("plus", "Begin a conversation", this.#actions.create))),
      h("p", { class: "hint" }, "An archive is the portable file that a store in Rust, Python or JavaScript exports. ", h("code", {}, "make demo"), " writes one with real conversations: ", h("code", {}, "target/demo/conversations.convostore"), "."),
    );
  }

  async #picture(): Promise<void> {
    const [figures, storage] = [await this.#model.store.call("figures", []), await storageCard(this.#isKept)];
    const bytes = figures.scopes.reduce((sum, scope) => sum + scope.bytes, 0);
    const number = (value: string, words: string): HTMLElement => h("div", { class: "number" }, h("dd", {}, value), h("dt", {}, words));
    this.element.replaceChildren(
      h("header", { class: "overview-head" }, button("back", "Back to the list", this.#actions.back, { isQuiet: true, class: "head-back" }), h("h1", {}, "Overview"), h("p", { class: "promise" }, icon("lock"), "Kept in this browser. Nothing is sent anywhere.")),
      h("dl", { class: "numbers" }, number(count(figures.sessions), figures.sessions === 1 ? "conversation" : "conversations"), number(count(figures.messages), figures.messages === 1 ? "message" : "messages"), number(count(figures.scopes.length), figures.scopes.length === 1 ? "scope" : "scopes"), number(size(bytes), "of text")),
      timeChart(timeline(figures.minutes)),
      h("div", { class: "cards" }, scopeChart(figures.scopes), storage),
    );
  }
}

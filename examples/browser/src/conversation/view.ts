/** The right side while a conversation is open. */
import type { Model } from "../model.ts";
import type { Card } from "../protocol.ts";
import { h } from "../ui/dom.ts";
import { shown } from "../ui/errors.ts";
import { announce } from "../ui/live.ts";
import { nameOf, plural } from "../ui/words.ts";
import { composer } from "./composer.ts";
import { Head, type HeadActions } from "./head.ts";
import { Transcript } from "./transcript.ts";

export class ConversationView {
  readonly element: HTMLElement;
  readonly #model: Model;
  readonly #id: string;
  readonly #head: Head;
  readonly #transcript: Transcript;
  #revision = -1;
  #count: number;
  #isUpdating = false;

  constructor(model: Model, card: Card, actions: Omit<HeadActions, "first" | "last">) {
    this.#model = model;
    this.#id = card.id;
    this.#count = card.messageCount;
    this.#transcript = new Transcript(model.store, card.id);
    this.#head = new Head(model, { ...actions, first: () => this.#transcript.toFirst(), last: () => this.#transcript.toLast() });
    this.element = h("div", { class: "conversation" }, this.#head.element, this.#transcript.element, composer(model, card.id, () => this.#transcript.toEnd()));
    this.#head.draw(card);
    void this.#update(card);
    announce(`${nameOf(card)}, ${plural(card.messageCount, "message")}`);
  }

  /** The session has changed, or another one has. */
  changed(): void {
    const card = this.#model.cards.get(this.#id);
    if (card === undefined) return;
    this.#head.draw(card);
    if (this.#model.isElsewhere && card.messageCount > this.#count) announce("New messages");
    this.#count = card.messageCount;
    if (card.revision !== this.#revision) void this.#update(card);
  }

  async #update(card: Card): Promise<void> {
    if (this.#isUpdating) return;
    this.#isUpdating = true;
    this.#revision = card.revision;
    try {
      await shown(this.#transcript.update());
    } finally {
      this.#isUpdating = false;
    }
    const present = this.#model.cards.get(this.#id);
    if (present !== undefined && present.revision !== this.#revision) await this.#update(present);
  }
}

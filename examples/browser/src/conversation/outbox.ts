/**
 * What is written in one conversation: what is in the box, and the messages that are on their way to the store, in their order.
 *
 * A message leaves the box in the moment it is sent, so that typing goes on at once, however long saving takes. There is one outbox for a conversation as long as the page lives: who
 * leaves the conversation and comes back finds the same.
 */
import type { StoreClient } from "../store.ts";
import { StoreError } from "../store.ts";
import { sentence } from "../ui/errors.ts";
import { announce, toast } from "../ui/live.ts";
import { type Draft, keepDraft, newKey, readDraft, waitingSessions } from "./drafts.ts";

/** Who shows the box. */
export interface Box {
  /** Another text is in the box than was typed. */
  changed(): void;
  saved(): void;
}

const outboxes = new Map<string, Outbox>();

/** The outbox of a conversation; what a reload has interrupted is sent again. */
export function outboxOf(store: StoreClient, id: string): Outbox {
  let outbox = outboxes.get(id);
  if (outbox === undefined) {
    outbox = new Outbox(store, id);
    outboxes.set(id, outbox);
  }
  return outbox;
}

/** Sends what a reload has interrupted, in whichever conversation. */
export function sendInterrupted(store: StoreClient): void {
  for (const id of waitingSessions()) outboxOf(store, id);
}

export class Outbox {
  readonly #store: StoreClient;
  readonly #id: string;
  #draft: Draft;
  #isSending = false;
  /** The one that shows it now. */
  box: Box | undefined;

  constructor(store: StoreClient, id: string) {
    this.#store = store;
    this.#id = id;
    this.#draft = readDraft(id);
    void this.#send();
  }

  get text(): string {
    return this.#draft.text;
  }

  typed(text: string): void {
    this.#keep({ ...this.#draft, text });
  }

  /** Takes the text out of the box and saves it as a message, after those that wait. */
  send(role: string): void {
    const { text, key, waiting } = this.#draft;
    if (text.trim() === "") return;
    this.#keep({ text: "", key: newKey(), waiting: [...waiting, { role, text, key }] });
    this.box?.changed();
    void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      for (let [next] = this.#draft.waiting; next !== undefined; [next] = this.#draft.waiting) {
        await this.#store.call("say", [this.#id, next]);
        this.#keep({ ...this.#draft, waiting: this.#draft.waiting.slice(1) });
        announce("Message saved");
        this.box?.saved();
      }
    } catch (error) {
      this.#giveBack(error);
    } finally {
      this.#isSending = false;
    }
  }

  /** What could not be saved, and what waited behind it, stands in the box again, before what was typed since. */
  #giveBack(error: unknown): void {
    const { text, waiting } = this.#draft;
    // The message was saved before, and its text was changed since: under a key of its own it is another message.
    const isOther = error instanceof StoreError && error.code === "conflict";
    const key = isOther ? newKey() : (waiting[0]?.key ?? newKey());
    this.#keep({ text: [...waiting.map((each) => each.text), ...(text === "" ? [] : [text])].join("\n"), key, waiting: [] });
    this.box?.changed();
    toast(sentence(error), { isError: true, stays: 12_000 });
  }

  #keep(draft: Draft): void {
    this.#draft = draft;
    keepDraft(this.#id, draft);
  }
}

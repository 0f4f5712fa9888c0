/** Conversations as items: what stands together is shown together. */
import type { Message, Store } from "convostore";
import type { Item, Outline } from "../protocol.ts";
import { beginningOf, MOST_PARTS, partsOf, rawParts } from "./parts.ts";

/** What a folded call counts for, in characters. */
const FOLDED = 60;
/** How long an outline is drawn before other questions of the page are answered, in messages. */
const SLICE = 5000;

/** Tells whether a message begins a new item: results join the message that called, as long as they are not very many. */
class Grouping {
  #isCalling = false;
  #joined = 0;

  begins(kinds: readonly string[]): boolean {
    const hasCall = kinds.includes("call");
    const isAnswer = kinds.length > 0 && kinds.every((kind) => kind === "result");
    if (isAnswer && this.#isCalling && this.#joined + kinds.length <= MOST_PARTS) {
      this.#joined += kinds.length;
      return false;
    }
    this.#isCalling = hasCall;
    this.#joined = 0;
    return true;
  }
}

/** The shape of the conversation; null where it is gone. */
export async function outlineOf(store: Store, id: string): Promise<Outline | null> {
  const session = await store.getSession(id);
  if (session === null) return null;
  const seqs: number[] = [];
  const sizes: number[] = [];
  const grouping = new Grouping();
  let count = 0;
  for await (const message of store.streamMessages(id)) {
    const raw = typeof message.content === "string" && message.role !== "tool" ? undefined : rawParts(message);
    const size = raw === undefined ? Math.min((message.content as string).length, beginningOf(message.role).characters) : raw.length * FOLDED;
    if (grouping.begins(raw?.map((part) => part.kind) ?? ["text"])) {
      seqs.push(message.seq);
      sizes.push(Math.min(size, 65_535));
    }
    if (++count % SLICE === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  return { revision: session.revision, seqs: Uint32Array.from(seqs), sizes: Uint16Array.from(sizes) };
}

/** The items whose first message has a `seq` from `from` on and below `before` (0: no bound). */
export async function itemsOf(store: Store, id: string, from: number, before: number): Promise<Item[]> {
  const messages = await store.getMessages(id, { after: Math.max(0, from - 1), before: before === 0 ? undefined : before });
  const grouping = new Grouping();
  const items: { seq: number; messages: Item["messages"][number][] }[] = [];
  for (const message of messages) {
    const shown = { ...plainly(message), parts: partsOf(message) };
    if (grouping.begins(shown.parts.map((part) => part.kind)) || items.length === 0) items.push({ seq: message.seq, messages: [shown] });
    else items.at(-1)?.messages.push(shown);
  }
  return items;
}

function plainly(message: Message): Omit<Item["messages"][number], "parts"> {
  return { seq: message.seq, role: message.role, createdAt: message.createdAt.getTime(), tokenCount: message.tokenCount, isSummary: message.isSummary };
}

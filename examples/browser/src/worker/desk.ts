/** The operations, on the store. Each first knows what other tabs did, as far as they have told. */
import { type Session, Store } from "convostore";
import type { Binned, Card, Change, CleanupChoice, Figures, ImportCounts, Item, NewConversation, Lifecycle, Operations, Outline, Place, Progress } from "../protocol.ts";
import { Bin } from "./bin.ts";
import { readArchive } from "./archive.ts";
import { Figurer } from "./figures.ts";
import { itemsOf, outlineOf } from "./outline.ts";
import { partAt } from "./parts.ts";
import { cardOf } from "./cards.ts";
import { Tabs } from "./tabs.ts";
import { search } from "./search.ts";

const NAME = "history";
/** Sessions per answer: a message of this size takes the page a few milliseconds. */
const CARDS = 500;
const DAY = 86_400_000;

/** What belongs to one question of the page. */
export interface Call {
  readonly signal: AbortSignal;
  progress(progress: Progress): void;
}

type Answers = { [N in keyof Operations]: (call: Call, ...args: Parameters<Operations[N]>) => Promise<ReturnType<Operations[N]>> };

export class Desk implements Answers {
  readonly #tell: (change: Change) => void;
  #store!: Store;
  #bin!: Bin;
  #tabs!: Tabs;
  readonly #figurer = new Figurer();
  #opening: Promise<boolean> | undefined;

  constructor(tell: (change: Change) => void) {
    this.#tell = tell;
  }

  open(): Promise<boolean> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<boolean> {
    let isKept = true;
    try {
      this.#store = await Store.open({ name: NAME });
    } catch (error) {
      if ((error as { code?: unknown }).code !== "unsupported") throw error;
      this.#store = await Store.inMemory();
      isKept = false;
    }
    this.#bin = new Bin(this.#store, isKept, (ids) => void this.#changed(ids));
    this.#tabs = new Tabs((ids) => this.#heard(ids));
    await this.#bin.read();
    return isKept;
  }

  async cards(_call: Call, cursor: string | null): Promise<{ cards: Card[]; next: string | null }> {
    const page = await this.#store.listSessions({ limit: CARDS, ...(cursor === null ? {} : { cursor }) });
    return { cards: page.items.filter((session) => !this.#bin.has(session.id)).map(cardOf), next: page.nextCursor };
  }

  lifecycles(): Promise<Lifecycle[]> {
    return this.#store.listLifecycles();
  }

  async create(_call: Call, { scope, title, lifecycle }: NewConversation): Promise<Card> {
    return this.#wrote(this.#store.createSession({ scope, lifecycle, ...(title === null ? {} : { metadata: { title } }) }));
  }

  async rename(_call: Call, id: string, title: string | null): Promise<Card> {
    return this.#wrote(this.#bin.sparing(() => this.#store.updateSession(id, { mergeMetadata: { title } })));
  }

  async move(_call: Call, id: string, status: string): Promise<Card> {
    return this.#wrote(this.#bin.sparing(() => this.#store.updateSession(id, { status })));
  }

  async say(_call: Call, id: string, { role, text, key }: { role: string; text: string; key: string }): Promise<Card> {
    return this.#wrote(
      this.#bin.sparing(async () => {
        await this.#store.saveMessage(id, { role, content: text, dedupKey: key });
        const session = await this.#store.getSession(id);
        if (session === null) throw new Error("the conversation was deleted in another tab");
        return session;
      }),
    );
  }

  async outline(_call: Call, id: string): Promise<Outline | null> {
    return this.#bin.has(id) ? null : outlineOf(this.#store, id);
  }

  items(_call: Call, id: string, from: number, before: number): Promise<Item[]> {
    return itemsOf(this.#store, id, from, before);
  }

  async more(_call: Call, id: string, place: Place, at: number, count: number): Promise<string> {
    const [message] = await this.#store.getMessages(id, { after: place.seq - 1, before: place.seq + 1 });
    return message === undefined ? "" : partAt(message, place.part).slice(at, at + count);
  }

  async source(_call: Call, id: string, seq: number): Promise<string | null> {
    const [message] = await this.#store.getMessages(id, { after: seq - 1, before: seq + 1 });
    return message === undefined ? null : typeof message.content === "string" ? message.content : message.contentJson;
  }

  async discard(_call: Call, id: string, name: string): Promise<Binned> {
    return this.#bin.put(id, name);
  }

  restore(_call: Call, id: string): Promise<boolean> {
    return this.#bin.restore(id);
  }

  async binned(): Promise<Binned[]> {
    return this.#bin.all();
  }

  async cleanup(call: Call, { days, scope, status }: CleanupChoice, isRehearsal: boolean): Promise<{ sessions: number; messages: number }> {
    const done = await this.#rehearsing(isRehearsal, (store) => store.cleanupSessions({
      olderThan: days * DAY, dryRun: isRehearsal, signal: call.signal,
      ...(scope === null ? {} : { scope }), ...(status === null ? {} : { status }),
    }));
    if (!isRehearsal && done.sessions > 0) await this.#changed(null);
    return done;
  }

  async exportArchive(): Promise<{ archive: ArrayBuffer; sessions: number; messages: number }> {
    const { archive, report } = await this.#bin.looking((store) => store.exportArchive());
    return { archive: archive.buffer, sessions: report.sessions, messages: report.messages };
  }

  async importArchive(call: Call, file: Blob, isRehearsal: boolean): Promise<ImportCounts> {
    const counts = await this.#rehearsing(isRehearsal, (store) => readArchive(store, file, isRehearsal, call));
    if (!isRehearsal && counts.sessions + counts.lifecycles > 0) await this.#changed(null);
    return counts;
  }

  /** A rehearsal looks at what there is but for the bin, and leaves the bin as it is; what is done is done without a bin. */
  #rehearsing<T>(isRehearsal: boolean, work: (store: Store) => Promise<T>): Promise<T> {
    return isRehearsal ? this.#bin.looking(work) : this.#bin.final(() => work(this.#store));
  }

  figures(): Promise<Figures> {
    return this.#figurer.figures(this.#store, (id) => this.#bin.has(id));
  }

  async search(call: Call, text: string): Promise<string[]> {
    return search(this.#store, text, call.signal);
  }

  async #wrote(writing: Promise<Session>): Promise<Card> {
    const session = await writing;
    await this.#changed([session.id]);
    return cardOf(session);
  }

  /** Something was written here: tells the page and the other tabs. */
  async #changed(ids: readonly string[] | null): Promise<void> {
    this.#tabs.tell(ids);
    await this.#show(ids, false);
  }

  /** Another tab has written. */
  async #heard(ids: readonly string[] | null): Promise<void> {
    await this.#bin.read();
    await this.#show(ids, true);
  }

  async #show(ids: readonly string[] | null, isElsewhere: boolean): Promise<void> {
    if (ids === null) return this.#tell({ cards: [], gone: [], all: true, binned: this.#bin.all(), isElsewhere });
    const cards: Card[] = [];
    const gone: string[] = [];
    for (const id of ids) {
      const session = this.#bin.has(id) ? null : await this.#store.getSession(id);
      if (session === null) gone.push(id);
      else cards.push(cardOf(session));
    }
    this.#tell({ cards, gone, all: false, binned: this.#bin.all(), isElsewhere });
  }
}

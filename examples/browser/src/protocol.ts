/** What the page asks of the worker that owns the store, and what the worker tells it. Everything in here survives a structured clone. */

/** A session as the page shows it. Times are milliseconds since 1970. */
export interface Card {
  readonly id: string;
  readonly scope: string;
  readonly key: string | null;
  readonly owner: string | null;
  readonly lifecycle: string;
  readonly status: string;
  /** The name that somebody gave it: the text at `title` in its metadata. */
  readonly title: string | null;
  readonly preview: string | null;
  readonly messageCount: number;
  readonly revision: number;
  readonly createdAt: number;
  readonly lastActiveAt: number;
}

export interface Lifecycle {
  readonly name: string;
  readonly initial: string;
  readonly statuses: readonly string[];
  readonly moves: readonly (readonly [from: string, to: string])[];
  readonly finalStatuses: readonly string[];
}

/** Where a part of a message lies: enough to ask for more of its text. */
export interface Place {
  readonly seq: number;
  readonly part: number;
}

/** A piece of a message, ready to be shown. `text` is its beginning, `length` the length of the whole. */
export type Part =
  | { readonly kind: "text" | "json"; readonly place: Place; readonly text: string; readonly length: number }
  | { readonly kind: "call"; readonly place: Place; readonly text: string; readonly length: number; readonly name: string; readonly callId: string | null; readonly brief: string }
  | { readonly kind: "result"; readonly place: Place; readonly text: string; readonly length: number; readonly name: string | null; readonly callId: string | null; readonly brief: string; readonly isJson: boolean };

export interface ShownMessage {
  readonly seq: number;
  readonly role: string;
  readonly createdAt: number;
  readonly tokenCount: number | null;
  readonly isSummary: boolean;
  readonly parts: readonly Part[];
}

/** What stands together in a conversation: one message, or a message that calls tools with the messages that hold their results. */
export interface Item {
  /** The `seq` of its first message. */
  readonly seq: number;
  readonly messages: readonly ShownMessage[];
}

/** The shape of a whole conversation: for each item the `seq` of its first message and about how many characters are shown of it. */
export interface Outline {
  readonly revision: number;
  readonly seqs: Uint32Array<ArrayBuffer>;
  readonly sizes: Uint16Array<ArrayBuffer>;
}

/** A session that was deleted and can still be had back. */
export interface Binned {
  readonly id: string;
  readonly name: string;
  /** When it is deleted for good. */
  readonly until: number;
}

export interface CleanupChoice {
  readonly days: number;
  readonly scope: string | null;
  readonly status: string | null;
}

export interface ImportCounts {
  readonly sessions: number;
  readonly messages: number;
  readonly contexts: number;
  readonly lifecycles: number;
  readonly unchanged: number;
  readonly bytes: number;
}

/** Numbers for the charts. */
export interface Figures {
  readonly sessions: number;
  readonly messages: number;
  /** Messages per minute, as pairs: minutes since 1970, count. Ascending. */
  readonly minutes: readonly (readonly [minute: number, count: number])[];
  /** What the texts of a scope take, in bytes of UTF-8; the largest first. */
  readonly scopes: readonly { readonly scope: string; readonly bytes: number; readonly sessions: number; readonly messages: number }[];
}

export interface NewConversation {
  readonly scope: string;
  readonly title: string | null;
  readonly lifecycle: string;
}

/** The operations of the worker. The page calls each under the same name, and gets a promise. */
export interface Operations {
  /** Whether what is written outlasts the page: false where the browser allows no storage. */
  open(): boolean;
  cards(cursor: string | null): { readonly cards: Card[]; readonly next: string | null };
  lifecycles(): Lifecycle[];
  create(conversation: NewConversation): Card;
  rename(id: string, title: string | null): Card;
  move(id: string, status: string): Card;
  /** Saves a message; given again with the same `key` it is saved once. */
  say(id: string, message: { readonly role: string; readonly text: string; readonly key: string }): Card;
  outline(id: string): Outline | null;
  /** The items whose first message lies from `from` on and below `before` (0: up to the end). */
  items(id: string, from: number, before: number): Item[];
  /** So many characters of a part from `at` on, and how many there are. */
  more(id: string, place: Place, at: number, count: number): string;
  /** The verbatim JSON text of a message, for copying. */
  source(id: string, seq: number): string | null;
  discard(id: string, name: string): Binned;
  /** False where it was too late, which it is not as long as it is among the `binned`. */
  restore(id: string): boolean;
  binned(): Binned[];
  cleanup(choice: CleanupChoice, isRehearsal: boolean): { readonly sessions: number; readonly messages: number };
  exportArchive(): { readonly archive: ArrayBuffer; readonly sessions: number; readonly messages: number };
  importArchive(file: Blob, isRehearsal: boolean): ImportCounts;
  figures(): Figures;
  /** The ids of sessions in whose messages the text occurs; instructions (of `system` and `developer`) are left out. */
  search(text: string): string[];
}

export type OperationName = keyof Operations;

/** How far a long operation is. Without `total` it cannot be told. */
export interface Progress {
  readonly done: number;
  readonly total: number | null;
}

export interface WireError {
  readonly code: string;
  readonly message: string;
  /** The session that it is about, if it is about one. */
  readonly session: string | null;
}

export type ToWorker = { readonly call: number; readonly name: OperationName; readonly args: readonly unknown[] } | { readonly abort: number };

/** What has changed: sessions as they are now, ids of those that are gone, or (`all`) too much to list. */
export interface Change {
  readonly cards: readonly Card[];
  readonly gone: readonly string[];
  readonly all: boolean;
  /** What can be had back now. */
  readonly binned: readonly Binned[];
  /** Whether another tab did it. */
  readonly isElsewhere: boolean;
}

export type FromWorker =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly error: WireError }
  | { readonly call: number; readonly progress: Progress }
  | { readonly change: Change };

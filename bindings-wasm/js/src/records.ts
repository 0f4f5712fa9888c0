/** From the rows that the Rust side writes to the records that an application sees. */
import { decode, type JsonObject, type JsonValue } from "./json.js";
import type { Context, Lifecycle, Message, Page, Role, Session } from "./types.js";

/** As `add_session` in `src/convert.rs` writes it. */
type SessionRow = [
  id: string, scope: string, key: string | null, owner: string | null, lifecycle: string, status: string, metadata: string,
  preview: string | null, messageCount: number, revision: number, createdAt: number, updatedAt: number, lastActiveAt: number,
];

/** As `add_message` writes it; short where it is plain text with nothing beside it. */
type MessageRow = [
  seq: number, createdAt: number, role: string, body: string,
  isJson?: 0 | 1, tokenCount?: number | null, isSummary?: 0 | 1, dedupKey?: string | null,
];

/** As `add_context` writes it. */
type ContextRow = [scope: string, data: string, revision: number, createdAt: number, updatedAt: number];

type LifecycleRow = [name: string, initial: string, statuses: string[], moves: [string, string][], finalStatuses: string[]];

/** The verbatim texts are behind getters of the class: they cost nothing until they are asked for. */
class SessionRecord implements Session {
  readonly id: string;
  readonly scope: string;
  readonly key: string | null;
  readonly owner: string | null;
  readonly lifecycle: string;
  readonly status: string;
  readonly metadata: JsonObject;
  readonly preview: string | null;
  readonly messageCount: number;
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastActiveAt: Date;
  readonly #metadata: string;

  constructor(row: SessionRow) {
    this.id = row[0];
    this.scope = row[1];
    this.key = row[2];
    this.owner = row[3];
    this.lifecycle = row[4];
    this.status = row[5];
    this.metadata = row[6] === "{}" ? {} : (decode(row[6]) as JsonObject);
    this.preview = row[7];
    this.messageCount = row[8];
    this.revision = row[9];
    this.createdAt = new Date(row[10]);
    this.updatedAt = new Date(row[11]);
    this.lastActiveAt = new Date(row[12]);
    this.#metadata = row[6];
  }

  get metadataJson(): string {
    return this.#metadata;
  }
}

class MessageRecord implements Message {
  readonly seq: number;
  readonly role: Role;
  readonly content: JsonValue;
  readonly tokenCount: number | null;
  readonly isSummary: boolean;
  readonly dedupKey: string | null;
  readonly createdAt: Date;
  /** The JSON text where it is not simply that of the content. */
  readonly #json: string | undefined;

  constructor(seq: number, createdAt: number, role: string, body: string, isJson: boolean, tokenCount: number | null, isSummary: boolean, dedupKey: string | null) {
    this.seq = seq;
    this.role = role;
    this.content = isJson ? decode(body) : body;
    this.tokenCount = tokenCount;
    this.isSummary = isSummary;
    this.dedupKey = dedupKey;
    this.createdAt = new Date(createdAt);
    this.#json = isJson ? body : undefined;
  }

  get contentJson(): string {
    return this.#json ?? JSON.stringify(this.content);
  }
}

class ContextRecord implements Context {
  readonly scope: string;
  readonly data: JsonObject;
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly #data: string;

  constructor(row: ContextRow) {
    this.scope = row[0];
    this.data = decode(row[1]) as JsonObject;
    this.revision = row[2];
    this.createdAt = new Date(row[3]);
    this.updatedAt = new Date(row[4]);
    this.#data = row[1];
  }

  get dataJson(): string {
    return this.#data;
  }
}

function message(row: MessageRow): Message {
  return row.length === 4
    ? new MessageRecord(row[0], row[1], row[2], row[3], false, null, false, null)
    : new MessageRecord(row[0], row[1], row[2], row[3], row[4] === 1, row[5] ?? null, row[6] === 1, row[7] ?? null);
}

function lifecycle(row: LifecycleRow): Lifecycle {
  return { name: row[0], initial: row[1], statuses: row[2], moves: row[3], finalStatuses: row[4] };
}

function page<R, T>(json: string, record: (row: R) => T): Page<T> {
  const [nextCursor, ...rows] = JSON.parse(json) as [string | null, ...R[]];
  return { items: rows.map(record), nextCursor };
}

/** A message as it goes in, on the wire. */
export interface Said {
  readonly role: string;
  readonly body: string;
  readonly isJson: boolean;
  readonly dedupKey: string | null;
}

/** A message that was saved: what was said, and the four numbers of `saved_text` in `src/convert.rs` from `at` on. */
export function savedMessage(said: Said, numbers: readonly number[], at: number): Message {
  const tokens = numbers[at + 2] as number;
  return new MessageRecord(
    numbers[at] as number, numbers[at + 1] as number, said.role, said.body, said.isJson,
    tokens < 0 ? null : tokens, numbers[at + 3] === 1, said.dedupKey,
  );
}

export const toSession = (json: string): Session => new SessionRecord(JSON.parse(json) as SessionRow);
export const toSessions = (json: string): Page<Session> => page(json, (row: SessionRow) => new SessionRecord(row));
export const toMessage = (json: string): Message => message(JSON.parse(json) as MessageRow);
export const toMessages = (json: string): Message[] => (JSON.parse(json) as MessageRow[]).map(message);
export const toContext = (json: string): Context => new ContextRecord(JSON.parse(json) as ContextRow);
export const toContexts = (json: string): Page<Context> => page(json, (row: ContextRow) => new ContextRecord(row));
export const toLifecycle = (json: string): Lifecycle => lifecycle(JSON.parse(json) as LifecycleRow);
export const toLifecycles = (json: string): Lifecycle[] => (JSON.parse(json) as LifecycleRow[]).map(lifecycle);
export const toSaved = (json: string): readonly number[] => JSON.parse(json) as number[];
export const orNull = <T>(json: string, record: (json: string) => T): T | null => (json === "null" ? null : record(json));

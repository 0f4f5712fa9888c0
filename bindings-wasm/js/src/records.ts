/** From the rows that the Rust side writes to the records that an application sees. */
import { decode, type JsonObject, type JsonValue } from "./json.js";
import type { Context, Lifecycle, Message, Page, Role, Session } from "./types.js";

/** The members of records, one record after the other: that is parsed faster than a list for each. */
type Row = readonly (string | number | null)[];

/** So many members has a session, as `add_session` in `src/convert.rs` writes it. */
const SESSION = 13;
/** And a context, as `add_context` does. */
const CONTEXT = 5;

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

  constructor(row: Row, at: number) {
    this.id = row[at] as string;
    this.scope = row[at + 1] as string;
    this.key = row[at + 2] as string | null;
    this.owner = row[at + 3] as string | null;
    this.lifecycle = row[at + 4] as string;
    this.status = row[at + 5] as string;
    this.#metadata = row[at + 6] as string;
    this.metadata = this.#metadata === "{}" ? {} : (decode(this.#metadata) as JsonObject);
    this.preview = row[at + 7] as string | null;
    this.messageCount = row[at + 8] as number;
    this.revision = row[at + 9] as number;
    this.createdAt = new Date(row[at + 10] as number);
    this.updatedAt = new Date(row[at + 11] as number);
    this.lastActiveAt = new Date(row[at + 12] as number);
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

  constructor(row: Row, at: number) {
    this.scope = row[at] as string;
    this.data = decode(row[at + 1] as string) as JsonObject;
    this.revision = row[at + 2] as number;
    this.createdAt = new Date(row[at + 3] as number);
    this.updatedAt = new Date(row[at + 4] as number);
    this.#data = row[at + 1] as string;
  }

  get dataJson(): string {
    return this.#data;
  }
}

function lifecycle(row: LifecycleRow): Lifecycle {
  return { name: row[0], initial: row[1], statuses: row[2], moves: row[3], finalStatuses: row[4] };
}

function page<T>(json: string, members: number, record: (row: Row, at: number) => T): Page<T> {
  const row = JSON.parse(json) as Row;
  const items: T[] = [];
  for (let at = 1; at < row.length; at += members) items.push(record(row, at));
  return { items, nextCursor: row[0] as string | null };
}

/** A message as it goes in, on the wire. */
export interface Said {
  readonly role: string;
  readonly body: string;
  readonly isJson: boolean;
  readonly dedupKey: string | null;
  /** What few messages have, as JSON text; empty where it has none of it. */
  readonly rest: string;
}

/** How much they say, about. */
export const charactersOf = (said: readonly Said[]): number => said.reduce((sum, { body }) => sum + body.length, 0);

/** What became of a message that was saved, and was not known before. */
export interface Saved {
  readonly seq: number;
  readonly createdAt: number;
  readonly tokenCount: number | null;
  readonly isSummary: boolean;
}

export const messageRecord = (
  seq: number, createdAt: number, role: string, body: string, isJson: boolean, tokenCount: number | null, isSummary: boolean, dedupKey: string | null,
): Message => new MessageRecord(seq, createdAt, role, body, isJson, tokenCount, isSummary, dedupKey);

/** A message that was saved. */
export const savedMessage = ({ role, body, isJson, dedupKey }: Said, saved: Saved): Message =>
  new MessageRecord(saved.seq, saved.createdAt, role, body, isJson, saved.tokenCount, saved.isSummary, dedupKey);

export const toSession = (json: string): Session => new SessionRecord(JSON.parse(json) as Row, 0);
export const toSessions = (json: string): Page<Session> => page(json, SESSION, (row, at) => new SessionRecord(row, at));
export const toContext = (json: string): Context => new ContextRecord(JSON.parse(json) as Row, 0);
export const toContexts = (json: string): Page<Context> => page(json, CONTEXT, (row, at) => new ContextRecord(row, at));
export const toLifecycle = (json: string): Lifecycle => lifecycle(JSON.parse(json) as LifecycleRow);
export const toLifecycles = (json: string): Lifecycle[] => (JSON.parse(json) as LifecycleRow[]).map(lifecycle);
export const orNull = <T>(json: string, record: (json: string) => T): T | null => (json === "null" ? null : record(json));

import type { JsonInput, JsonObject, JsonText, JsonValue } from "./json.js";

/** Who speaks: one of these, or a role declared when the store was opened. */
export type Role = "user" | "assistant" | "model" | "system" | "developer" | "tool" | (string & {});

/** What a message says: a text, or any JSON value. {@link jsonText} gives JSON text to be kept verbatim. */
export type ContentInput = JsonInput | JsonText;

/** A JSON object, or its text by {@link jsonText}. */
export type ObjectInput = { readonly [name: string]: JsonInput } | JsonText;

/** What every operation takes that may have to wait for others. */
export interface Waits {
  /** Gives up while the operation waits for its turn: it rejects with the signal's reason and nothing has happened. Once it runs it is completed. */
  readonly signal?: AbortSignal | undefined;
}

/** One conversation. */
export interface Session {
  /** Unique within the tenant. */
  readonly id: string;
  /** The place the session belongs to. */
  readonly scope: string;
  /** Its name inside its scope, where it has one. */
  readonly key: string | null;
  /** Whom it belongs to. */
  readonly owner: string | null;
  /** The name of the lifecycle whose moves its status follows. */
  readonly lifecycle: string;
  /** The present status. */
  readonly status: string;
  /** The application's own JSON object. */
  readonly metadata: JsonObject;
  /** The same, verbatim as JSON text. */
  readonly metadataJson: string;
  /** The beginning of the first message that is not of role system or developer and has text. */
  readonly preview: string | null;
  /** How many messages it has now. */
  readonly messageCount: number;
  /** Grows with every change to the session or its messages, from 1. */
  readonly revision: number;
  /** When it was created. */
  readonly createdAt: Date;
  /** When it or its messages changed last. */
  readonly updatedAt: Date;
  /** When it was last active: created, given a message, or touched. */
  readonly lastActiveAt: Date;
}

/** One entry of a session. Its identity is (session id, `seq`). */
export interface Message {
  /** Its number in the session: 1, 2, 3 …, never used twice. The order. */
  readonly seq: number;
  /** Who speaks. */
  readonly role: Role;
  /** What is said: a string where it is text, else the JSON value; integers beyond 2^53 − 1 are bigints. */
  readonly content: JsonValue;
  /** The same, verbatim as JSON text. */
  readonly contentJson: string;
  /** How many tokens it has, where the caller counted. */
  readonly tokenCount: number | null;
  /** Whether it stands for earlier messages. */
  readonly isSummary: boolean;
  /** The key that makes a retry safe, where one was given. */
  readonly dedupKey: string | null;
  /** When it was created. It informs; `seq` orders. */
  readonly createdAt: Date;
}

/** One JSON object per scope, which outlives the scope's sessions. */
export interface Context {
  /** The scope, which is its identity. */
  readonly scope: string;
  /** The JSON object. */
  readonly data: JsonObject;
  /** The same, verbatim as JSON text. */
  readonly dataJson: string;
  /** Grows with every change, from 1. */
  readonly revision: number;
  /** When it was first written. */
  readonly createdAt: Date;
  /** When it was last written. */
  readonly updatedAt: Date;
}

/** A named set of statuses, and the moves that are allowed between them. */
export interface Lifecycle {
  /** Its name. */
  readonly name: string;
  /** The status of a new session. */
  readonly initial: string;
  /** All statuses. */
  readonly statuses: readonly string[];
  /** The allowed moves: from, to. */
  readonly moves: readonly (readonly [from: string, to: string])[];
  /** The statuses that end a session. */
  readonly finalStatuses: readonly string[];
}

/** One page of a listing. */
export interface Page<T> {
  /** The records of this page. */
  readonly items: T[];
  /** What to give as `cursor` for the next page; null where this is the last. */
  readonly nextCursor: string | null;
}

/** What a new session is to be. Everything has a default. */
export interface NewSession {
  /** Default: drawn from the store's id source. */
  readonly id?: string | undefined;
  /** Default: `""`. */
  readonly scope?: string | undefined;
  /** Its name inside the scope; `(scope, key)` is unique. */
  readonly key?: string | undefined;
  /** Whom it belongs to. */
  readonly owner?: string | undefined;
  /** Default: `agent`. */
  readonly lifecycle?: string | undefined;
  /** Default: the lifecycle's initial status. */
  readonly status?: string | undefined;
  /** Default: `{}`. */
  readonly metadata?: ObjectInput | undefined;
  /** To bring old data in; not later than now. Default: now. */
  readonly createdAt?: Date | undefined;
}

/** A new session, and until when the latest one is continued instead. */
export interface ResumeOptions extends NewSession {
  /** Continue the latest session if it was active less than so many milliseconds ago. Default: 4 hours. */
  readonly idle?: number | undefined;
}

/** Which sessions to list. */
export interface SessionQuery {
  /** Only those of this scope. Not together with `scopePrefix`. */
  readonly scope?: string | undefined;
  /** Only those whose scope begins like this. */
  readonly scopePrefix?: string | undefined;
  /** Only those of this owner. */
  readonly owner?: string | undefined;
  /** Only those of this status. */
  readonly status?: string | undefined;
  /** Default: `activity`, the latest first. */
  readonly order?: "activity" | "creation" | undefined;
  /** How many to a page, 1 to 1,000. Default: 50. */
  readonly limit?: number | undefined;
  /** Goes on after the page that gave this cursor; the other arguments must be the same again. */
  readonly cursor?: string | undefined;
}

/** What is to change in a session; what is not given stays. */
export interface SessionUpdate {
  /** The new status. */
  readonly status?: string | undefined;
  /** The new owner; null takes it away. */
  readonly owner?: string | null | undefined;
  /** Replaces the metadata. Not together with `mergeMetadata`. */
  readonly metadata?: ObjectInput | undefined;
  /** Merges into the metadata by RFC 7396: null removes a member. */
  readonly mergeMetadata?: ObjectInput | undefined;
  /** Demands that the session's revision be this one, else `conflict`. */
  readonly expectedRevision?: number | undefined;
}

/** What `deleteSession` did. */
export interface Deletion {
  /** Whether there was such a session. */
  readonly deleted: boolean;
  /** Where erasing was asked for: `complete` when no byte of it is left in the store's files, `pending` when something still holds them. */
  readonly erasure: "complete" | "pending" | null;
  /** What still holds them. */
  readonly reason: string | null;
}

/** Which sessions `cleanupSessions` is to delete. */
export interface CleanupQuery {
  /** Those whose last activity is more than so many milliseconds ago. Default: 30 days. */
  readonly olderThan?: number | undefined;
  /** Only those of this scope. */
  readonly scope?: string | undefined;
  /** Only those of this status. */
  readonly status?: string | undefined;
  /** Only counts what would be deleted. */
  readonly dryRun?: boolean | undefined;
}

/** What `cleanupSessions` deleted, or would delete. */
export interface Cleanup {
  /** How many sessions. */
  readonly sessions: number;
  /** How many messages in them. */
  readonly messages: number;
}

/** A message to save. */
export interface NewMessage {
  /** Who speaks. */
  readonly role: Role;
  /** What is said. */
  readonly content: ContentInput;
  /** How many tokens it has. */
  readonly tokenCount?: number | undefined;
  /** Whether it stands for earlier messages. Default: no. */
  readonly isSummary?: boolean | undefined;
  /** Makes saving it safe to retry. */
  readonly dedupKey?: string | undefined;
  /** To bring old data in. Default: now. */
  readonly createdAt?: Date | undefined;
}

/** Conditions and company of a save. */
export interface SaveOptions extends Waits {
  /** Demands that the session's revision be this one, else `conflict` and nothing is saved. */
  readonly expectedRevision?: number | undefined;
  /** Changes the session in the same transaction. */
  readonly update?: SessionUpdate | undefined;
}

/** Which messages to read. All, oldest first, unless told. */
export interface MessageQuery {
  /** Only those with a `seq` above this. */
  readonly after?: number | undefined;
  /** Only those with a `seq` below this. */
  readonly before?: number | undefined;
  /** Only those created strictly after this moment. */
  readonly since?: Date | undefined;
  /** Only the oldest so many of them. Not together with `last`. */
  readonly limit?: number | undefined;
  /** Only the newest so many of them, still oldest first. Not together with `limit`. */
  readonly last?: number | undefined;
  /** Only those of these roles. */
  readonly roles?: readonly Role[] | undefined;
  /** Only summaries, or none of them. */
  readonly summaries?: boolean | undefined;
}

/** Which contexts to list: by bytes of their scopes. */
export interface ContextQuery {
  /** Only those whose scope begins like this. */
  readonly scopePrefix?: string | undefined;
  /** How many to a page, 1 to 1,000. Default: 50. */
  readonly limit?: number | undefined;
  /** Goes on after the page that gave this cursor. */
  readonly cursor?: string | undefined;
}

/** A lifecycle to define. */
export interface LifecycleDefinition {
  /** Its name. */
  readonly name: string;
  /** The status of a new session. */
  readonly initial: string;
  /** All statuses. Default: those that the other members name. */
  readonly statuses?: readonly string[] | undefined;
  /** The allowed moves: from, to. Default: none. */
  readonly moves?: readonly (readonly [from: string, to: string])[] | undefined;
  /** The statuses that end a session. Default: none. */
  readonly finalStatuses?: readonly string[] | undefined;
}

/** How much there is in a store. */
export interface Stats {
  /** Sessions of this tenant. */
  readonly sessions: number;
  /** Messages of this tenant. */
  readonly messages: number;
  /** Contexts of this tenant. */
  readonly contexts: number;
  /** Bytes in the store's file, of all tenants; null where there is none. */
  readonly bytes: number | null;
}

/** What `check` found. */
export interface StoreCheck {
  /** Sessions looked at. */
  readonly sessions: number;
  /** Messages looked at. */
  readonly messages: number;
  /** What is wrong, a sentence each; empty where the store is sound. */
  readonly problems: string[];
}

/** How `exportArchive` is to go about damage. */
export interface ExportOptions {
  /** Saves what can be read of a damaged store, and lists what cannot. */
  readonly tolerant?: boolean | undefined;
}

/** What `exportArchive` wrote. */
export interface ExportReport {
  /** Sessions written. */
  readonly sessions: number;
  /** Messages written. */
  readonly messages: number;
  /** Contexts written. */
  readonly contexts: number;
  /** Lifecycles written; the built-in ones are known everywhere. */
  readonly lifecycles: number;
  /** Bytes written. */
  readonly bytes: number;
  /** With `tolerant`: what could not be read, a sentence each. */
  readonly unreadable: string[];
}

/** An archive, and what is in it. */
export interface Export {
  /** The archive. */
  readonly archive: Uint8Array<ArrayBuffer>;
  /** What is in it. */
  readonly report: ExportReport;
}

/** What `importArchive` did, or would do. */
export interface ImportReport {
  /** Sessions added. */
  readonly sessions: number;
  /** Messages added. */
  readonly messages: number;
  /** Contexts added. */
  readonly contexts: number;
  /** Lifecycles added. */
  readonly lifecycles: number;
  /** What was there already, the same in all it holds. */
  readonly unchanged: number;
  /** Bytes read. */
  readonly bytes: number;
}

/** Where an archive is read from: its bytes, or a stream of them. */
export type ArchiveSource = Uint8Array | ArrayBuffer | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Blob;

/** How a store is opened. */
export interface StoreOptions {
  /** Whose data it is: the store sees and writes nothing of another tenant. Default: `default`. */
  readonly tenant?: string | undefined;
  /** The clock. Default: the machine's. It must not call the store (`reentrant`). */
  readonly clock?: (() => Date) | undefined;
  /** How the ids of new sessions are made. Default: `uuid7`. A function must not call the store (`reentrant`). */
  readonly ids?: "uuid7" | "uuid4" | "timestamp" | (() => string) | undefined;
  /** Roles to accept besides the built-in ones. */
  readonly roles?: readonly string[] | undefined;
  /** Which message a session's preview is taken from. Default: the first spoken one. */
  readonly preview?: "first_spoken" | "first" | undefined;
}

/** How a kept store is opened: by `path` in Node, by `name` in a browser. */
export type OpenOptions = StoreOptions & Waits & ({ readonly path: string; readonly name?: undefined } | { readonly name: string; readonly path?: undefined });

/** A compiled module; nothing where the program does not know the type. */
type CompiledModule = typeof globalThis extends { WebAssembly: { Module: new (...given: never[]) => infer Module } } ? Module : never;

/** What `init` takes: a URL or response to fetch, the bytes, or a compiled module. */
export type InitInput = string | URL | Request | Response | ArrayBuffer | ArrayBufferView | CompiledModule;

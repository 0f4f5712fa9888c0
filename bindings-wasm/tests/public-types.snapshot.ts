// node.d.ts
import type { InitInput } from "./types.js";
/** Loads the WebAssembly from elsewhere than the package. Not needed: opening a store loads it. A second call does nothing. */
export declare function init(input?: InitInput | Promise<InitInput>): Promise<void>;
export * from "./public.js";

// browser.d.ts
import type { InitInput } from "./types.js";
/** Loads the WebAssembly, from elsewhere than beside this module where told. Not needed: opening a store loads it. A second call does nothing. */
export declare function init(input?: InitInput | Promise<InitInput>): Promise<void>;
export * from "./public.js";

// public.d.ts
/** What every entry exports. */
export * from "./errors-public.js";
export { jsonText, JsonText, type JsonInput, type JsonObject, type JsonValue } from "./json.js";
export { Store } from "./store.js";
export type * from "./types.js";

// errors-public.d.ts
export { AlreadyExistsError, BusyError, ClosedError, ConflictError, ConvostoreError, CorruptedError, DiskFullError, type ErrorCode, type ErrorDetails, ForkedError, InvalidArgumentError, InvalidTransitionError, LockLostError, NotFoundError, PermissionDeniedError, PoisonedError, ReadOnlyError, ReentrantError, StorageError, UnknownOutcomeError, UnsupportedError, UnsupportedSchemaError, } from "./errors.js";

// errors.d.ts
/** The code of an error: the contract, the same in Rust, Python and JavaScript. Newer versions may know more. */
export type ErrorCode = "not_found" | "already_exists" | "invalid_argument" | "invalid_transition" | "conflict" | "busy" | "closed" | "read_only" | "permission_denied" | "disk_full" | "corrupted" | "unsupported_schema" | "unsupported" | "lock_lost" | "unknown_outcome" | "poisoned" | "reentrant" | "forked" | "storage";
/** Names and values that belong to an error's message, such as `session_id` or `revision`. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;
/** A failed operation. Every error of this package is one; match on {@link ConvostoreError.code} or on the class. No content of a message is in it. */
export declare class ConvostoreError extends Error {
    /** What kind of thing went wrong. */
    readonly code: ErrorCode | (string & {});
    /** Names and values that belong to the message. */
    readonly details: ErrorDetails;
    constructor(code: ErrorCode | (string & {}), message: string, details?: ErrorDetails, options?: {
        cause?: unknown;
    });
}
/** `not_found`: the session, or whatever else was named, does not exist. */
export declare class NotFoundError extends ConvostoreError {
}
/** `already_exists`: the id or the `(scope, key)` of a session to create is taken. */
export declare class AlreadyExistsError extends ConvostoreError {
}
/** `invalid_argument`: an argument is outside what is allowed; the message says which and what is allowed. */
export declare class InvalidArgumentError extends ConvostoreError {
}
/** `invalid_transition`: the session's lifecycle does not allow this change of status. */
export declare class InvalidTransitionError extends ConvostoreError {
}
/** `conflict`: the revision demanded is not the present one, or a dedup key came back with another content, or a name is defined differently. */
export declare class ConflictError extends ConvostoreError {
}
/** `busy`: another process has the file open. Nothing was changed. */
export declare class BusyError extends ConvostoreError {
}
/** `closed`: the store was closed. */
export declare class ClosedError extends ConvostoreError {
}
/** `read_only`: the file system may not be written. */
export declare class ReadOnlyError extends ConvostoreError {
}
/** `permission_denied`: a file or folder may not be opened, made or read. */
export declare class PermissionDeniedError extends ConvostoreError {
}
/** `disk_full`: there is no space, or no quota, left for a write. Nothing was changed. */
export declare class DiskFullError extends ConvostoreError {
}
/** `corrupted`: the file or archive is damaged. */
export declare class CorruptedError extends ConvostoreError {
}
/** `unsupported_schema`: the file, database or archive was written by a newer version, or is of another program. */
export declare class UnsupportedSchemaError extends ConvostoreError {
}
/** `unsupported`: this platform, or this kind of store, does not have the operation. */
export declare class UnsupportedError extends ConvostoreError {
}
/** `lock_lost`: somebody else wrote to the store's file in spite of the lock. The write was not made; open the store again. */
export declare class LockLostError extends ConvostoreError {
}
/** `unknown_outcome`: the storage failed so that it cannot be told whether the write was made. Open the store again; a retry with the same dedup key settles it. */
export declare class UnknownOutcomeError extends ConvostoreError {
}
/** `poisoned`: an earlier defect, or a lack of memory, left this instance of WebAssembly unusable, and all stores in it. What was kept opens again in a new one, with {@link Store.open}. */
export declare class PoisonedError extends ConvostoreError {
}
/** `reentrant`: a clock or an id source called back into the store that was calling it. */
export declare class ReentrantError extends ConvostoreError {
}
/** `forked`: only other languages give it. */
export declare class ForkedError extends ConvostoreError {
}
/** `storage`: any other failure of the storage below. */
export declare class StorageError extends ConvostoreError {
}
/** An error of the class that belongs to the code; of the root class where this version does not know the code. */
export declare function errorOf(code: string, message: string, details?: ErrorDetails, cause?: unknown): ConvostoreError;
/** So much of what a caller gave as an error repeats: it may be of any length. */
export declare function shortened(given: string, most?: number): string;
export declare function invalid(message: string, argument?: string): ConvostoreError;
/** The error that the Rust side threw as JSON text. */
export declare function errorFromWire(wire: string): ConvostoreError;

// json.d.ts
/**
 * A JSON value as it comes out: integers beyond 2^53 − 1, which a number cannot hold, are bigints.
 */
export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | {
    [name: string]: JsonValue;
};
/** A JSON object as it comes out. */
export type JsonObject = {
    [name: string]: JsonValue;
};
/** A JSON value as it goes in. */
export type JsonInput = string | number | bigint | boolean | null | readonly JsonInput[] | {
    readonly [name: string]: JsonInput;
};
/** JSON text to be kept verbatim: digits, order of members, white space and escapes. Made by {@link jsonText}. */
export declare class JsonText {
    /** The text. */
    readonly text: string;
    constructor(text: string);
    /** The text. */
    toString(): string;
}
/** Marks a text as JSON text, to be kept verbatim instead of as a string: `content: jsonText('{"n":1.50}')`. */
export declare function jsonText(text: string): JsonText;
/** Whether the text has no lone surrogate, which UTF-8 cannot hold. */
export declare function isWellFormed(text: string): boolean;
/** Whether it is a list. Proxies that were revoked are refused: whatever is asked of one throws, and nothing else throws here. */
export declare function isList(value: unknown, what: string): value is unknown[];
/** The JSON text of a value. Throws `invalid_argument` where JSON cannot hold it as it is. */
export declare function encode(value: unknown, what: string): string;
export declare function fitting(json: string, what: string): string;
/** The value of a JSON text that the core has checked. */
export declare function decode(json: string): JsonValue;

// types.d.ts
import type { JsonInput, JsonObject, JsonText, JsonValue } from "./json.js";
/** Who speaks: one of these, or a role declared when the store was opened. */
export type Role = "user" | "assistant" | "model" | "system" | "developer" | "tool" | (string & {});
/** What a message says: a text, or any JSON value. {@link jsonText} gives JSON text to be kept verbatim. */
export type ContentInput = JsonInput | JsonText;
/** A JSON object, or its text by {@link jsonText}. */
export type ObjectInput = {
    readonly [name: string]: JsonInput;
} | JsonText;
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
export type OpenOptions = StoreOptions & Waits & ({
    readonly path: string;
    readonly name?: undefined;
} | {
    readonly name: string;
    readonly path?: undefined;
});
/** A compiled module; nothing where the program does not know the type. */
type CompiledModule = typeof globalThis extends {
    WebAssembly: {
        Module: new (...given: never[]) => infer Module;
    };
} ? Module : never;
/** What `init` takes: a URL or response to fetch, the bytes, or a compiled module. */
export type InitInput = string | URL | Request | Response | ArrayBuffer | ArrayBufferView | CompiledModule;
export {};

// store.d.ts
/// <reference lib="esnext.disposable" preserve="true" />
import type { Host, Keeper } from "./keeper.js";
import type { ArchiveSource, Cleanup, CleanupQuery, ContentInput, Context, ContextQuery, Deletion, Export, ExportOptions, ExportReport, ImportReport, Lifecycle, LifecycleDefinition, Message, MessageQuery, NewMessage, NewSession, ObjectInput, OpenOptions, Page, ResumeOptions, SaveOptions, Session, SessionQuery, SessionUpdate, Stats, StoreCheck, StoreOptions, Waits } from "./types.js";
/** How an entry opens kept stores. */
export type OpenKeeper = (options: OpenOptions, host: Host) => Promise<Keeper>;
/** Says how kept stores are opened; each entry does so once. */
export declare function setOpenKeeper(how: OpenKeeper): void;
/**
 * A store of sessions and their messages, opened for one tenant.
 *
 * All operations are asynchronous in every kind of store, so code need not change with it. A write that resolved is kept, as durably as the
 * store was opened to be; one that rejected has changed nothing. Every error is a {@link ConvostoreError}, but for what an
 * `AbortSignal`, a clock or an id source of yours gives.
 */
export declare class Store {
    #private;
    private constructor();
    /** Opens a new, empty store that keeps nothing: it is gone when it is closed or forgotten. */
    static inMemory(storeOptions?: StoreOptions): Promise<Store>;
    /**
     * Opens the kept store at `path` (Node: an append-only file) or of that `name` (browser: IndexedDB); makes it where there is none.
     *
     * Errors: `busy` where another process or store has the file open; `permission_denied`, `read_only`, `disk_full`; `corrupted` where what
     * is kept is damaged; `unsupported_schema` where a newer version or another program made it; `unsupported` where the platform has no
     * such storage.
     */
    static open(openOptions: OpenOptions): Promise<Store>;
    /** A store for another tenant on the same data, with the same clock, ids, roles and preview rule. Closing one closes all. */
    forTenant(tenant: string): Store;
    /** The tenant that the store was opened for. */
    get tenant(): string;
    /** Closes the store and all others on the same data: what runs is completed, everything after is `closed`. A second call does nothing. */
    close(): Promise<void>;
    /** As {@link Store.close}: `await using store = await Store.inMemory()`. */
    [Symbol.asyncDispose](): Promise<void>;
    /** Creates a session. Errors: `already_exists` where the id or the `(scope, key)` is taken. */
    createSession(session?: NewSession, waits?: Waits): Promise<Session>;
    /** The session with that id; null where there is none. */
    getSession(id: string): Promise<Session | null>;
    /** The session with that key in that scope; null where there is none. */
    getSessionByKey(scope: string, key: string): Promise<Session | null>;
    /**
     * The session with that `(scope, key)` — or, where no key is given, with that id — as it is; a new one where there is none. Of many
     * concurrent callers exactly one creates.
     */
    getOrCreateSession(session: NewSession, waits?: Waits): Promise<Session>;
    /** The scope's latest session, if it was active less than `idle` ago and its status is not final; else a new one. */
    resumeSession(scope: string, resume?: Omit<ResumeOptions, "scope">, waits?: Waits): Promise<Session>;
    /** Sessions as whole records, a page at a time. In one traversal by cursors nothing comes twice. */
    listSessions(query?: SessionQuery): Promise<Page<Session>>;
    /** Changes a session; what is not given stays. Errors: `not_found`, `invalid_transition`, `conflict`. */
    updateSession(id: string, update: SessionUpdate, waits?: Waits): Promise<Session>;
    /** Makes the session active now. Errors: `not_found`. */
    touchSession(id: string, waits?: Waits): Promise<Session>;
    /** Deletes a session with its messages, if there is such a session. With `erase` also their bytes are removed from the store's file, or the answer says what still holds them. */
    deleteSession(id: string, deletion?: {
        readonly erase?: boolean | undefined;
    } & Waits): Promise<Deletion>;
    /** Deletes the sessions whose last activity is longer ago than `olderThan`, in short transactions; with `dryRun` only counts them. */
    cleanupSessions(query?: CleanupQuery & Waits): Promise<Cleanup>;
    /** Saves one message. Never refuses on account of others' writes; with a dedup key it is safe to retry. Errors: `not_found`, `conflict`. */
    saveMessage(sessionId: string, message: NewMessage, saveOptions?: Omit<SaveOptions, "update">): Promise<Message>;
    /** Saves messages in order, all or none, and with them, in the same transaction, a change of the session where one is given. */
    saveMessages(sessionId: string, messages: readonly NewMessage[], saveOptions?: SaveOptions): Promise<Message[]>;
    /** Saves a message of role `system` that stands for earlier ones. */
    saveSummary(sessionId: string, summary: ContentInput, saveOptions?: {
        readonly tokenCount?: number | undefined;
    } & Waits): Promise<Message>;
    /** Messages of a session, oldest first. Errors: `not_found`. */
    getMessages(sessionId: string, query?: MessageQuery): Promise<Message[]>;
    /** Messages of a session one by one, oldest first: for long histories. It ends at the last message that was there at the start. */
    streamMessages(sessionId: string, query?: Omit<MessageQuery, "last"> & Waits): AsyncGenerator<Message, void, undefined>;
    /** How many messages the session has. Errors: `not_found`. */
    countMessages(sessionId: string): Promise<number>;
    /** Removes the newest message and gives it back; null where there is none. Errors: `not_found` where there is no such session. */
    popMessage(sessionId: string, waits?: Waits): Promise<Message | null>;
    /** Deletes the messages whose `seq` is below `before`, and says how many. The preview stays. */
    deleteMessagesBefore(sessionId: string, before: number, waits?: Waits): Promise<number>;
    /** Deletes all messages of the session, and says how many. Numbers go on where they were. */
    clearMessages(sessionId: string, waits?: Waits): Promise<number>;
    /** The context of a scope; null until it is first written. */
    getContext(scope: string): Promise<Context | null>;
    /** Writes the context of a scope. An expected revision of 0 demands that there be none yet. Errors: `conflict`. */
    setContext(scope: string, data: ObjectInput, contextOptions?: {
        readonly expectedRevision?: number | undefined;
    } & Waits): Promise<Context>;
    /** Merges into the context of a scope by RFC 7396, beginning with `{}` where there is none. Errors: `conflict`. */
    mergeContext(scope: string, patch: ObjectInput, contextOptions?: {
        readonly expectedRevision?: number | undefined;
    } & Waits): Promise<Context>;
    /** Deletes the context of a scope. Whether there was one. */
    deleteContext(scope: string, waits?: Waits): Promise<boolean>;
    /** Contexts by bytes of their scopes, a page at a time. */
    listContexts(query?: ContextQuery): Promise<Page<Context>>;
    /** Defines a lifecycle, for all programs on the data. Defining it the same way again does nothing. Errors: `conflict`. */
    defineLifecycle(definition: LifecycleDefinition, waits?: Waits): Promise<Lifecycle>;
    /** All lifecycles, the built-in ones included, by bytes of their names. */
    listLifecycles(): Promise<Lifecycle[]>;
    /** Whether the store is sound: what is wrong, a sentence each. Errors in what is kept show when it is opened. */
    check(): Promise<StoreCheck>;
    /** Everything the tenant has, as one portable archive that any store in any language reads. */
    exportArchive(exportOptions?: ExportOptions): Promise<Export>;
    /** As {@link Store.exportArchive}, into a stream, which is closed at the end, or aborted where it fails. The archive is of one moment. */
    exportArchiveTo(stream: WritableStream<Uint8Array>, exportOptions?: ExportOptions): Promise<ExportReport>;
    /**
     * Brings an archive in, in one transaction; what is there already, the same in all it holds, stays. Errors: `corrupted`,
     * `unsupported_schema`; `conflict` where something of the same name is there and differs.
     */
    importArchive(source: ArchiveSource, importOptions?: {
        readonly dryRun?: boolean | undefined;
    } & Waits): Promise<ImportReport>;
    /** How much there is in the store. */
    stats(): Promise<Stats>;
    /** Copies the whole store, all tenants, to a new file that only its owner can read (Node). Errors: `already_exists`; `unsupported` where there are no files. */
    backup(path: string): Promise<void>;
}

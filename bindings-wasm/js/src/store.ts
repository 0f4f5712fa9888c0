/// <reference lib="esnext.disposable" preserve="true" />
import {
  cleanupQuery, content, contextQuery, flag, lifecycleDefinition, messageQuery, newMessage, newSession, object, options, optionalWhole, resumption, savedUpdate,
  sessionQuery, sessionUpdate, signalOf, text, waitsOf, whole,
} from "./arguments.js";
import type { Boxes } from "./boxes.js";
import { CoreArchive } from "./web/core.js";
import { Engine, type Handle } from "./engine.js";
import { errorOf, invalid } from "./errors.js";
import { isList } from "./json.js";
import type { Host, Keeper } from "./keeper.js";
import { charactersOf, orNull, type Said, savedMessage, toContext, toContexts, toLifecycle, toLifecycles, toSession, toSessions } from "./records.js";
import { runtime } from "./runtime.js";
import { settingsOf, storeOptionNames } from "./settings.js";
import { pieces } from "./source.js";
import type {
  ArchiveSource, Cleanup, CleanupQuery, ContentInput, Context, ContextQuery, Deletion, Export, ExportOptions, ExportReport, ImportReport, Lifecycle, LifecycleDefinition, Message, MessageQuery, NewMessage, NewSession,
  ObjectInput, OpenOptions, Page, ResumeOptions, SaveOptions, Session, SessionQuery, SessionUpdate, Stats, StoreCheck, StoreOptions, Waits,
} from "./types.js";

/** How an entry opens kept stores. */
export type OpenKeeper = (options: OpenOptions, host: Host) => Promise<Keeper>;

let openKeeper: OpenKeeper | undefined;

/** Says how kept stores are opened; each entry does so once. */
export function setOpenKeeper(how: OpenKeeper): void {
  openKeeper = how;
}

/** How many messages of a stream are read at a time. */
const STREAM_PAGE = 256;

/** Reaches the engine without keeping it from being collected. */
function hostOf(found: { engine?: WeakRef<Engine> }): Host {
  return {
    changed: () => found.engine?.deref()?.host.changed(),
    broken: (error) => found.engine?.deref()?.host.broken(error),
  };
}

/**
 * A store of sessions and their messages, opened for one tenant.
 *
 * All operations are asynchronous in every kind of store, so code need not change with it. A write that resolved is kept, as durably as the
 * store was opened to be; one that rejected has changed nothing. Every error is a {@link ConvostoreError}, but for what an
 * `AbortSignal`, a clock or an id source of yours gives.
 */
export class Store {
  readonly #engine: Engine;
  readonly #handle: Handle;

  private constructor(engine: Engine, handle: Handle) {
    if (!(engine instanceof Engine)) throw invalid("a store is not made by new; Store.open and Store.inMemory open one");
    this.#engine = engine;
    this.#handle = handle;
  }

  /** Opens a new, empty store that keeps nothing: it is gone when it is closed or forgotten. */
  static async inMemory(storeOptions?: StoreOptions): Promise<Store> {
    const settings = settingsOf(options(storeOptions, "options", storeOptionNames));
    const engine = new Engine(await runtime(), settings, undefined);
    return new Store(engine, engine.handle(settings.tenant));
  }

  /**
   * Opens the kept store at `path` (Node: an append-only file) or of that `name` (browser: IndexedDB); makes it where there is none.
   *
   * Errors: `busy` where another process or store has the file open; `permission_denied`, `read_only`, `disk_full`; `corrupted` where what
   * is kept is damaged; `unsupported_schema` where a newer version or another program made it; `unsupported` where the platform has no
   * such storage.
   */
  static async open(openOptions: OpenOptions): Promise<Store> {
    const given = options<OpenOptions>(openOptions, "options", [...storeOptionNames, "path", "name", "signal"]);
    const [settings, signal] = [settingsOf(given), signalOf(given.signal)];
    const instance = await runtime();
    if (openKeeper === undefined) throw errorOf("unsupported", "this platform has no storage for a kept store; use Store.inMemory and exportArchive");
    let engine: Engine | undefined;
    const found: { engine?: WeakRef<Engine> } = {};
    const keeper = await openKeeper({ ...given, signal } as OpenOptions, hostOf(found));
    try {
      engine = new Engine(instance, settings, keeper);
      found.engine = new WeakRef(engine);
      await engine.load();
      return new Store(engine, engine.handle(settings.tenant));
    } catch (error) {
      if (engine === undefined) await keeper.close();
      else await engine.close();
      throw error;
    }
  }

  /** A store for another tenant on the same data, with the same clock, ids, roles and preview rule. Closing one closes all. */
  forTenant(tenant: string): Store {
    this.#engine.check();
    return new Store(this.#engine, this.#engine.handle(text(tenant, "tenant")));
  }

  /** The tenant that the store was opened for. */
  get tenant(): string {
    return this.#handle.tenant;
  }

  /** Closes the store and all others on the same data: what runs is completed, everything after is `closed`. A second call does nothing. */
  async close(): Promise<void> {
    await this.#engine.close();
  }

  /** As {@link Store.close}: `await using store = await Store.inMemory()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Creates a session. Errors: `already_exists` where the id or the `(scope, key)` is taken. */
  async createSession(session?: NewSession, waits?: Waits): Promise<Session> {
    const [now, given] = [this.#engine.now(), newSession(session)];
    return toSession(await this.#write(() => this.#run("create_session", given, now), waitsOf(waits)));
  }

  /** The session with that id; null where there is none. */
  async getSession(id: string): Promise<Session | null> {
    return orNull(this.#read("get_session", () => JSON.stringify([text(id, "id")])), toSession);
  }

  /** The session with that key in that scope; null where there is none. */
  async getSessionByKey(scope: string, key: string): Promise<Session | null> {
    return orNull(this.#read("get_session_by_key", () => JSON.stringify([text(scope, "scope"), text(key, "key")])), toSession);
  }

  /**
   * The session with that `(scope, key)` — or, where no key is given, with that id — as it is; a new one where there is none. Of many
   * concurrent callers exactly one creates.
   */
  async getOrCreateSession(session: NewSession, waits?: Waits): Promise<Session> {
    const [now, given] = [this.#engine.now(), newSession(session)];
    return toSession(await this.#write(() => this.#run("get_or_create_session", given, now), waitsOf(waits)));
  }

  /** The scope's latest session, if it was active less than `idle` ago and its status is not final; else a new one. */
  async resumeSession(scope: string, resume: Omit<ResumeOptions, "scope"> = {}, waits?: Waits): Promise<Session> {
    const [now, given] = [this.#engine.now(), resumption(scope, resume)];
    return toSession(await this.#write(() => this.#run("resume_session", given, now), waitsOf(waits)));
  }

  /** Sessions as whole records, a page at a time. In one traversal by cursors nothing comes twice. */
  async listSessions(query?: SessionQuery): Promise<Page<Session>> {
    return toSessions(this.#read("list_sessions", () => sessionQuery(query)));
  }

  /** Changes a session; what is not given stays. Errors: `not_found`, `invalid_transition`, `conflict`. */
  async updateSession(id: string, update: SessionUpdate, waits?: Waits): Promise<Session> {
    const [now, given] = [this.#engine.now(), sessionUpdate(text(id, "id"), update)];
    return toSession(await this.#write(() => this.#run("update_session", given, now), waitsOf(waits)));
  }

  /** Makes the session active now. Errors: `not_found`. */
  async touchSession(id: string, waits?: Waits): Promise<Session> {
    const [now, given] = [this.#engine.now(), JSON.stringify([text(id, "id")])];
    return toSession(await this.#write(() => this.#run("touch_session", given, now), waitsOf(waits)));
  }

  /** Deletes a session with its messages, if there is such a session. With `erase` also their bytes are removed from the store's file, or the answer says what still holds them. */
  async deleteSession(id: string, deletion?: { readonly erase?: boolean | undefined } & Waits): Promise<Deletion> {
    const now = this.#engine.now();
    const given = options(deletion, "options", ["erase", "signal"]);
    const [named, erase, signal] = [text(id, "id"), flag(given.erase, "erase") ?? false, signalOf(given.signal)];
    const wire = JSON.stringify([named, erase]);
    return this.#engine.writes(async (settle) => {
      const [deleted, reason] = JSON.parse(await settle(() => this.#run("delete_session", wire, now))) as [0 | 1, string?];
      if (!erase) return { deleted: deleted === 1, erasure: null, reason: null };
      const held = this.#engine.isKept ? await this.#engine.erase() : reason === "" ? undefined : reason;
      return { deleted: deleted === 1, erasure: held === undefined ? "complete" : "pending", reason: held ?? null };
    }, signal);
  }

  /** Deletes the sessions whose last activity is longer ago than `olderThan`, in short transactions; with `dryRun` only counts them. */
  async cleanupSessions(query?: CleanupQuery & Waits): Promise<Cleanup> {
    const [now, given, signal] = [this.#engine.now(), cleanupQuery(query, ["signal"]), signalOf(query?.signal)];
    const steps = this.#engine.call(() => this.#handle.core.begin_cleanup(now, given));
    const total = { sessions: 0, messages: 0 };
    try {
      for (;;) {
        const done = await this.#writeAlone(() => this.#boxes.text(this.#handle.core.cleanup_step(steps)), signal);
        if (done === "null") return total;
        const [sessions, messages] = JSON.parse(done) as [number, number];
        total.sessions += sessions;
        total.messages += messages;
      }
    } finally {
      this.#engine.runtime.free(steps);
    }
  }

  /** Saves one message. Never refuses on account of others' writes; with a dedup key it is safe to retry. Errors: `not_found`, `conflict`. */
  async saveMessage(sessionId: string, message: NewMessage, saveOptions?: Omit<SaveOptions, "update">): Promise<Message> {
    const now = this.#engine.now();
    const given = options(saveOptions, "options", ["expectedRevision", "signal"]);
    const [id, said, signal] = [text(sessionId, "sessionId"), newMessage(message), signalOf(given.signal)];
    const expected = optionalWhole(given.expectedRevision, "expectedRevision");
    const saved = this.#save(id, [said], expected, "", now, signal, (at) => this.#boxes.saved(at, 0));
    // What is done already is not waited for.
    return savedMessage(said, saved instanceof Promise ? await saved : saved);
  }

  /** Saves messages in order, all or none, and with them, in the same transaction, a change of the session where one is given. */
  async saveMessages(sessionId: string, messages: readonly NewMessage[], saveOptions?: SaveOptions): Promise<Message[]> {
    const now = this.#engine.now();
    const given = options(saveOptions, "options", ["expectedRevision", "update", "signal"]);
    if (!isList(messages, "messages")) throw invalid("messages must be a list", "messages");
    const [id, said, signal] = [text(sessionId, "sessionId"), Array.from(messages, (each) => newMessage(each as NewMessage)), signalOf(given.signal)];
    const expected = optionalWhole(given.expectedRevision, "expectedRevision");
    return this.#save(id, said, expected, savedUpdate(given.update), now, signal, (at) => said.map((each, i) => savedMessage(each, this.#boxes.saved(at, i))));
  }

  #save<T>(id: string, said: readonly Said[], expected: number | null, update: string, now: number, signal: AbortSignal | undefined, saved: (at: number) => T): T | Promise<T> {
    return this.#write(() => {
      this.#boxes.say(id, update, said);
      return saved(this.#handle.core.save_messages(now, said.length, expected ?? -1));
    }, signal, charactersOf(said));
  }

  /** Saves a message of role `system` that stands for earlier ones. */
  async saveSummary(sessionId: string, summary: ContentInput, saveOptions?: { readonly tokenCount?: number | undefined } & Waits): Promise<Message> {
    const now = this.#engine.now();
    const given = options(saveOptions, "options", ["tokenCount", "signal"]);
    const [id, said, signal] = [text(sessionId, "sessionId"), content(summary), signalOf(given.signal)];
    const wire = JSON.stringify([id, said.body, said.isJson, optionalWhole(given.tokenCount, "tokenCount")]);
    const saved = await this.#write(() => this.#boxes.messages(this.#handle.core.run("save_summary", now, wire)), signal, wire.length);
    return saved[0] as Message;
  }

  /** Messages of a session, oldest first. Errors: `not_found`. */
  async getMessages(sessionId: string, query?: MessageQuery): Promise<Message[]> {
    this.#engine.check();
    const [id, given] = [text(sessionId, "sessionId"), messageQuery(query)];
    return this.#boxes.messages(this.#engine.call(() => this.#handle.core.get_messages(id, given)));
  }

  /** Messages of a session one by one, oldest first: for long histories. It ends at the last message that was there at the start. */
  async *streamMessages(sessionId: string, query?: Omit<MessageQuery, "last"> & Waits): AsyncGenerator<Message, void, undefined> {
    this.#engine.check();
    const [id, given, signal] = [text(sessionId, "sessionId"), messageQuery(query, ["signal"]), signalOf(query?.signal)];
    if ((query as MessageQuery | undefined)?.last !== undefined) throw invalid("a stream goes forward; use getMessages for the last messages, or after", "last");
    const stream = this.#engine.call(() => this.#handle.core.stream_messages(id, given));
    try {
      for (;;) {
        signal?.throwIfAborted();
        const page = this.#boxes.messages(this.#engine.call(() => stream.next_page(STREAM_PAGE)));
        if (page.length === 0) return;
        yield* page;
      }
    } finally {
      this.#engine.runtime.free(stream);
    }
  }

  /** How many messages the session has. Errors: `not_found`. */
  async countMessages(sessionId: string): Promise<number> {
    return Number(this.#read("count_messages", () => JSON.stringify([text(sessionId, "sessionId")])));
  }

  /** Removes the newest message and gives it back; null where there is none. Errors: `not_found` where there is no such session. */
  async popMessage(sessionId: string, waits?: Waits): Promise<Message | null> {
    const [now, given] = [this.#engine.now(), JSON.stringify([text(sessionId, "sessionId")])];
    const popped = await this.#write(() => this.#boxes.messages(this.#handle.core.run("pop_message", now, given)), waitsOf(waits));
    return popped[0] ?? null;
  }

  /** Deletes the messages whose `seq` is below `before`, and says how many. The preview stays. */
  async deleteMessagesBefore(sessionId: string, before: number, waits?: Waits): Promise<number> {
    const [now, given] = [this.#engine.now(), JSON.stringify([text(sessionId, "sessionId"), whole(before, "before")])];
    return Number(await this.#write(() => this.#run("delete_messages_before", given, now), waitsOf(waits)));
  }

  /** Deletes all messages of the session, and says how many. Numbers go on where they were. */
  async clearMessages(sessionId: string, waits?: Waits): Promise<number> {
    const [now, given] = [this.#engine.now(), JSON.stringify([text(sessionId, "sessionId")])];
    return Number(await this.#write(() => this.#run("clear_messages", given, now), waitsOf(waits)));
  }

  /** The context of a scope; null until it is first written. */
  async getContext(scope: string): Promise<Context | null> {
    return orNull(this.#read("get_context", () => JSON.stringify([text(scope, "scope")])), toContext);
  }

  /** Writes the context of a scope. An expected revision of 0 demands that there be none yet. Errors: `conflict`. */
  async setContext(scope: string, data: ObjectInput, contextOptions?: { readonly expectedRevision?: number | undefined } & Waits): Promise<Context> {
    const now = this.#engine.now();
    const given = options(contextOptions, "options", ["expectedRevision", "signal"]);
    const [place, json, signal] = [text(scope, "scope"), object(data, "data"), signalOf(given.signal)];
    const wire = JSON.stringify([place, json, optionalWhole(given.expectedRevision, "expectedRevision")]);
    return toContext(await this.#write(() => this.#run("set_context", wire, now), signal));
  }

  /** Merges into the context of a scope by RFC 7396, beginning with `{}` where there is none. Errors: `conflict`. */
  async mergeContext(scope: string, patch: ObjectInput, contextOptions?: { readonly expectedRevision?: number | undefined } & Waits): Promise<Context> {
    const now = this.#engine.now();
    const given = options(contextOptions, "options", ["expectedRevision", "signal"]);
    const [place, json, signal] = [text(scope, "scope"), object(patch, "patch"), signalOf(given.signal)];
    const wire = JSON.stringify([place, json, optionalWhole(given.expectedRevision, "expectedRevision")]);
    return toContext(await this.#write(() => this.#run("merge_context", wire, now), signal));
  }

  /** Deletes the context of a scope. Whether there was one. */
  async deleteContext(scope: string, waits?: Waits): Promise<boolean> {
    const [now, given] = [this.#engine.now(), JSON.stringify([text(scope, "scope")])];
    return (await this.#write(() => this.#run("delete_context", given, now), waitsOf(waits))) === "[1]";
  }

  /** Contexts by bytes of their scopes, a page at a time. */
  async listContexts(query?: ContextQuery): Promise<Page<Context>> {
    return toContexts(this.#read("list_contexts", () => contextQuery(query)));
  }

  /** Defines a lifecycle, for all programs on the data. Defining it the same way again does nothing. Errors: `conflict`. */
  async defineLifecycle(definition: LifecycleDefinition, waits?: Waits): Promise<Lifecycle> {
    const [now, given] = [this.#engine.now(), lifecycleDefinition(definition)];
    return toLifecycle(await this.#writeAlone(() => this.#run("define_lifecycle", given, now), waitsOf(waits)));
  }

  /** All lifecycles, the built-in ones included, by bytes of their names. */
  async listLifecycles(): Promise<Lifecycle[]> {
    return toLifecycles(this.#read("list_lifecycles"));
  }

  /** Whether the store is sound: what is wrong, a sentence each. Errors in what is kept show when it is opened. */
  async check(): Promise<StoreCheck> {
    const [sessions, messages, ...problems] = JSON.parse(this.#read("check")) as [number, number, ...string[]];
    return { sessions, messages, problems };
  }

  /** Everything the tenant has, as one portable archive that any store in any language reads. */
  async exportArchive(exportOptions?: ExportOptions): Promise<Export> {
    const pieces: Uint8Array[] = [];
    const report = this.#export(exportOptions, (piece) => pieces.push(piece));
    const archive = new Uint8Array(report.bytes);
    let at = 0;
    for (const piece of pieces) {
      archive.set(piece, at);
      at += piece.length;
    }
    return { archive, report };
  }

  /** As {@link Store.exportArchive}, into a stream, which is closed at the end, or aborted where it fails. The archive is of one moment. */
  async exportArchiveTo(stream: WritableStream<Uint8Array>, exportOptions?: ExportOptions): Promise<ExportReport> {
    this.#engine.check();
    if (!isFree(stream)) throw invalid("an archive is written to a WritableStream that nobody else writes to", "stream");
    const writer = stream.getWriter();
    try {
      const pieces: Uint8Array[] = [];
      const report = this.#export(exportOptions, (piece) => pieces.push(piece));
      for (const piece of pieces) {
        await writer.ready;
        await writer.write(piece);
      }
      await writer.close();
      return report;
    } catch (error) {
      await writer.abort(error).catch(() => {});
      throw error;
    }
  }

  #export(exportOptions: ExportOptions | undefined, each: (piece: Uint8Array) => void): ExportReport {
    const now = this.#engine.now();
    const given = options(exportOptions, "options", ["tolerant"]);
    const tolerant = flag(given.tolerant, "tolerant") ?? false;
    const row = JSON.parse(this.#engine.call(() => this.#boxes.text(this.#handle.core.export_archive(now, tolerant, each)))) as [number, number, number, number, number, ...string[]];
    const [sessions, messages, contexts, lifecycles, bytes, ...unreadable] = row;
    return { sessions, messages, contexts, lifecycles, bytes, unreadable };
  }

  /**
   * Brings an archive in, in one transaction; what is there already, the same in all it holds, stays. Errors: `corrupted`,
   * `unsupported_schema`; `conflict` where something of the same name is there and differs.
   */
  async importArchive(source: ArchiveSource, importOptions?: { readonly dryRun?: boolean | undefined } & Waits): Promise<ImportReport> {
    const now = this.#engine.now();
    const given = options(importOptions, "options", ["dryRun", "signal"]);
    const [dryRun, signal] = [flag(given.dryRun, "dryRun") ?? false, signalOf(given.signal)];
    const archive = this.#engine.call(() => new CoreArchive());
    try {
      for await (const piece of pieces(source, signal)) this.#engine.call(() => archive.push(piece));
      const imported = await this.#writeAlone(() => this.#boxes.text(this.#handle.core.import_archive(now, archive, dryRun)), signal);
      const [sessions, messages, contexts, lifecycles, unchanged, bytes] = JSON.parse(imported) as [number, number, number, number, number, number];
      return { sessions, messages, contexts, lifecycles, unchanged, bytes };
    } finally {
      this.#engine.runtime.free(archive);
    }
  }

  /** How much there is in the store. */
  async stats(): Promise<Stats> {
    const [sessions, messages, contexts] = JSON.parse(this.#read("stats")) as [number, number, number];
    return { sessions, messages, contexts, bytes: await this.#engine.size() };
  }

  /** Copies the whole store, all tenants, to a new file that only its owner can read (Node). Errors: `already_exists`; `unsupported` where there are no files. */
  async backup(path: string): Promise<void> {
    this.#engine.check();
    await this.#engine.backup(text(path, "path"));
  }

  get #boxes(): Boxes {
    return this.#engine.runtime.boxes;
  }

  /** Runs an operation of the core with its arguments as a JSON list. Back comes JSON text. */
  #run(operation: string, given: string, now: number): string {
    return this.#boxes.text(this.#handle.core.run(operation, now, given));
  }

  /** A read; it needs no time. */
  #read(operation: string, given = (): string => "[]"): string {
    this.#engine.check();
    const wire = given();
    return this.#engine.call(() => this.#run(operation, wire, 0));
  }

  /** A write that may be prepared again; see {@link Engine.write}. */
  #write<T>(work: () => T, signal: AbortSignal | undefined, characters?: number): T | Promise<T> {
    return this.#engine.write(this.#handle.tenant, work, signal, characters);
  }

  /** A write in a turn of its own: one that cannot be prepared twice, or defines what others rely on. */
  #writeAlone<T>(work: () => T, signal: AbortSignal | undefined): Promise<T> {
    return this.#engine.writes((settle) => settle(work), signal);
  }
}

/** Whether it is a stream that can be written to and is nobody else's. Some things throw when they are asked what they are. */
function isFree(stream: unknown): boolean {
  try {
    return stream instanceof WritableStream && !stream.locked;
  } catch {
    return false;
  }
}

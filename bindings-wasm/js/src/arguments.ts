/** What an application gives: looked at by name and type here, by meaning in the core. */
import { invalid, shortened } from "./errors.js";
import { encode, fitting, isList, isWellFormed, JsonText } from "./json.js";
import type { Said } from "./records.js";
import type { CleanupQuery, ContextQuery, LifecycleDefinition, MessageQuery, NewMessage, NewSession, ResumeOptions, SessionQuery, SessionUpdate, Waits } from "./types.js";

type Wire = string | number | boolean | null | readonly Wire[];

/** How long a name of something may be here. How long exactly is looked at in the core; what is huge would use up the memory there. */
const LONGEST = 1 << 20;

/** The argument, which must be a text. */
export function text(value: unknown, what: string, argument = what): string {
  if (typeof value !== "string") throw invalid(`the ${what} must be a text`, argument);
  if (value.length > LONGEST) throw invalid(`the ${what} has ${value.length} characters, which is far too many`, argument);
  if (!isWellFormed(value)) throw invalid(`the ${what} holds half of a surrogate pair`, argument);
  return value;
}

const optionalText = (value: unknown, what: string): string | null => (value === undefined ? null : text(value, what));

/** A whole number from 0 to 2^53 − 1. */
export function whole(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(`the ${what} must be a whole number from 0 to 2^53 - 1`, what);
  }
  return value;
}

export const optionalWhole = (value: unknown, what: string): number | null => (value === undefined ? null : whole(value, what));

/** A span of milliseconds. */
export function span(value: unknown, what: string): number | null {
  if (value === undefined) return null;
  if (typeof value !== "number" || Number.isNaN(value) || value < 0) throw invalid(`the ${what} must be a number of milliseconds, not negative`, what);
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER);
}

function time(value: unknown, what: string): number | null {
  return value === undefined ? null : moment(value, what);
}

const tagOf = (value: unknown): string => Object.prototype.toString.call(value) as string;

/** Milliseconds of a date. */
export function moment(value: unknown, what: string): number {
  const millis = millisOf(value);
  if (Number.isNaN(millis)) throw invalid(`the ${what} must be a valid Date`, what);
  return millis;
}

/** NaN where it is no date; past all that may have been put over it. */
function millisOf(value: unknown): number {
  try {
    return Date.prototype.getTime.call(value);
  } catch {
    return Number.NaN;
  }
}

export function flag(value: unknown, what: string): boolean | null {
  if (value === undefined) return null;
  if (typeof value !== "boolean") throw invalid(`the ${what} must be true or false`, what);
  return value;
}

export function texts(value: unknown, what: string): string[] {
  if (!isList(value, what)) throw invalid(`the ${what} must be a list of texts`, what);
  return Array.from(value, (each) => text(each, what));
}

/** The text of a JSON object; that it is one is looked at in the core. */
export function object(value: unknown, what: string): string {
  if (typeof value !== "object" || value === null || isList(value, what)) throw invalid(`the ${what} is no JSON object`, what);
  return encode(value, what);
}

const optionalObject = (value: unknown, what: string): string | null => (value === undefined ? null : object(value, what));

/** The options, which must be an object with no other names than these: a misspelt one must not be passed over. */
export function options<T extends object>(value: T | undefined, what: string, names: readonly (keyof T & string)[]): Partial<T> {
  if (value === undefined) return {};
  // Maps, dates, signals and the like have no members of their own: nothing that they were meant to say would be heard.
  if (typeof value !== "object" || value === null || isList(value, what) || tagOf(value) !== "[object Object]") throw invalid(`the ${what} must be an object with named members`, what);
  for (const name of Object.keys(value)) {
    if (!names.includes(name as keyof T & string)) throw invalid(`the ${what} has no ${JSON.stringify(shortened(name))}; it has ${names.join(", ")}`, shortened(name));
  }
  return value;
}

/** A signal, also of another realm. What only looks like one, such as an `AbortController`, would never end a wait. */
export function signalOf(value: unknown): AbortSignal | undefined {
  if (value === undefined || (!isList(value, "signal") && value instanceof AbortSignal)) return value;
  const given = value as Partial<AbortSignal> | null;
  const isSignal = typeof given === "object" && typeof given?.aborted === "boolean" && typeof given.throwIfAborted === "function" && typeof given.addEventListener === "function" && typeof given.removeEventListener === "function";
  if (!isSignal) throw invalid("the signal must be an AbortSignal, such as that of an AbortController", "signal");
  return given as AbortSignal;
}

/** The signal of what an operation takes that takes nothing else. */
export function waitsOf(value: Waits | undefined): AbortSignal | undefined {
  return value === undefined ? undefined : signalOf(options(value, "options", ["signal"]).signal);
}

const newSessionNames = ["id", "key", "owner", "lifecycle", "status", "metadata", "createdAt"] as const;

export function newSession(value: NewSession | undefined): string {
  return sessionRow(options(value, "session", ["scope", ...newSessionNames]));
}

/** What `resumeSession` takes. */
export function resumption(scope: string, value: Omit<ResumeOptions, "scope"> | undefined): string {
  const given = options(value, "options", ["idle", ...newSessionNames]);
  return sessionRow({ ...given, scope }, span(given.idle, "idle"));
}

function sessionRow(given: NewSession, ...after: readonly Wire[]): string {
  return JSON.stringify([
    optionalText(given.id, "id"), optionalText(given.scope, "scope"), optionalText(given.key, "key"), optionalText(given.owner, "owner"),
    optionalText(given.lifecycle, "lifecycle"), optionalText(given.status, "status"), optionalObject(given.metadata, "metadata"), time(given.createdAt, "createdAt"),
    ...after,
  ] satisfies Wire);
}

export function sessionQuery(value: SessionQuery | undefined): string {
  const given = options(value, "query", ["scope", "scopePrefix", "owner", "status", "order", "limit", "cursor"]);
  return JSON.stringify([
    optionalText(given.scope, "scope"), optionalText(given.scopePrefix, "scope"), optionalText(given.owner, "owner"), optionalText(given.status, "status"),
    optionalText(given.order, "order"), optionalWhole(given.limit, "limit"), optionalText(given.cursor, "cursor"),
  ] satisfies Wire);
}

function update(value: SessionUpdate | undefined, more: readonly string[] = []): Wire[] {
  const given = options(value, "update", ["status", "owner", "metadata", "mergeMetadata", "expectedRevision", ...(more as [])]);
  const owner = given.owner === undefined ? null : given.owner === null ? [] : [text(given.owner, "owner")];
  return [
    optionalText(given.status, "status"), owner, optionalObject(given.metadata, "metadata"), optionalObject(given.mergeMetadata, "metadata"),
    optionalWhole(given.expectedRevision, "expectedRevision"),
  ];
}

export const sessionUpdate = (id: string, value: SessionUpdate | undefined): string => JSON.stringify([id, ...update(value)]);

export function cleanupQuery(value: CleanupQuery | undefined, more: readonly string[] = []): string {
  const given = options(value, "query", ["olderThan", "scope", "status", "dryRun", ...(more as [])]);
  return JSON.stringify([span(given.olderThan, "olderThan"), optionalText(given.scope, "scope"), optionalText(given.status, "status"), flag(given.dryRun, "dryRun")] satisfies Wire);
}

/** A content as it goes in: the text itself, or JSON text. */
export function content(value: unknown): { body: string; isJson: boolean } {
  if (typeof value === "string" && isWellFormed(fitting(value, "content"))) return { body: value, isJson: false };
  return { body: encode(value, "content"), isJson: true };
}

const newMessageNames = ["role", "content", "tokenCount", "isSummary", "dedupKey", "createdAt"] as const;

/** A message to save. */
export function newMessage(value: NewMessage): Said {
  if (value === undefined) throw invalid("a message is missing", "message");
  const given = options(value, "message", newMessageNames);
  const { body, isJson } = content(given.content);
  const dedupKey = optionalText(given.dedupKey, "dedupKey");
  const [tokens, isSummary, at] = [optionalWhole(given.tokenCount, "tokenCount"), flag(given.isSummary, "isSummary"), time(given.createdAt, "createdAt")];
  const isPlain = tokens === null && isSummary === null && dedupKey === null && at === null;
  return { role: text(given.role, "role"), body, isJson, dedupKey, rest: isPlain ? "" : JSON.stringify([tokens, isSummary, dedupKey, at]) };
}

/** What a save changes of its session; empty where it is nothing. */
export const savedUpdate = (value: SessionUpdate | undefined): string => (value === undefined ? "" : JSON.stringify(update(value)));

export function messageQuery(value: MessageQuery | undefined, more: readonly string[] = []): string {
  if (value === undefined) return "";
  const given = options(value, "query", ["after", "before", "since", "limit", "last", "roles", "summaries", ...(more as [])]);
  return JSON.stringify([
    optionalWhole(given.after, "after"), optionalWhole(given.before, "before"), time(given.since, "since"), optionalWhole(given.limit, "limit"),
    optionalWhole(given.last, "last"), flag(given.summaries, "summaries"), given.roles === undefined ? null : texts(given.roles, "roles"),
  ] satisfies Wire);
}

export function contextQuery(value: ContextQuery | undefined): string {
  const given = options(value, "query", ["scopePrefix", "limit", "cursor"]);
  return JSON.stringify([optionalText(given.scopePrefix, "scope"), optionalWhole(given.limit, "limit"), optionalText(given.cursor, "cursor")] satisfies Wire);
}

export function lifecycleDefinition(value: LifecycleDefinition): string {
  if (value === undefined) throw invalid("the definition is missing", "definition");
  const given = options(value, "lifecycle", ["name", "initial", "statuses", "moves", "finalStatuses"]);
  const noPairs = (): Error => invalid("moves must be a list of pairs", "moves");
  const moves: unknown = given.moves ?? [];
  if (!isList(moves, "moves")) throw noPairs();
  const [name, initial, finalStatuses] = [text(given.name, "name"), text(given.initial, "initial"), texts(given.finalStatuses ?? [], "finalStatuses")];
  const pairs = Array.from(moves, (move) => {
    if (!isList(move, "moves") || move.length !== 2) throw noPairs();
    return texts(move, "moves");
  }).flat();
  const statuses = given.statuses === undefined ? null : texts(given.statuses, "statuses");
  return JSON.stringify([name, initial, statuses, pairs, finalStatuses] satisfies Wire);
}

export { JsonText };

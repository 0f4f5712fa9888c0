/** The code of an error: the contract, the same in Rust, Python and JavaScript. Newer versions may know more. */
export type ErrorCode =
  | "not_found"
  | "already_exists"
  | "invalid_argument"
  | "invalid_transition"
  | "conflict"
  | "busy"
  | "closed"
  | "read_only"
  | "permission_denied"
  | "disk_full"
  | "corrupted"
  | "unsupported_schema"
  | "unsupported"
  | "lock_lost"
  | "unknown_outcome"
  | "poisoned"
  | "reentrant"
  | "forked"
  | "storage";

/** Names and values that belong to an error's message, such as `session_id` or `revision`. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** A failed operation. Every error of this package is one; match on {@link ConvostoreError.code} or on the class. No content of a message is in it. */
export class ConvostoreError extends Error {
  /** What kind of thing went wrong. */
  readonly code: ErrorCode | (string & {});
  /** Names and values that belong to the message. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode | (string & {}), message: string, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.details = details;
    // V8 keeps what ran, and on what objects, until a stack is read for the first time: who holds the error would hold the store.
    for (const error of [this, options?.cause]) if (error instanceof Error) void error.stack;
  }
}

/** `not_found`: the session, or whatever else was named, does not exist. */
export class NotFoundError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "NotFoundError" }); }
}
/** `already_exists`: the id or the `(scope, key)` of a session to create is taken. */
export class AlreadyExistsError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "AlreadyExistsError" }); }
}
/** `invalid_argument`: an argument is outside what is allowed; the message says which and what is allowed. */
export class InvalidArgumentError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "InvalidArgumentError" }); }
}
/** `invalid_transition`: the session's lifecycle does not allow this change of status. */
export class InvalidTransitionError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "InvalidTransitionError" }); }
}
/** `conflict`: the revision demanded is not the present one, or a dedup key came back with another content, or a name is defined differently. */
export class ConflictError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "ConflictError" }); }
}
/** `busy`: another process has the file open. Nothing was changed. */
export class BusyError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "BusyError" }); }
}
/** `closed`: the store was closed. */
export class ClosedError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "ClosedError" }); }
}
/** `read_only`: the file system may not be written. */
export class ReadOnlyError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "ReadOnlyError" }); }
}
/** `permission_denied`: a file or folder may not be opened, made or read. */
export class PermissionDeniedError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "PermissionDeniedError" }); }
}
/** `disk_full`: there is no space, or no quota, left for a write. Nothing was changed. */
export class DiskFullError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "DiskFullError" }); }
}
/** `corrupted`: the file or archive is damaged. */
export class CorruptedError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "CorruptedError" }); }
}
/** `unsupported_schema`: the file, database or archive was written by a newer version, or is of another program. */
export class UnsupportedSchemaError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "UnsupportedSchemaError" }); }
}
/** `unsupported`: this platform, or this kind of store, does not have the operation. */
export class UnsupportedError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "UnsupportedError" }); }
}
/** `lock_lost`: somebody else wrote to the store's file in spite of the lock. The write was not made; open the store again. */
export class LockLostError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "LockLostError" }); }
}
/** `unknown_outcome`: the storage failed so that it cannot be told whether the write was made. Open the store again; a retry with the same dedup key settles it. */
export class UnknownOutcomeError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "UnknownOutcomeError" }); }
}
/** `poisoned`: an earlier defect, or a lack of memory, left this instance of WebAssembly unusable, and all stores in it. What was kept opens again in a new one, with {@link Store.open}. */
export class PoisonedError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "PoisonedError" }); }
}
/** `reentrant`: a clock or an id source called back into the store that was calling it. */
export class ReentrantError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "ReentrantError" }); }
}
/** `forked`: only other languages give it. */
export class ForkedError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "ForkedError" }); }
}
/** `storage`: any other failure of the storage below. */
export class StorageError extends ConvostoreError {
  static { Object.defineProperty(this, "name", { value: "StorageError" }); }
}

const classes: Readonly<Record<ErrorCode, typeof ConvostoreError>> = {
  not_found: NotFoundError,
  already_exists: AlreadyExistsError,
  invalid_argument: InvalidArgumentError,
  invalid_transition: InvalidTransitionError,
  conflict: ConflictError,
  busy: BusyError,
  closed: ClosedError,
  read_only: ReadOnlyError,
  permission_denied: PermissionDeniedError,
  disk_full: DiskFullError,
  corrupted: CorruptedError,
  unsupported_schema: UnsupportedSchemaError,
  unsupported: UnsupportedError,
  lock_lost: LockLostError,
  unknown_outcome: UnknownOutcomeError,
  poisoned: PoisonedError,
  reentrant: ReentrantError,
  forked: ForkedError,
  storage: StorageError,
};

/** An error of the class that belongs to the code; of the root class where this version does not know the code. */
export function errorOf(code: string, message: string, details?: ErrorDetails, cause?: unknown): ConvostoreError {
  const known = Object.hasOwn(classes, code) ? classes[code as ErrorCode] : ConvostoreError;
  return new known(code, message, details, cause === undefined || cause === null ? undefined : { cause });
}

/** So much of what a caller gave as an error repeats: it may be of any length. */
export function shortened(given: string, most = 64): string {
  return given.length > most ? `${given.slice(0, most)}…` : given;
}

export function invalid(message: string, argument?: string): ConvostoreError {
  return errorOf("invalid_argument", message, argument === undefined ? {} : { argument });
}

/** Names of operations and arguments that sentences of the core may hold, or what stands in quotes. */
const NAMES =
  /"(?:[^"\\]|\\.)*"|\b(?:(?:create|get_or_create|resume)_session|get_messages|define_lifecycle|(?:created|active|updated)_at|dedup_key|expected_revision|merge_metadata|next_cursor|scope_prefix|session_id|token_count|final_statuses)\b/g;

/** A sentence of the core with names as JavaScript has them; what it quotes is the caller's, and stays. */
function named(message: string): string {
  return message.replace(NAMES, (found) => (found.startsWith('"') ? found : found.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())));
}

/** The error that the Rust side threw as JSON text. */
export function errorFromWire(wire: string): ConvostoreError {
  const [code, message, cause, ...rest] = JSON.parse(wire) as [string, string, string | null, ...(string | number | boolean | null)[]];
  const details: Record<string, string | number | boolean | null> = {};
  for (let i = 0; i + 1 < rest.length; i += 2) details[String(rest[i])] = rest[i + 1] ?? null;
  if (typeof details.argument === "string") details.argument = named(details.argument);
  return errorOf(code, named(message), details, cause === null ? undefined : new Error(cause));
}

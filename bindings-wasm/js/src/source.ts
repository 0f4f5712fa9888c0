/** Where an archive is read from. */
import { invalid } from "./errors.js";
import { isList } from "./json.js";
import { abortable } from "./signals.js";
import type { ArchiveSource } from "./types.js";

/** What gives pieces one by one. */
interface Source {
  next(): Promise<{ done?: boolean | undefined; value?: unknown }>;
  /** Lets go of it before its end. */
  stop(reason: unknown): Promise<unknown>;
}

/** The pieces of an archive. A signal ends the wait for the next one, whatever has become of the source. */
export async function* pieces(source: ArchiveSource, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const given: unknown = source;
  if (isList(given, "archive")) throw noSource();
  const whole = bytesIn(given);
  if (whole !== undefined) return yield whole;
  const from = sourceOf(given);
  let isEnded = false;
  try {
    for (;;) {
      const { done, value } = await next(from, signal);
      if (done === true) {
        isEnded = true;
        return;
      }
      yield bytesOf(value);
    }
  } finally {
    // Not waited for: it may never come to an end.
    if (!isEnded) void from.stop(signal?.reason).catch(() => {});
  }
}

async function next(from: Source, signal: AbortSignal | undefined): ReturnType<Source["next"]> {
  signal?.throwIfAborted();
  return abortable(from.next(), signal);
}

function sourceOf(given: unknown): Source {
  if (typeof given !== "object" || given === null) throw noSource();
  if (typeof Blob !== "undefined" && given instanceof Blob) return streamed(genuine(() => given.stream()));
  if (typeof ReadableStream !== "undefined" && given instanceof ReadableStream) return streamed(given);
  const iterate = (given as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator];
  if (typeof iterate !== "function") throw noSource();
  const iterator = iterate.call(given);
  return { next: async () => iterator.next(), stop: async () => iterator.return?.() };
}

/** Not every browser can iterate over a stream. */
function streamed(stream: ReadableStream<unknown>): Source {
  if (genuine(() => stream.locked)) throw invalid("somebody else reads the stream of the archive already", "archive");
  const reader = stream.getReader();
  return { next: () => reader.read(), stop: (reason) => reader.cancel(reason) };
}

function bytesOf(piece: unknown): Uint8Array {
  const bytes = ArrayBuffer.isView(piece) ? bytesIn(piece) : undefined;
  if (bytes === undefined) throw invalid("the stream of an archive must give Uint8Arrays", "archive");
  return bytes;
}

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getterOf = (prototype: object, name: PropertyKey): (() => unknown) => Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown;
const [kindOf, bufferOf, offsetOf, lengthOf] = [Symbol.toStringTag, "buffer", "byteOffset", "byteLength"].map((name) => getterOf(typedArray, name)) as [() => unknown, () => ArrayBuffer, () => number, () => number];
const sizeOf = getterOf(ArrayBuffer.prototype, "byteLength");

/**
 * The bytes of a `Uint8Array` or an `ArrayBuffer`, also of another realm; nothing where it is none. It is asked what it is past all that a subclass
 * or a proxy may have put before it: WebAssembly would not survive what only looks like bytes.
 */
function bytesIn(given: unknown): Uint8Array | undefined {
  try {
    if (ArrayBuffer.isView(given)) return kindOf.call(given) === "Uint8Array" ? new Uint8Array(bufferOf.call(given), offsetOf.call(given), lengthOf.call(given)) : undefined;
    sizeOf.call(given);
    return new Uint8Array(given as ArrayBuffer);
  } catch {
    return undefined; // no buffer, or one that was given away
  }
}

/** What is to be had of a blob or a stream. What only looks like one throws when it is asked for anything. */
function genuine<T>(ask: () => T): T {
  try {
    return ask();
  } catch {
    throw noSource();
  }
}

const noSource = (): Error => invalid("an archive is given as bytes, a Blob or a stream of bytes", "archive");

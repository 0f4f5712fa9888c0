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
  if (given instanceof Uint8Array) return yield given;
  if (given instanceof ArrayBuffer) return yield new Uint8Array(given);
  const from = sourceOf(typeof Blob !== "undefined" && given instanceof Blob ? given.stream() : given);
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
  if (typeof ReadableStream !== "undefined" && given instanceof ReadableStream) return streamed(given);
  if (typeof given !== "object" || given === null) throw noSource();
  const iterate = (given as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator];
  if (typeof iterate !== "function") throw noSource();
  const iterator = iterate.call(given);
  return { next: async () => iterator.next(), stop: async () => iterator.return?.() };
}

/** Not every browser can iterate over a stream. */
function streamed(stream: ReadableStream<unknown>): Source {
  if (stream.locked) throw invalid("somebody else reads the stream of the archive already", "archive");
  const reader = stream.getReader();
  return { next: () => reader.read(), stop: (reason) => reader.cancel(reason) };
}

function bytesOf(piece: unknown): Uint8Array {
  if (!isList(piece, "archive") && piece instanceof Uint8Array) return piece;
  throw invalid("the stream of an archive must give Uint8Arrays", "archive");
}

const noSource = (): Error => invalid("an archive is given as bytes, a Blob or a stream of bytes", "archive");

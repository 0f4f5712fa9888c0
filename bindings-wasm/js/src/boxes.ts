/** What crosses as bytes, in the memory of WebAssembly; `src/boxes.rs` is the other side. */
import { invalid } from "./errors.js";
import { charactersOf, messageRecord, type Said, type Saved } from "./records.js";
import type { Message } from "./types.js";
import { clear_outbox, inbox, outbox_length } from "./web/core.js";

/** The inbox is at least so large. */
const SMALLEST = 1 << 14;
/** What is larger is given back at once. */
const LASTING = 1 << 16;
/** A longer text is encoded beforehand, so that not three bytes are held ready for each of its characters. */
const LONG = 1 << 14;
/** So many bytes are saved at once. */
const MOST = 1 << 29;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const tooMuch = (): Error => invalid(`the messages have more than ${MOST} bytes together; save them in several calls`, "messages");

/** The boxes of one instance. What is read is read at once: the next call puts another answer into the outbox. */
export class Boxes {
  readonly #memory: WebAssembly.Memory;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  /** The inbox from its first text on. */
  #first = this.#bytes;
  /** Where the inbox is, and how large. */
  #inbox = 0;
  #size = 0;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  /** Writes what is said into the inbox: for `Saying::take`. */
  say(sessionId: string, update: string, messages: readonly Said[]): void {
    if (charactersOf(messages) > MOST) throw tooMuch();
    const [first] = messages;
    let at = first === undefined ? this.#head(sessionId, update) : this.#message(8, sessionId, update, first);
    for (let i = 1; i < messages.length; i++) at = this.#message(at, "", "", messages[i] as Said);
    if (this.#size > LASTING) this.#size = 0;
  }

  /** Where there are no messages, what is before them is all. */
  #head(sessionId: string, update: string): number {
    const length = this.#put(8, sessionId);
    return this.#lengths(0, length, this.#put(8 + length, update));
  }

  /** A message at a place in the inbox, and before its texts those that lead the first one; back comes where the next one is. */
  #message(at: number, sessionId: string, update: string, { role, body, rest, isJson }: Said): number {
    // All at once: what is ASCII, as most is, has as many bytes as characters, and so the lengths of its parts are known.
    const text = sessionId + update + role + body + rest;
    const written = this.#put(at + 16, text);
    const isAscii = written === text.length;
    const end = at + 16 + written;
    const length = (part: string): number => (isAscii ? part.length : this.#put(end, part));
    const [a, b, c, d] = [length(sessionId), length(update), length(role), length(rest)];
    if (at === 8) this.#lengths(0, a, b);
    this.#lengths(at, c, written - a - b - c - d);
    this.#lengths(at + 8, d, isJson ? 1 : 0);
    return end;
  }

  /** What became of a message that was saved, the `i`-th of its call. */
  saved(at: number, i: number): Saved {
    const view = this.#look();
    const row = at + 32 * i;
    const tokens = view.getFloat64(row + 16, true);
    return { seq: view.getFloat64(row, true), createdAt: view.getFloat64(row + 8, true), tokenCount: tokens < 0 ? null : tokens, isSummary: view.getFloat64(row + 24, true) === 1 };
  }

  /** A page of messages. */
  messages(page: number): Message[] {
    const view = this.#look();
    const count = view.getUint32(page, true);
    let at = page + 4;
    const text = (length: number): string => decoder.decode(this.#bytes.subarray(at, (at += length)));
    const roles: string[] = [];
    const messages: Message[] = [];
    for (let i = 0; i < count; i++) {
      const row = at;
      at += 40;
      const [key, role, flags, tokens] = [view.getUint32(row + 28, true), view.getUint32(row + 32, true), view.getUint32(row + 36, true), view.getFloat64(row + 16, true)];
      if (role === roles.length) {
        at += 4;
        roles.push(text(view.getUint32(at - 4, true)));
      }
      const body = text(view.getUint32(row + 24, true));
      messages.push(messageRecord(
        view.getFloat64(row, true), view.getFloat64(row + 8, true), roles[role] as string, body, (flags & 1) !== 0,
        tokens < 0 ? null : tokens, (flags & 2) !== 0, key === 0 ? null : text(key - 1),
      ));
    }
    if (at - page > LASTING) clear_outbox();
    return messages;
  }

  /** An answer that is a text. */
  text(at: number): string {
    const length = outbox_length();
    this.#look();
    const text = decoder.decode(this.#bytes.subarray(at, at + length));
    if (length > LASTING) clear_outbox();
    return text;
  }

  /** Writes a text to a place in the inbox; says how many bytes it has. */
  #put(at: number, text: string): number {
    if (text.length > LONG) {
      const bytes = encoder.encode(text);
      this.#room(at + bytes.length);
      this.#bytes.set(bytes, this.#inbox + at);
      return bytes.length;
    }
    if (text === "") return 0;
    const end = at + text.length * 3;
    this.#room(end);
    // Of the first texts of all, which alone there are where one message is saved, a view is there already.
    const place = at === 24 ? this.#first : this.#bytes.subarray(this.#inbox + at, this.#inbox + end);
    return encoder.encodeInto(text, place).written;
  }

  #lengths(at: number, first: number, second: number): number {
    this.#view.setUint32(this.#inbox + at, first, true);
    this.#view.setUint32(this.#inbox + at + 4, second, true);
    return at + 8;
  }

  /** Makes the inbox so large at least. */
  #room(size: number): void {
    if (size > this.#size) {
      if (size > MOST) throw tooMuch();
      this.#size = Math.max(size, SMALLEST, Math.min(this.#size * 2, MOST));
      this.#inbox = inbox(this.#size);
      this.#bytes = new Uint8Array(0);
    }
    this.#look();
  }

  /** The memory as it is now: when it grows, what looked at it before sees nothing any more. */
  #look(): DataView {
    if (this.#bytes.byteLength === 0) {
      this.#bytes = new Uint8Array(this.#memory.buffer);
      this.#view = new DataView(this.#memory.buffer);
      this.#first = new Uint8Array(this.#memory.buffer, this.#inbox + 24, Math.max(this.#size - 24, 0));
    }
    return this.#view;
  }
}

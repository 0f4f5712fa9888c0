/**
 * JSON as text: contents, metadata and contexts are kept as the very text that was given, so this is where JavaScript values become text and
 * text becomes JavaScript values, and nothing is changed silently on the way.
 */
import { errorOf, invalid, shortened } from "./errors.js";

/**
 * A JSON value as it comes out: integers beyond 2^53 − 1, which a number cannot hold, are bigints.
 */
export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | { [name: string]: JsonValue };

/** A JSON object as it comes out. */
export type JsonObject = { [name: string]: JsonValue };

/** A JSON value as it goes in. */
export type JsonInput = string | number | bigint | boolean | null | readonly JsonInput[] | { readonly [name: string]: JsonInput };

/** JSON text to be kept verbatim: digits, order of members, white space and escapes. Made by {@link jsonText}. */
export class JsonText {
  /** The text. */
  readonly text: string;

  constructor(text: string) {
    if (typeof text !== "string") throw invalid("a JSON text is made of a text", "text");
    this.text = text;
  }

  /** The text. */
  toString(): string {
    return this.text;
  }
}

/** Marks a text as JSON text, to be kept verbatim instead of as a string: `content: jsonText('{"n":1.50}')`. */
export function jsonText(text: string): JsonText {
  return new JsonText(text);
}

/** How deep arrays and objects may be nested. */
const MAX_DEPTH = 128;

const halfPair = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const hasIsWellFormed = typeof ("" as { isWellFormed?: unknown }).isWellFormed === "function";

/** Whether the text has no lone surrogate, which UTF-8 cannot hold. */
export function isWellFormed(text: string): boolean {
  return hasIsWellFormed ? (text as unknown as { isWellFormed(): boolean }).isWellFormed() : !halfPair.test(text);
}

/** Whether it is a list. Proxies that were revoked are refused: whatever is asked of one throws, and nothing else throws here. */
export function isList(value: unknown, what: string): value is unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    throw invalid(`the ${what} is a proxy that was revoked`, what);
  }
}

const hasSymbols = (value: object): boolean => Object.getOwnPropertySymbols(value).some((name) => Object.prototype.propertyIsEnumerable.call(value, name));

/** What is to be said of a value: whether `JSON.stringify` writes it as it is. Throws for what is no JSON. */
function check(value: unknown, what: string, depth: number): boolean {
  switch (typeof value) {
    case "string":
      fitting(value, what);
      return true;
    case "boolean":
      return true;
    case "number":
      if (!Number.isFinite(value)) throw invalid(`the ${what} holds ${value}, which is not JSON`, what);
      return value !== 0 || !Object.is(value, -0);
    case "bigint":
      return false;
    case "object":
      break;
    default:
      throw invalid(`the ${what} holds ${typeof value === "undefined" ? "undefined" : `a ${typeof value}`}, which is not JSON; leave the member out or give null`, what);
  }
  if (value === null) return true;
  if (depth >= MAX_DEPTH) throw invalid(`the ${what} is nested deeper than ${MAX_DEPTH} levels, or contains itself`, what);
  let plain = true;
  const isArray = isList(value, what);
  // It would be written as something else, and not be looked at.
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") throw invalid(`the ${what} holds an object with a toJSON; give plain objects, arrays, texts, numbers, flags and null`, what);
  if (isArray) {
    for (let i = 0; i < value.length; i++) plain = check(value[i], what, depth + 1) && plain;
    return plain;
  }
  if (value instanceof JsonText) throw invalid(`the ${what} holds a JSON text inside another value; only a whole ${what} can be one`, what);
  if (hasSymbols(value)) throw invalid(`the ${what} holds a member that is named by a symbol, which is not JSON`, what);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
    throw invalid(`the ${what} holds an object of class ${typeof name === "string" ? shortened(name) : "?"}; give plain objects, arrays, texts, numbers, flags and null`, what);
  }
  for (const key of Object.keys(value)) plain = check((value as Record<string, unknown>)[key], what, depth + 1) && plain;
  return plain;
}

/** `JSON.stringify` for values with bigints and negative zeros. */
function stringify(value: JsonInput): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(JSON.stringify(value));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`;
  const members = value as { readonly [name: string]: JsonInput };
  return `{${Object.keys(members).map((key) => `${JSON.stringify(key)}:${stringify(members[key] as JsonInput)}`).join(",")}}`;
}

/** The JSON text of a value. Throws `invalid_argument` where JSON cannot hold it as it is. */
export function encode(value: unknown, what: string): string {
  if (!isList(value, what) && value instanceof JsonText) {
    const given: unknown = value.text;
    if (typeof given !== "string") throw invalid(`the ${what} is a JSON text without a text`, what);
    if (!isWellFormed(given)) throw invalid(`the ${what} holds half of a surrogate pair outside of an escape`, what);
    return fitting(given, what);
  }
  const isPlain = check(value, what, 0);
  try {
    return fitting(isPlain ? JSON.stringify(value) : stringify(value as JsonInput), what);
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(what); // longer than any text can be
    throw error;
  }
}

/** A value has at most so many bytes, and so at most so many characters. The core counts; this keeps from it what would use up its memory. */
const MOST = 64 << 20;
const tooLarge = (what: string): Error => invalid(`the ${what} is too large: at most ${MOST} bytes are allowed`, what);

export function fitting(json: string, what: string): string {
  if (json.length > MOST) throw tooLarge(what);
  return json;
}

const longDigits = /[0-9]{16}/;

/** The value of a JSON text that the core has checked. */
export function decode(json: string): JsonValue {
  return longDigits.test(json) ? new Decoder(json).value() : (JSON.parse(json) as JsonValue);
}

/** Reads like `JSON.parse`, but integers that a number cannot hold become bigints. */
class Decoder {
  #at = 0;
  readonly #json: string;

  constructor(json: string) {
    this.#json = json;
  }

  value(): JsonValue {
    this.#space();
    switch (this.#json[this.#at]) {
      case "{":
        return this.#object();
      case "[":
        return this.#array();
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #space(): void {
    while (" \n\r\t".includes(this.#json[this.#at] ?? "x")) this.#at++;
  }

  /** Takes the character if it comes next. */
  #take(character: string): boolean {
    this.#space();
    if (this.#json[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #object(): JsonObject {
    const object: JsonObject = {};
    this.#at++;
    if (this.#take("}")) return object;
    do {
      this.#space();
      const name = this.#string();
      if (!this.#take(":")) throw this.#broken();
      const value = this.value();
      // A plain assignment would set the prototype instead.
      if (name === "__proto__") Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
      else object[name] = value;
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#broken();
    return object;
  }

  #array(): JsonValue[] {
    const array: JsonValue[] = [];
    this.#at++;
    if (this.#take("]")) return array;
    do array.push(this.value());
    while (this.#take(","));
    if (!this.#take("]")) throw this.#broken();
    return array;
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    while (this.#json[end] !== '"') {
      if (end >= this.#json.length) throw this.#broken();
      end += this.#json[end] === "\\" ? 2 : 1;
    }
    this.#at = end + 1;
    return JSON.parse(this.#json.slice(start, end + 1)) as string;
  }

  #scalar(): JsonValue {
    const token = /^[^\s,\]}]+/.exec(this.#json.slice(this.#at, this.#at + 64)) ?? [""];
    let text = token[0];
    if (text.length === 64) text = /^[^\s,\]}]+/.exec(this.#json.slice(this.#at))?.[0] ?? text;
    this.#at += text.length;
    const value = JSON.parse(text) as JsonValue;
    return typeof value === "number" && !Number.isSafeInteger(value) && /^-?[0-9]+$/.test(text) ? BigInt(text) : value;
  }

  #broken(): Error {
    return errorOf("corrupted", "a stored JSON text cannot be read");
  }
}

/** JSON text laid out for reading: what fits on a line stays on one. Works on the text, so that digits stay as they were written. */

const WIDTH = 84;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The text laid out; null where it is not JSON, or a JSON that is not worth it: a bare string, number or word. */
export function pretty(text: string): string | null {
  if (!/^\s*[{[]/.test(text)) return null;
  try {
    JSON.parse(text);
    const tokens = text.match(TOKEN) ?? [];
    const layout = new Layout(tokens);
    return layout.value(0);
  } catch {
    // Not JSON, or nested deeper than anybody reads.
    return null;
  }
}

class Layout {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  value(indent: number): string {
    const token = this.#next();
    if (token !== "{" && token !== "[") return token.startsWith('"') ? readable(token) : token;
    const close = token === "{" ? "}" : "]";
    const entries: string[] = [];
    while (this.#tokens[this.#at] !== close) {
      if (this.#tokens[this.#at] === ",") this.#at += 1;
      if (token === "[") entries.push(this.value(indent + 2));
      else {
        const name = readable(this.#next());
        this.#at += 1;
        entries.push(`${name}: ${this.value(indent + 2)}`);
      }
    }
    this.#at += 1;
    if (entries.length === 0) return token + close;
    const length = entries.reduce((sum, entry) => sum + entry.length + 2, 2);
    if (indent + length <= WIDTH && !entries.some((entry) => entry.includes("\n"))) return token === "{" ? `{ ${entries.join(", ")} }` : `[${entries.join(", ")}]`;
    const pad = " ".repeat(indent + 2);
    return `${token}\n${entries.map((entry) => pad + entry).join(",\n")}\n${" ".repeat(indent)}${close}`;
  }

  #next(): string {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    if (token === undefined) throw new SyntaxError("the text ends too early");
    return token;
  }
}

/** Letters instead of escapes. */
function readable(token: string): string {
  return token.includes("\\u") ? JSON.stringify(JSON.parse(token)) : token;
}

/** JSON text of a value as the store decodes it, big integers included. */
export function toJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (typeof value === "object" && value !== null) return `{${Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${toJson(member)}`).join(",")}}`;
  // 1e400 is decoded to infinity, which JSON would call null.
  if (value === Infinity || value === -Infinity) return value > 0 ? "1e400" : "-1e400";
  return JSON.stringify(value) ?? "null";
}

/** Contents as agents write them, taken apart: texts, calls of tools, their results, and everything else as JSON. Knows the forms that the large libraries use. */
import type { Message } from "convostore";
import type { Part } from "../protocol.ts";
import { pretty, toJson } from "./pretty.ts";

/** How much of a part is sent at first, in characters and lines. */
export const BEGINNING = { characters: 1400, lines: 24 };
/** Instructions are long, the same in many conversations, and seldom what one came for. */
const INSTRUCTIONS = { characters: 320, lines: 4 };
const BRIEF = 90;
/** How many parts stand for themselves: more of them would fill the page, and nobody reads them one by one. */
export const MOST_PARTS = 100;
/** How much of a tool's name and of a call's id is sent, in characters. */
const NAME = 200;

type Fields = Readonly<Record<string, unknown>>;

/** A part whose text is made only when it is asked for. */
type Raw =
  | { readonly kind: "text" | "json"; readonly text: () => string }
  | { readonly kind: "call"; readonly text: () => string; readonly name: string; readonly callId: string | null }
  | { readonly kind: "result"; readonly text: () => string; readonly name: string | null; readonly callId: string | null };

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
const nameOrNull = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value.slice(0, NAME) : null);
const first = (...values: unknown[]): unknown => values.find((value) => value !== undefined && value !== null);

const text = (said: string): Raw => ({ kind: "text", text: () => said });
const json = (value: unknown): Raw => ({ kind: "json", text: () => laidOut(value) });
const call = (name: unknown, callId: unknown, input: unknown): Raw => ({ kind: "call", name: nameOrNull(name) ?? "tool", callId: nameOrNull(callId), text: () => laidOut(input ?? {}) });
const result = (name: unknown, callId: unknown, output: unknown): Raw => ({ kind: "result", name: nameOrNull(name), callId: nameOrNull(callId), text: () => laidOut(output) });

function laidOut(value: unknown): string {
  if (typeof value === "string") return pretty(value) ?? value;
  const written = toJson(value);
  return pretty(written) ?? written;
}

/** The parts of a message; where there are very many, the last one holds the texts of the rest. */
export function rawParts(message: Pick<Message, "role" | "content">): Raw[] {
  const all = allParts(message);
  if (all.length <= MOST_PARTS) return all;
  const rest = all.splice(MOST_PARTS - 1);
  const words = (): string => rest.map((raw) => ("name" in raw && raw.name !== null ? `${raw.name}: ${raw.text()}` : raw.text())).join("\n\n");
  return [...all, rest.every((raw) => raw.kind === "result") ? { kind: "result", name: null, callId: null, text: words } : { kind: "text", text: words }];
}

function allParts({ role, content }: Pick<Message, "role" | "content">): Raw[] {
  if (typeof content === "string") return [role === "tool" ? result(null, null, content) : text(content)];
  if (Array.isArray(content)) return content.flatMap((block) => fromBlock(block, role));
  if (!isFields(content)) return [json(content)];
  return fromObject(content, role);
}

function fromObject(content: Fields, role: string): Raw[] {
  // A message as the chat completions API has it.
  if (Array.isArray(content["tool_calls"])) return [...fromInner(content["content"], "assistant"), ...content["tool_calls"].map((each) => fromCall(each))];
  const isBlock = (content["type"] !== undefined && content["type"] !== "message") || content["part_kind"] !== undefined;
  if (isBlock) return fromBlock(content, role);
  if (role === "tool" || typeof content["tool_call_id"] === "string") return [result(content["name"], first(content["tool_call_id"], content["call_id"]), "content" in content ? plain(content["content"]) : content)];
  if (Array.isArray(content["parts"])) return content["parts"].flatMap((part) => fromBlock(part, role));
  if (typeof content["tool"] === "string") return [call(content["tool"], content["id"], first(content["arguments"], content["args"], content["input"]))];
  if (typeof content["role"] === "string" && "content" in content) return fromInner(content["content"], role);
  return [json(content)];
}

function fromInner(content: unknown, role: string): Raw[] {
  if (content === null || content === undefined || content === "") return [];
  if (typeof content === "string") return [text(content)];
  return Array.isArray(content) ? content.flatMap((block) => fromBlock(block, role)) : [json(content)];
}

function fromCall(value: unknown): Raw {
  if (!isFields(value)) return json(value);
  const inner = isFields(value["function"]) ? value["function"] : value;
  return call(inner["name"], first(value["id"], value["call_id"]), first(inner["arguments"], inner["args"], inner["input"]));
}

/** One block of a list: of Anthropic's messages, OpenAI's responses, Gemini's parts, Pydantic AI's parts. */
function fromBlock(block: unknown, role: string): Raw[] {
  if (typeof block === "string") return [text(block)];
  if (!isFields(block)) return [json(block)];
  switch (first(block["type"], block["part_kind"])) {
    case "tool_use":
    case "server_tool_use":
      return [call(block["name"], block["id"], block["input"])];
    case "tool_result":
      return [result(block["name"], block["tool_use_id"], plain(block["content"]))];
    case "function_call":
      return [call(block["name"], first(block["call_id"], block["id"]), block["arguments"])];
    case "function_call_output":
      return [result(block["name"], block["call_id"], plain(block["output"]))];
    case "tool-call":
      return [call(first(block["tool_name"], block["toolName"]), first(block["tool_call_id"], block["toolCallId"]), first(block["args"], block["input"]))];
    case "tool-return":
    case "tool-result":
      return [result(first(block["tool_name"], block["toolName"]), first(block["tool_call_id"], block["toolCallId"]), plain(first(block["content"], block["output"], block["result"])))];
    default:
  }
  if (isFields(block["functionCall"])) return [call(block["functionCall"]["name"], block["functionCall"]["id"], block["functionCall"]["args"])];
  if (isFields(block["functionResponse"])) return [result(block["functionResponse"]["name"], block["functionResponse"]["id"], block["functionResponse"]["response"])];
  const said = first(block["text"], block["part_kind"] === undefined ? undefined : block["content"]);
  if (typeof said === "string") return role === "tool" ? [result(null, null, said)] : [text(said)];
  return [json(block)];
}

/** A list of blocks of text is that text. */
function plain(content: unknown): unknown {
  if (!Array.isArray(content) || content.length === 0) return content;
  const texts = content.map((block) => (isFields(block) && typeof block["text"] === "string" ? block["text"] : null));
  return texts.every((each) => each !== null) ? texts.join("\n") : content;
}

/** The whole text of a part. */
export function partAt(message: Message, part: number): string {
  return rawParts(message)[part]?.text() ?? "";
}

/** The parts with the beginnings of their texts. */
export function partsOf(message: Message): Part[] {
  return rawParts(message).map((raw, part) => {
    const whole = raw.text();
    const shared = { place: { seq: message.seq, part }, text: beginning(whole, beginningOf(message.role)), length: whole.length };
    if (raw.kind === "call") return { ...shared, kind: "call", name: raw.name, callId: raw.callId, brief: briefOf(whole) };
    if (raw.kind === "result") return { ...shared, kind: "result", name: raw.name, callId: raw.callId, brief: briefOf(whole), isJson: /^[{[]/.test(whole) };
    return { ...shared, kind: raw.kind };
  });
}

/** How much is shown at first of what somebody of that role says. */
export const beginningOf = (role: string): typeof BEGINNING => (isInstruction(role) ? INSTRUCTIONS : BEGINNING);

/** Whether who says it gives instructions, and takes no part in the conversation. */
export const isInstruction = (role: string): boolean => role === "system" || role === "developer";

/** So many characters and lines, and no half of a surrogate pair. */
export function beginning(whole: string, most = BEGINNING): string {
  let end = Math.min(whole.length, most.characters);
  let newline = -1;
  for (let lines = 0; lines < most.lines; lines++) {
    newline = whole.indexOf("\n", newline + 1);
    if (newline < 0 || newline >= end) break;
    if (lines === most.lines - 1) end = newline;
  }
  // Little is not worth a button.
  if (whole.length - end < 80 && newline < 0) return whole;
  const unit = whole.charCodeAt(end - 1);
  return whole.slice(0, end < whole.length && unit >= 0xd800 && unit < 0xdc00 ? end - 1 : end);
}

/** One line: `user_id: "mia", limit: 3`. */
function briefOf(whole: string): string {
  const line = whole.slice(0, 4 * BRIEF).replace(/\s+/g, " ").trim();
  const inner = /^\{/.test(line) ? line.replace(/^\{\s*/, "").replace(/\s*\}$/, "").replace(/"([\w-]{1,40})":/g, "$1:") : line;
  return inner.length <= BRIEF ? inner : `${inner.slice(0, BRIEF)}…`;
}

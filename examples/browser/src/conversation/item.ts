/** An item of a conversation as an element. */
import type { Item, Part, ShownMessage } from "../protocol.ts";
import { button, h, icon } from "../ui/dom.ts";
import { count, fullTime, plural, timeOfDay } from "../ui/words.ts";
import { jsonElement, textElement } from "./text.ts";

/** What the reader has unfolded, and what more was loaded: it stays when an item leaves the page and comes back. */
export interface Unfolded {
  readonly open: Set<string>;
  readonly texts: Map<string, string>;
}

export interface ItemActions {
  /** Loads more of a part; the item is drawn anew then. */
  more(part: Part): void;
  copy(message: ShownMessage): void;
}

const ROLES = new Map([["user", "User"], ["assistant", "Assistant"], ["model", "Model"], ["system", "System"], ["developer", "Developer"], ["tool", "Tool"]]);
const roleName = (role: string): string => ROLES.get(role) ?? role;

export const placeKey = (part: Part): string => `${part.place.seq}/${part.place.part}`;

/** An item that is not loaded yet. */
export function drawWaiting(height: number): HTMLElement {
  const element = h("article", { class: "item item-waiting", "aria-busy": "true" }, h("div", { class: "waiting-bar" }), h("div", { class: "waiting-bar" }));
  element.style.height = `${Math.max(48, height)}px`;
  return element;
}

/** A message, or a message with its calls and their results. */
export function drawItem(item: Item, unfolded: Unfolded, actions: ItemActions): HTMLElement {
  const [head, ...answers] = item.messages;
  if (head === undefined) return h("article", { class: "item" });
  const results = answers.flatMap((answer) => answer.parts);
  const own = head.parts.filter((part) => part.kind !== "call");
  const calls = head.parts.filter((part) => part.kind === "call");
  const look = head.isSummary ? "summary" : ROLES.has(head.role) ? head.role : "other";
  const isOnlyCalls = own.length === 0 && calls.length > 0;
  const element = h(
    "article", { class: `item item-${look}${isOnlyCalls ? " item-calls" : ""}`, "aria-label": labelOf(head, isOnlyCalls) },
    isOnlyCalls ? null : headOf(head, actions),
    own.map((part) => drawPart(part, unfolded, actions)),
    pair(calls, results).map(([call, result]) => drawCall(call, result, unfolded, actions)),
  );
  return element;
}

function labelOf(message: ShownMessage, isOnlyCalls: boolean): string {
  const who = message.isSummary ? "Summary" : roleName(message.role);
  return `${isOnlyCalls ? "Tool calls" : who}, message ${message.seq}`;
}

function headOf(message: ShownMessage, actions: ItemActions): HTMLElement {
  return h(
    "header", { class: "item-head" },
    h("span", { class: "item-role" }, message.isSummary ? "Summary" : h("bdi", {}, roleName(message.role))),
    message.isSummary ? h("span", { class: "item-note" }, "stands for earlier messages") : null,
    h("time", { datetime: new Date(message.createdAt).toISOString(), title: fullTime(message.createdAt) }, timeOfDay(message.createdAt)),
    message.tokenCount === null ? null : h("span", { class: "item-tokens" }, plural(message.tokenCount, "token")),
    button("copy", "Copy message", () => actions.copy(message), { isQuiet: true, class: "item-copy" }),
  );
}

/** Each call with its result: by its id, else the next that nobody claims. Results without a call stand alone. */
function pair(calls: readonly Part[], results: readonly Part[]): [Part | null, Part | null][] {
  const left = [...results];
  const take = (wanted: (result: Part) => boolean): Part | null => {
    const at = left.findIndex(wanted);
    return at < 0 ? null : (left.splice(at, 1)[0] ?? null);
  };
  const claimed = calls.map((call) => take((result) => call.kind === "call" && call.callId !== null && result.kind === "result" && result.callId === call.callId));
  const pairs: [Part | null, Part | null][] = calls.map((call, i) => [call, claimed[i] ?? take((result) => result.kind === "result" && result.callId === null)]);
  return [...pairs, ...left.map((result): [null, Part] => [null, result])];
}

function drawPart(part: Part, unfolded: Unfolded, actions: ItemActions): HTMLElement {
  if (part.kind === "result") return drawCall(null, part, unfolded, actions);
  const text = unfolded.texts.get(placeKey(part)) ?? part.text;
  return h("div", { class: "part" }, part.kind === "json" ? jsonElement(text, "JSON") : textElement(text), moreButton(part, text, actions));
}

function moreButton(part: Part, text: string, actions: ItemActions): HTMLElement | null {
  if (text.length >= part.length) return null;
  const label = text.length === part.text.length ? `Show more (${count(part.length)} characters)` : `Show more (${count(text.length)} of ${count(part.length)} characters)`;
  return h("button", { type: "button", class: "more", "data-more": placeKey(part), on: { click: () => actions.more(part) } }, label);
}

/** A call and its result, folded together. */
function drawCall(call: Part | null, result: Part | null, unfolded: Unfolded, actions: ItemActions): HTMLElement {
  const main = call ?? result;
  if (main === null) return h("div");
  const key = placeKey(main);
  const name = call?.kind === "call" ? call.name : result?.kind === "result" && result.name !== null ? result.name : "Result of a tool";
  const element = h(
    "details", { class: "call", open: unfolded.open.has(key) },
    h(
      "summary", {},
      icon("tool"), h("span", { class: "call-words" }, h("bdi", { class: "call-name" }, name), h("bdi", { class: "call-brief" }, briefOf(call))),
      result === null ? h("span", { class: "call-result call-open" }, "no result") : h("bdi", { class: "call-result" }, briefOf(result)),
      icon("chevron"),
    ),
  );
  const fill = (): void => {
    if (element.childElementCount > 1) return;
    if (call !== null) element.append(side("Arguments", call, unfolded, actions));
    if (result !== null) element.append(side("Result", result, unfolded, actions));
  };
  if (element.open) fill();
  element.addEventListener("toggle", () => {
    if (element.open) {
      unfolded.open.add(key);
      fill();
    } else unfolded.open.delete(key);
  });
  return element;
}

function briefOf(part: Part | null): string {
  return part !== null && (part.kind === "call" || part.kind === "result") && part.brief !== "{}" ? part.brief : "";
}

function side(label: string, part: Part, unfolded: Unfolded, actions: ItemActions): HTMLElement {
  const text = unfolded.texts.get(placeKey(part)) ?? part.text;
  const isJson = part.kind === "call" || (part.kind === "result" && part.isJson);
  return h("div", { class: "call-side" }, h("h2", {}, label), isJson ? jsonElement(text, label) : textElement(text), moreButton(part, text, actions));
}

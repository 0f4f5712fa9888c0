/** Texts of messages as elements: fences, code, headings and bold of Markdown, since agents write it; everything else as it stands. Only text nodes. */
import { h } from "../ui/dom.ts";

/** A text with its line breaks and its code. */
export function textElement(text: string): HTMLElement {
  const pieces: HTMLElement[] = [];
  // An unclosed fence lasts to the end: the text may be cut there.
  const fence = /^[ \t]*```([^\n`]*)\n([\s\S]*?)(?:^[ \t]*```[ \t]*$\n?|$(?![\s\S]))/gm;
  let at = 0;
  for (const match of text.matchAll(fence)) {
    if (match.index > at) pieces.push(prose(text.slice(at, match.index)));
    const language = (match[1] ?? "").trim().slice(0, 20);
    pieces.push(h("pre", { class: "code", tabindex: 0, role: "region", "aria-label": language === "" ? "Code" : `Code, ${language}` }, h("code", {}, match[2] ?? "")));
    at = match.index + match[0].length;
  }
  if (at < text.length || pieces.length === 0) pieces.push(prose(text.slice(at)));
  return h("div", { class: "text", dir: "auto" }, pieces);
}

function prose(text: string): HTMLElement {
  const element = h("div", { class: "prose", dir: "auto" });
  const lines = text.replace(/^\n+/, "").trimEnd().split("\n");
  let plain: string[] = [];
  const flush = (): void => {
    if (plain.length > 0) element.append(...spans(plain.join("\n")));
    plain = [];
  };
  for (const line of lines) {
    const heading = /^#{1,6} +(.*)$/.exec(line);
    if (heading === null) plain.push(line);
    else {
      flush();
      element.append(h("strong", { class: "heading" }, spans(heading[1] ?? "")));
    }
  }
  flush();
  return element;
}

/** `code` and **bold**. */
function spans(text: string): Node[] {
  const found: Node[] = [];
  let at = 0;
  for (const match of text.matchAll(/`([^`\n]{1,400})`|\*\*([^*\n]{1,400})\*\*/g)) {
    if (match.index > at) found.push(document.createTextNode(text.slice(at, match.index)));
    found.push(match[1] === undefined ? h("strong", {}, match[2] ?? "") : h("code", {}, match[1]));
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push(document.createTextNode(text.slice(at)));
  return found;
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b/g;

/** JSON with its names, texts and numbers told apart. */
export function jsonElement(text: string, label: string): HTMLElement {
  const code = h("code", {});
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > at) code.append(text.slice(at, match.index));
    const kind = match[1] === undefined ? "json-value" : match[2] === undefined ? "json-text" : "json-name";
    code.append(h("span", { class: kind }, match[0]));
    at = match.index + match[0].length;
  }
  code.append(text.slice(at));
  return h("pre", { class: "code", tabindex: 0, role: "region", "aria-label": label }, code);
}

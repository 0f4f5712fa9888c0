/** Elements from code. Texts become text nodes, never markup. */

type Child = Node | string | number | null | undefined | false;
type Handlers = { readonly [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };

interface Props {
  readonly class?: string;
  readonly on?: Handlers;
  /** Attributes; `true` sets an empty one, `false`, null and undefined leave it out. */
  readonly [attribute: string]: unknown;
}

/** An element with its attributes, listeners and children. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: readonly (Child | readonly Child[])[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [type, handler] of Object.entries(value as Record<string, EventListener>)) element.addEventListener(type, handler);
    } else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children: readonly (Child | readonly Child[])[]): (Node | string)[] {
  return children.flat().flatMap((child) => (child === null || child === undefined || child === false ? [] : [typeof child === "number" ? String(child) : (child as Node | string)]));
}

/** An element of SVG. */
export function svg(tag: string, attributes: Readonly<Record<string, string | number>> = {}, ...children: readonly Node[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

const ICONS = {
  plus: "M12 5v14M5 12h14",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4",
  import: "M12 4v11m-4-4 4 4 4-4M5 19h14",
  export: "M12 15V4m-4 4 4-4 4 4M5 19h14",
  clean: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  chart: "M4 20h16M7 16v-5M12 16V5M17 16V9",
  back: "M15 5l-7 7 7 7",
  pen: "M5 19l1-4L16 5l3 3L9 18l-4 1Z",
  first: "M6 5h12M12 20V9m-4 4 4-4 4 4",
  last: "M6 19h12M12 4v11m-4-4 4 4 4-4",
  chevron: "M9 6l6 6-6 6",
  tool: "M14.5 6.5a4 4 0 0 0-5.3 5L4 16.7 7.3 20l5.2-5.2a4 4 0 0 0 5-5.3L15 12l-3-3 2.5-2.5Z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  auto: "M12 4a8 8 0 1 0 0 16V4Zm0 0a8 8 0 0 1 0 16",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4",
  moon: "M19 14.5A7.5 7.5 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5Z",
  close: "M6 6l12 12M18 6 6 18",
  send: "M12 19V5m-6 6 6-6 6 6",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5z",
  braces: "M9 4c-3 0-3 2-3 4s0 3-2 4c2 1 2 2 2 4s0 4 3 4M15 4c3 0 3 2 3 4s0 3 2 4c-2 1-2 2-2 4s0 4-3 4",
} as const;

export type IconName = keyof typeof ICONS;

/** A drawing beside words, which screen readers leave out. */
export function icon(name: IconName): SVGElement {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" }, svg("path", { d: ICONS[name] }));
}

/** A button with an icon and a word; with `isQuiet` the word is for screen readers and the tooltip. */
export function button(name: IconName, label: string, onClick: (event: MouseEvent) => void, props: Props & { readonly isQuiet?: boolean } = {}): HTMLButtonElement {
  const { isQuiet = false, class: extra = "", ...rest } = props;
  return h("button", { type: "button", class: `button ${isQuiet ? "button-icon" : ""} ${extra}`.trim(), title: isQuiet ? label : undefined, "aria-label": isQuiet ? label : undefined, ...rest, on: { click: onClick } }, icon(name), isQuiet ? null : h("span", {}, label));
}

/** What changes is said to screen readers, and shown for a while where there is something to do about it. */
import { button, h } from "./dom.ts";

const polite = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
const assertive = h("div", { class: "visually-hidden", role: "alert" });
const toasts = h("div", { class: "toasts", role: "region", "aria-label": "Notices" });

/** The places for announcements, once in the page. */
export function livePlaces(): HTMLElement[] {
  return [polite, assertive, toasts];
}

let waiting: string[] = [];
let next: ReturnType<typeof setTimeout> | undefined;

/** Says something to screen readers. What comes in one moment is said in one go. */
export function announce(text: string): void {
  clearTimeout(next);
  if (waiting.at(-1) !== text) waiting.push(text);
  // Emptied first, so that the same words twice are said twice.
  polite.textContent = "";
  next = setTimeout(() => {
    polite.textContent = waiting.slice(-3).join(". ");
    waiting = [];
  }, 60);
}

/** Gives the focus to what is there, when what had it has gone. */
export function restFocus(): void {
  const main = document.querySelector<HTMLElement>("#main");
  main?.focus();
  // Where there is room for one side only, it may be the other one.
  if (document.activeElement !== main) document.querySelector<HTMLElement>(".tree, .brand")?.focus();
}

export interface ToastOptions {
  readonly action?: { readonly label: string; readonly run: () => void };
  /** How long it stays, in milliseconds; 0: until it is closed. */
  readonly stays?: number;
  readonly isError?: boolean;
}

/** How many notices are shown at a time. */
const MOST = 2;

/** Shows a notice, and says it. */
export function toast(text: string, { action, stays = 5000, isError = false }: ToastOptions = {}): { readonly close: () => void; readonly element: HTMLElement } {
  const close = (): void => {
    const hadFocus = element.contains(document.activeElement);
    element.remove();
    if (hadFocus) restFocus();
  };
  const element = h(
    "div", { class: `toast${isError ? " toast-error" : ""}` },
    h("p", {}, text),
    action === undefined ? null : h("button", { type: "button", class: "button button-strong", on: { click: () => { close(); action.run(); } } }, action.label),
    button("close", "Close notice", close, { isQuiet: true }),
  );
  // The same again takes the place of the one before.
  for (const old of toasts.children) if (action === undefined && old.querySelector("p")?.textContent === text) old.remove();
  toasts.append(element);
  // Too many would cover the conversation: the oldest goes, those with something to do last.
  while (toasts.children.length > MOST) ([...toasts.children].slice(0, -1).find((each) => each.querySelector(".button-strong") === null) ?? toasts.firstElementChild)?.remove();
  if (isError) assertive.textContent = text;
  else announce(action === undefined ? text : `${text} ${action.label} is offered.`);
  if (stays > 0) setTimeout(close, stays);
  return { close, element };
}

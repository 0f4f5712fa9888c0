/** Dialogs on the browser's own: it keeps the focus inside, closes on Escape and gives the focus back. */
import { button, h } from "./dom.ts";
import { restFocus } from "./live.ts";

export interface Dialog {
  readonly element: HTMLDialogElement;
  readonly body: HTMLElement;
  readonly actions: HTMLElement;
  close(): void;
}

let made = 0;

/** Opens a dialog; `onClose` runs when it is closed, however. */
export function openDialog(title: string, onClose: () => void = () => {}): Dialog {
  const id = `dialog-${++made}`;
  const body = h("div", { class: "dialog-body" });
  const actions = h("div", { class: "dialog-actions" });
  const before = document.activeElement;
  const element = h(
    "dialog", { class: "dialog", "aria-labelledby": id },
    h("header", { class: "dialog-head" }, h("h2", { id }, title), button("close", "Close", () => element.close(), { isQuiet: true })),
    body, actions,
  );
  element.addEventListener("close", () => {
    element.remove();
    onClose();
    // What had the focus before may have been drawn anew meanwhile.
    if (before instanceof HTMLElement && !before.isConnected && document.activeElement === document.body) restFocus();
  });
  document.body.append(element);
  element.showModal();
  return { element, body, actions, close: () => element.close() };
}

/** A labelled field. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  const id = `field-${++made}`;
  control.id = id;
  const note = hint === undefined ? null : h("p", { class: "hint", id: `${id}-hint` }, hint);
  if (note !== null) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, note);
}

/** The two buttons at the end of most dialogs. */
export function decide(dialog: Dialog, label: string, run: () => void, isDanger = false): HTMLButtonElement {
  const go = h("button", { type: "button", class: `button ${isDanger ? "button-danger" : "button-strong"}`, on: { click: run } }, label);
  dialog.actions.replaceChildren(h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel"), go);
  return go;
}

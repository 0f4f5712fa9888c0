/** Where a message is written. */
import type { Model } from "../model.ts";
import { button, h } from "../ui/dom.ts";
import { outboxOf } from "./outbox.ts";

/** How high the field grows, in pixels. */
const HIGHEST = 240;

/** Notices stand above what is written, however high it grows. */
const measuring = new ResizeObserver(([entry]) => document.documentElement.style.setProperty("--composer", `${Math.ceil(entry?.borderBoxSize[0]?.blockSize ?? 0)}px`));

export function composer(model: Model, id: string, onSaved: () => void): HTMLElement {
  const outbox = outboxOf(model.store, id);
  const input = h("textarea", { class: "composer-text", rows: 1, placeholder: "Write a message", "aria-label": "Write a message", dir: "auto" });
  const role = h("select", { class: "composer-role", "aria-label": "Role of the message" }, ["user", "assistant", "system"].map((name) => h("option", { value: name }, `as ${name}`)));

  const fit = (): void => {
    input.style.height = "auto";
    // To find out how high a long text is takes long.
    input.style.height = `${input.value.length > 4000 ? HIGHEST : Math.min(input.scrollHeight + 2, HIGHEST)}px`;
  };
  const show = (): void => {
    input.value = outbox.text;
    fit();
  };
  const send = (): void => outbox.send(role.value);
  outbox.box = { changed: show, saved: onSaved };
  input.addEventListener("input", () => {
    outbox.typed(input.value);
    fit();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  input.value = outbox.text;
  queueMicrotask(fit);
  const form = h(
    "form", { class: "composer", "aria-label": "New message", on: { submit: (event) => { event.preventDefault(); send(); } } },
    input,
    h("div", { class: "composer-row" }, role, h("p", { class: "hint composer-hint" }, "Enter saves, Shift + Enter: new line"), button("send", "Save", send, { class: "button-strong" })),
  );
  measuring.disconnect();
  measuring.observe(form);
  return form;
}

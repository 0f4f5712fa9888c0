/** Where a message is written. */
import type { Model } from "../model.ts";
import { StoreError } from "../store.ts";
import { button, h } from "../ui/dom.ts";
import { sentence } from "../ui/errors.ts";
import { announce, toast } from "../ui/live.ts";
import { keepDraft, newKey, readDraft } from "./drafts.ts";

/** How high the field grows, in pixels. */
const HIGHEST = 240;

export function composer(model: Model, id: string, onSaved: () => void): HTMLElement {
  let draft = readDraft(id);
  let isSaving = false;
  const input = h("textarea", { class: "composer-text", rows: 1, placeholder: "Write a message", "aria-label": "Write a message", dir: "auto" });
  const role = h("select", { class: "composer-role", "aria-label": "Role of the message" }, ["user", "assistant", "system"].map((name) => h("option", { value: name }, `as ${name}`)));
  input.value = draft.text;

  const fit = (): void => {
    input.style.height = "auto";
    // To find out how high a long text is takes long.
    input.style.height = `${input.value.length > 4000 ? HIGHEST : Math.min(input.scrollHeight + 2, HIGHEST)}px`;
  };
  const save = async (): Promise<void> => {
    const text = input.value;
    if (text.trim() === "" || isSaving) return;
    isSaving = true;
    try {
      await model.store.call("say", [id, { role: role.value, text, key: draft.key }]);
      // What was typed meanwhile stays.
      input.value = input.value === text ? "" : input.value;
      draft = { text: input.value, key: newKey() };
      keepDraft(id, draft);
      fit();
      announce("Message saved");
      onSaved();
    } catch (error) {
      // The draft was saved before, and its text was changed since: under a key of its own it is another message.
      if (error instanceof StoreError && error.code === "conflict") draft = { text, key: newKey() };
      toast(sentence(error), { isError: true, stays: 12_000 });
    } finally {
      isSaving = false;
    }
  };
  input.addEventListener("input", () => {
    draft = { ...draft, text: input.value };
    keepDraft(id, draft);
    fit();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void save();
  });
  queueMicrotask(fit);
  return h(
    "form", { class: "composer", "aria-label": "New message", on: { submit: (event) => { event.preventDefault(); void save(); } } },
    input,
    h("div", { class: "composer-row" }, role, h("p", { class: "hint composer-hint" }, "Enter saves, Shift + Enter begins a new line"), button("send", "Save", () => void save(), { class: "button-strong" })),
  );
}

import type { Model } from "../model.ts";
import { h } from "../ui/dom.ts";
import { decide, field, openDialog } from "../ui/dialog.ts";
import { shown } from "../ui/errors.ts";
import { announce } from "../ui/live.ts";

/** Asks for a new conversation and makes it. */
export function askNew(model: Model, open: (id: string) => void): void {
  const dialog = openDialog("New conversation");
  const title = h("input", { type: "text", maxlength: 200, autocomplete: "off", placeholder: "Named by its first message" });
  const known = h("datalist", { id: "known-scopes" }, model.scopes().map((scope) => h("option", { value: scope })));
  const scope = h("input", { type: "text", maxlength: 200, autocomplete: "off", list: "known-scopes", value: model.card?.scope ?? model.scopes()[0] ?? "personal" });
  const lifecycle = h("select", {}, model.lifecycles.map(({ name, initial }) => h("option", { value: name }, `${name} — begins as ${initial.replaceAll("_", " ")}`)));
  const create = async (): Promise<void> => {
    const card = await shown(model.store.call("create", [{ scope: scope.value.trim(), title: title.value.trim() || null, lifecycle: lifecycle.value }]));
    if (card === undefined) return;
    dialog.close();
    announce("Conversation made");
    open(card.id);
    document.querySelector<HTMLElement>(".composer-text")?.focus();
  };
  dialog.body.append(h("form", { on: { submit: (event) => { event.preventDefault(); void create(); } } }, field("Name", title), field("Scope", scope, "Where it belongs: a channel, a project, a folder. Conversations are grouped by it."), field("Lifecycle", lifecycle, "Which statuses it can have."), known, h("input", { type: "submit", hidden: true })));
  decide(dialog, "Create", () => void create());
  title.focus();
}

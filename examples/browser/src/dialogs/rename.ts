import type { Model } from "../model.ts";
import type { Card } from "../protocol.ts";
import { h } from "../ui/dom.ts";
import { decide, field, openDialog } from "../ui/dialog.ts";
import { shown } from "../ui/errors.ts";
import { announce } from "../ui/live.ts";

/** Asks for a name; the empty one gives the conversation back the name of its first message. */
export function askName(model: Model, card: Card): void {
  const dialog = openDialog("Rename");
  const title = h("input", { type: "text", maxlength: 200, autocomplete: "off", value: card.title ?? "", placeholder: card.preview ?? "" });
  const rename = async (): Promise<void> => {
    const done = await shown(model.store.call("rename", [card.id, title.value.trim() || null]));
    if (done === undefined) return;
    dialog.close();
    announce("Renamed");
  };
  dialog.body.append(h("form", { on: { submit: (event) => { event.preventDefault(); void rename(); } } }, field("Name", title, "Empty: as its first message begins."), h("input", { type: "submit", hidden: true })));
  decide(dialog, "Rename", () => void rename());
  title.select();
}

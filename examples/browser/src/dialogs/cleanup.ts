import type { Model } from "../model.ts";
import type { CleanupChoice } from "../protocol.ts";
import { h } from "../ui/dom.ts";
import { decide, field, openDialog } from "../ui/dialog.ts";
import { sentence } from "../ui/errors.ts";
import { toast } from "../ui/live.ts";
import { plural, scopeName, spaced } from "../ui/words.ts";

/** Deletes old conversations, after it has shown how many those are. */
export function askCleanup(model: Model, exportAll: () => void): void {
  const controller = new AbortController();
  const dialog = openDialog("Clean up old conversations", () => controller.abort());
  const days = h("select", {}, [[7, "a week"], [30, "30 days"], [90, "90 days"], [365, "a year"]].map(([value, words]) => h("option", { value, selected: value === 30 }, words)));
  const scope = h("select", {}, h("option", { value: "" }, "all scopes"), model.scopes().filter((name) => name !== "").map((name) => h("option", { value: name }, scopeName(name))));
  const statuses = [...new Set([...model.cards.values()].map((card) => card.status))].sort();
  const status = h("select", {}, h("option", { value: "" }, "any status"), statuses.map((name) => h("option", { value: name }, spaced(name))));
  const outcome = h("p", { class: "outcome", role: "status" });
  let isRunning = false;
  let asked = 0;

  const choice = (): CleanupChoice => ({ days: Number(days.value), scope: scope.value || null, status: status.value || null });
  const go = decide(dialog, "Delete", () => void run(), true);
  dialog.actions.prepend(h("button", { type: "button", class: "button button-apart", on: { click: exportAll } }, "Export all first"));
  const rehearse = async (): Promise<void> => {
    const mine = ++asked;
    go.disabled = true;
    try {
      const would = await model.store.call("cleanup", [choice(), true]);
      if (mine !== asked) return;
      outcome.textContent = would.sessions === 0 ? "Nothing is that old." : `This would delete ${plural(would.sessions, "conversation")} with ${plural(would.messages, "message")}, for good.`;
      go.textContent = would.sessions === 0 ? "Delete" : `Delete ${plural(would.sessions, "conversation")}`;
      go.disabled = would.sessions === 0;
    } catch (error) {
      outcome.textContent = sentence(error);
    }
  };
  const run = async (): Promise<void> => {
    if (isRunning) return;
    isRunning = true;
    go.disabled = true;
    outcome.textContent = "Deleting …";
    try {
      const done = await model.store.call("cleanup", [choice(), false], { signal: controller.signal });
      dialog.close();
      toast(`Deleted ${plural(done.sessions, "conversation")} with ${plural(done.messages, "message")}.`);
    } catch (error) {
      if (dialog.element.open) outcome.textContent = sentence(error);
      else toast("Stopped. What was deleted by then stays deleted.");
    } finally {
      isRunning = false;
    }
  };
  for (const control of [days, scope, status]) control.addEventListener("change", () => void rehearse());
  dialog.body.append(h("div", { class: "field-row" }, field("Not active for", days), field("Scope", scope), field("Status", status)), outcome);
  void rehearse();
}

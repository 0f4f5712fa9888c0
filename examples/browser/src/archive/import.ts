/** Archives in: what an import would do is shown, then it is done. */
import type { Model } from "../model.ts";
import type { ImportCounts, Progress } from "../protocol.ts";
import { StoreError } from "../store.ts";
import { h } from "../ui/dom.ts";
import { decide, type Dialog, openDialog } from "../ui/dialog.ts";
import { fileSentence } from "../ui/errors.ts";
import { announce, toast } from "../ui/live.ts";
import { count, nameOf, plural, shortened, size } from "../ui/words.ts";

/** Lets a person choose a file, and goes on with it. */
export function chooseFile(model: Model): void {
  const input = h("input", { type: "file", accept: ".convostore,.jsonl,.json,application/x-ndjson", on: { change: () => { const [file] = input.files ?? []; if (file !== undefined) askImport(model, file); } } });
  input.click();
}

/** Shows what importing a file would do, and does it when told to. */
export function askImport(model: Model, file: File): void {
  const controller = new AbortController();
  const dialog = openDialog("Import an archive", () => controller.abort());
  const words = h("p", { class: "outcome", role: "status" });
  const bar = h("progress", { max: 1, "aria-label": "Import" });
  const list = h("dl", { class: "counts", hidden: true });
  dialog.body.append(h("p", { class: "file-name" }, h("bdi", {}, file.name), ` — ${size(file.size)}`), words, bar, list);
  const step = (present: string, then: string) => (progress: Progress): void => {
    if (progress.total === null) {
      words.textContent = then;
      bar.removeAttribute("value");
    } else {
      words.textContent = present;
      bar.value = progress.done / progress.total;
    }
  };
  const nameHere = (id: string): string | null => {
    const card = model.cards.get(id);
    return card === undefined ? null : shortened(nameOf(card));
  };
  const fail = (error: unknown): void => {
    if (controller.signal.aborted) return;
    bar.hidden = true;
    words.classList.add("outcome-error");
    words.textContent = fileSentence(error, nameHere);
    dialog.actions.replaceChildren(h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Close"), h("button", { type: "button", class: "button button-strong", on: { click: () => { dialog.close(); chooseFile(model); } } }, "Choose another file"));
    (dialog.actions.lastElementChild as HTMLElement).focus();
  };
  const run = async (): Promise<void> => {
    list.hidden = true;
    bar.hidden = false;
    dialog.actions.replaceChildren(h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel"));
    try {
      const done = await model.store.call("importArchive", [file, false], { signal: controller.signal, onProgress: step("Reading the file …", "Saving …") });
      dialog.close();
      toast(`Imported ${plural(done.sessions, "conversation")} with ${plural(done.messages, "message")}.`);
    } catch (error) {
      if (error instanceof StoreError && error.code === "aborted") announce("Stopped; nothing was imported");
      else fail(error);
    }
  };
  const rehearse = async (): Promise<void> => {
    words.textContent = "Reading the file …";
    try {
      const would = await model.store.call("importArchive", [file, true], { signal: controller.signal, onProgress: step("Reading the file …", "Checking …") });
      bar.hidden = true;
      present(dialog, words, list, would, () => void run());
    } catch (error) {
      fail(error);
    }
  };
  void rehearse();
}

function present(dialog: Dialog, words: HTMLElement, list: HTMLElement, would: ImportCounts, run: () => void): void {
  const isNew = would.sessions + would.contexts + would.lifecycles > 0;
  words.textContent = isNew ? "The archive is whole. Importing it would add:" : "Everything in this archive is here already. There is nothing to import.";
  const rows: [string, number][] = [["Conversations", would.sessions], ["Messages", would.messages], ["Contexts", would.contexts], ["Lifecycles", would.lifecycles], ["Here already, unchanged", would.unchanged]];
  list.replaceChildren(...rows.filter(([name, number]) => number > 0 || name === "Conversations").flatMap(([name, number]) => [h("dt", {}, name), h("dd", {}, count(number))]));
  list.hidden = !isNew;
  if (isNew) decide(dialog, `Import ${plural(would.sessions, "conversation")}`, run).focus();
  else {
    dialog.actions.replaceChildren(h("button", { type: "button", class: "button button-strong", on: { click: () => dialog.close() } }, "Close"));
    (dialog.actions.firstElementChild as HTMLElement).focus();
  }
}

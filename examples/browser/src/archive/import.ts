/** Archives in: what an import would do is shown, then it is done. */
import type { Model } from "../model.ts";
import type { ImportCounts, Progress } from "../protocol.ts";
import { StoreError } from "../store.ts";
import { h } from "../ui/dom.ts";
import { decide, type Dialog, openDialog } from "../ui/dialog.ts";
import { fileSentence } from "../ui/errors.ts";
import { announce, toast } from "../ui/live.ts";
import { count, nameOf, plural, shortened, size } from "../ui/words.ts";

/** Lets a person choose files, and goes on with them. */
export function chooseFile(model: Model): void {
  const input = h("input", { type: "file", multiple: true, accept: ".convostore,.jsonl,.json,application/x-ndjson", on: { change: () => askImport(model, [...(input.files ?? [])]) } });
  input.click();
}

/** Shows what importing a file would do, and does it when told to; then the same with the next file. Who cancels sees no more of them. */
export function askImport(model: Model, [file, ...others]: readonly File[]): void {
  if (file === undefined) return;
  const controller = new AbortController();
  const dialog = openDialog("Import an archive", () => controller.abort());
  const words = h("p", { class: "outcome", role: "status" });
  const bar = h("progress", { max: 1, "aria-label": "Import" });
  const list = h("dl", { class: "counts", hidden: true });
  const next = others.length === 0 ? null : h("p", { class: "hint" }, `${plural(others.length, "more file")} after this one.`);
  dialog.body.append(h("p", { class: "file-name" }, h("bdi", {}, file.name), ` — ${size(file.size)}`), words, bar, list, ...(next === null ? [] : [next]));
  const goOn = (): void => {
    dialog.close();
    askImport(model, others);
  };
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
    offer(dialog, ["Close", () => dialog.close()], others.length > 0 ? ["Next file", goOn] : ["Choose another file", () => { dialog.close(); chooseFile(model); }]);
  };
  const run = async (): Promise<void> => {
    list.hidden = true;
    bar.hidden = false;
    offer(dialog, ["Cancel", () => dialog.close()]);
    try {
      const done = await model.store.call("importArchive", [file, false], { signal: controller.signal, onProgress: step("Reading the file …", "Saving …") });
      goOn();
      toast(done.sessions > 0 ? `Imported ${plural(done.sessions, "conversation")} with ${plural(done.messages, "message")}.` : "Imported. There was no new conversation in it.");
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
      present(dialog, words, list, would, () => void run(), others.length > 0 ? ["Next file", goOn] : ["Close", () => dialog.close()]);
    } catch (error) {
      fail(error);
    }
  };
  void rehearse();
}

type Offer = readonly [label: string, run: () => void];

/** Other buttons at the end of the dialog: the last one is what most will want, and gets the focus. */
function offer(dialog: Dialog, ...offers: readonly Offer[]): void {
  dialog.actions.replaceChildren(...offers.map(([label, run], i) => h("button", { type: "button", class: `button${i === offers.length - 1 && label !== "Cancel" ? " button-strong" : ""}`, on: { click: run } }, label)));
  (dialog.actions.lastElementChild as HTMLElement).focus();
}

function present(dialog: Dialog, words: HTMLElement, list: HTMLElement, would: ImportCounts, run: () => void, leave: Offer): void {
  const isNew = would.sessions + would.contexts + would.lifecycles > 0;
  words.textContent = isNew ? "The archive is whole. Importing it would add:" : "Everything in this archive is here already. There is nothing to import.";
  const rows: [string, number][] = [["Conversations", would.sessions], ["Messages", would.messages], ["Contexts", would.contexts], ["Lifecycles", would.lifecycles], ["Here already, unchanged", would.unchanged]];
  list.replaceChildren(...rows.filter(([, number]) => number > 0).flatMap(([name, number]) => [h("dt", {}, name), h("dd", {}, count(number))]));
  list.hidden = !isNew;
  if (isNew) decide(dialog, would.sessions > 0 ? `Import ${plural(would.sessions, "conversation")}` : "Import", run).focus();
  else offer(dialog, leave);
}

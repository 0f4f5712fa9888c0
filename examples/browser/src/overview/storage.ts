/** How much is stored, how much the browser grants, and whether it has promised to keep it. */
import { h, svg } from "../ui/dom.ts";
import { announce } from "../ui/live.ts";
import { size } from "../ui/words.ts";

export async function storageCard(isKept: boolean): Promise<HTMLElement> {
  const storage = navigator.storage as StorageManager | undefined;
  const [estimate, isPromised] = await Promise.all([storage?.estimate?.().catch(() => undefined), storage?.persisted?.().catch(() => false)]);
  const used = estimate?.usage ?? 0;
  const granted = estimate?.quota ?? 0;
  const words = granted === 0 ? "The browser does not say how much space there is." : `${size(used)} of ${size(granted)} that the browser grants`;
  return h(
    "section", { class: "card storage", "aria-label": "Storage" },
    h("h2", {}, "In this browser"),
    h("p", { class: "storage-words" }, words),
    granted === 0 ? null : svg("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", class: "chart-scope", role: "img", "aria-label": words }, svg("rect", { x: 0, y: 0, width: 100, height: 4, class: "track" }), svg("rect", { x: 0, y: 0, width: Math.min(100, Math.max(0.5, (used / granted) * 100)), height: 4, class: "bar" })),
    promise(isKept, isPromised ?? false),
  );
}

function promise(isKept: boolean, isPromised: boolean): HTMLElement {
  if (!isKept) return h("p", { class: "chart-note" }, "Nothing is kept: this browser window has no storage.");
  if (isPromised) return h("p", { class: "chart-note" }, "The browser has promised to keep it.");
  const note = h("p", { class: "chart-note" }, "The browser may remove it when space is short. ");
  const ask = h("button", { type: "button", class: "link", on: { click: () => void answer() } }, "Ask it to keep it");
  const answer = async (): Promise<void> => {
    const words = (await navigator.storage.persist().catch(() => false)) ? "The browser has promised to keep it." : "The browser has declined for now. Browsers agree sooner for pages that are visited often or have a bookmark. An export is safe in any case.";
    note.textContent = words;
    announce(words);
  };
  note.append(ask);
  return note;
}

/** Files dropped anywhere on the page, unless a dialog is open: under it there is nothing to be done with them. */
import { h } from "../ui/dom.ts";

export function acceptDrops(take: (files: readonly File[]) => void): HTMLElement {
  const veil = h("div", { class: "veil", hidden: true, "aria-hidden": "true" }, h("p", {}, "Drop an archive to see what is in it"));
  const isBusy = (): boolean => document.querySelector("dialog[open]") !== null;
  let depth = 0;
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  const show = (isOver: boolean): void => {
    veil.hidden = !isOver || isBusy();
  };
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    show(true);
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    show(depth > 0);
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    // Else the browser would open the file in place of the page.
    event.preventDefault();
    depth = 0;
    show(false);
    if (!isBusy()) take([...(event.dataTransfer?.files ?? [])]);
  });
  return veil;
}

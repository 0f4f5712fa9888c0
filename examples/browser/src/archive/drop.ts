/** Files dropped anywhere on the page. */
import { h } from "../ui/dom.ts";

export function acceptDrops(take: (file: File) => void): HTMLElement {
  const veil = h("div", { class: "veil", hidden: true, "aria-hidden": "true" }, h("p", {}, "Drop the archive to see what is in it"));
  let depth = 0;
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  const show = (isOver: boolean): void => {
    veil.hidden = !isOver;
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
    const file = event.dataTransfer?.files[0];
    // Under an open dialog there is nothing to be done with a file.
    if (file !== undefined && document.querySelector("dialog[open]") === null) take(file);
  });
  return veil;
}

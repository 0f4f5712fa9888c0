import { h, icon } from "../ui/dom.ts";
import { ago, count, fullTime, nameOf, plural, scopeName, spaced } from "../ui/words.ts";
import type { Row } from "./rows.ts";

interface Look {
  readonly isActive: boolean;
  readonly isSelected: boolean;
}

/** A row of the tree. */
export function drawRow(row: Row, { isActive, isSelected }: Look): HTMLElement {
  const shared = { role: "treeitem", "aria-level": row.kind === "scope" ? 1 : 2, "aria-posinset": row.place, "aria-setsize": row.of };
  const active = isActive ? " row-active" : "";
  if (row.kind === "scope") {
    return h(
      "div", { ...shared, class: `row row-scope${active}`, "aria-expanded": String(row.isOpen) },
      icon("chevron"), h("bdi", { class: "row-scope-name" }, scopeName(row.scope)), h("span", { class: "row-count" }, count(row.count), h("span", { class: "visually-hidden" }, row.count === 1 ? " conversation" : " conversations")),
    );
  }
  const { card } = row;
  return h(
    "div", { ...shared, class: `row row-session${active}${isSelected ? " row-selected" : ""}`, "aria-selected": String(isSelected) },
    h("bdi", { class: `row-name${card.title === null ? "" : " row-name-given"}${card.title === null && card.preview === null ? " row-name-empty" : ""}`, dir: "auto" }, nameOf(card)),
    card.title === null || card.preview === null ? null : h("bdi", { class: "row-preview", dir: "auto" }, card.preview),
    h(
      "div", { class: "row-facts" },
      status(card.status),
      h("span", {}, plural(card.messageCount, "message")),
      h("time", { datetime: new Date(card.lastActiveAt).toISOString(), title: fullTime(card.lastActiveAt) }, ago(card.lastActiveAt)),
    ),
  );
}

const KNOWN = new Set(["active", "paused", "terminated", "created", "collecting", "ready_to_sync", "synced"]);

/** A status as a word with a dot; unknown ones have a plain dot. */
export function status(name: string): HTMLElement {
  return h("span", { class: `status status-${KNOWN.has(name) ? name : "other"}` }, spaced(name));
}

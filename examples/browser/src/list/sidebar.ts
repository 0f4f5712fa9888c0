/** The left side: filter, tree, and what concerns all conversations. */
import type { Model } from "../model.ts";
import { button, h, icon } from "../ui/dom.ts";
import { announce } from "../ui/live.ts";
import { themeButton } from "../ui/theme.ts";
import { count, plural } from "../ui/words.ts";
import { Searcher } from "./searcher.ts";
import { rowsOf } from "./rows.ts";
import { Tree } from "./tree.ts";

export interface SidebarActions {
  open(id: string): void;
  create(): void;
  importFile(): void;
  exportAll(): void;
  cleanUp(): void;
  overview(): void;
}

export function sidebar(model: Model, actions: SidebarActions): HTMLElement {
  const closed = new Set<string>();
  const tree = new Tree({
    open: actions.open,
    toggle: (scope) => {
      if (!closed.delete(scope)) closed.add(scope);
      draw();
    },
  });
  const summary = h("p", { class: "list-summary" });
  const nothing = h("div", { class: "list-nothing", hidden: true });
  let said = "";
  const searcher = new Searcher(model);
  const input = h("input", {
    type: "search", class: "filter-input", placeholder: "Filter conversations", "aria-label": "Filter conversations", autocomplete: "off", spellcheck: "false",
    on: {
      input: () => searcher.set(input.value),
      keydown: (event) => {
        // Some browsers empty the box on Escape, and say nothing about it.
        if (event.key === "Escape") {
          input.value = "";
          searcher.set("");
        }
        if (event.key === "ArrowDown" || event.key === "Enter") {
          event.preventDefault();
          tree.focus();
        }
      },
    },
  });
  const clear = (): void => {
    input.value = "";
    searcher.set("");
    input.focus();
  };
  const explain = (): void => {
    if (model.cards.size === 0) nothing.replaceChildren(h("p", {}, "No conversations yet."));
    else if (model.isLooking) nothing.replaceChildren(h("p", {}, "Looking through the messages …"));
    else nothing.replaceChildren(h("p", {}, "No conversation matches."), h("p", { class: "hint" }, "Names, scopes, statuses and messages were looked through."), h("button", { type: "button", class: "button", on: { click: clear } }, "Clear the filter"));
  };
  const draw = (): void => {
    const rows = rowsOf(model.cards.values(), model.filter, model.found, closed);
    const matching = rows.reduce((sum, row) => sum + (row.kind === "scope" ? row.count : 0), 0);
    const words = model.filter === "" ? plural(matching, "conversation") : `${count(matching)} of ${plural(model.cards.size, "conversation")}`;
    if (summary.textContent !== words) summary.textContent = words;
    summary.hidden = model.cards.size === 0;
    // Said when the search is over, once for each filter.
    const present = `${model.filter} ${words}`;
    if (model.filter !== "" && !model.isLooking && present !== said) announce(words);
    if (!model.isLooking) said = present;
    nothing.hidden = matching > 0;
    if (matching === 0) explain();
    tree.element.hidden = rows.length === 0;
    tree.show(rows, model.selected);
  };
  model.on("cards", draw);
  model.on("filter", draw);
  model.on("selected", draw);
  draw();
  // Times in words grow old.
  setInterval(draw, 60_000);
  return h(
    "section", { class: "sidebar", "aria-label": "All conversations" },
    h(
      "header", { class: "sidebar-head" },
      h("h1", {}, h("button", { type: "button", class: "brand", title: "Overview", on: { click: actions.overview } }, h("span", { class: "brand-mark", "aria-hidden": "true" }), "History")),
      themeButton(),
      button("plus", "New", actions.create, { class: "button-strong" }),
    ),
    h("div", { class: "filter" }, icon("search"), input, h("kbd", { "aria-hidden": "true" }, "/")),
    summary,
    h("nav", { class: "tree-holder", "aria-label": "Conversations" }, tree.element, nothing),
    h(
      "footer", { class: "sidebar-foot" },
      button("chart", "Overview", actions.overview), button("import", "Import", actions.importFile), button("export", "Export", actions.exportAll), button("clean", "Clean up", actions.cleanUp),
    ),
  );
}

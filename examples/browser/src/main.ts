/** The page, put together. */
import "@fontsource-variable/inter/wght.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/list.css";
import "./styles/conversation.css";
import "./styles/overview.css";
import "./styles/dialogs.css";
import { acceptDrops } from "./archive/drop.ts";
import { livePlaces } from "./ui/live.ts";
import { h } from "./ui/dom.ts";
import { sentence } from "./ui/errors.ts";
import { applyTheme } from "./ui/theme.ts";
import { askImport } from "./archive/import.ts";
import { Model } from "./model.ts";
import { StoreClient } from "./store.ts";
import { App } from "./app.ts";

applyTheme();
const root = document.querySelector("#page") ?? document.body;

async function start(): Promise<void> {
  const model = new Model(new StoreClient());
  root.replaceChildren(h("p", { class: "starting", role: "status" }, "Opening your conversations …"));
  const isKept = await model.store.call("open", []);
  await model.load();
  const app = new App(model, isKept);
  root.replaceChildren(...app.elements, ...livePlaces(), acceptDrops((files) => askImport(model, files)));
  await app.start();
}

start().catch((error: unknown) => {
  root.replaceChildren(h("section", { class: "failed", role: "alert" }, h("h1", {}, "The page could not open its storage"), h("p", {}, sentence(error)), h("button", { type: "button", class: "button button-strong", on: { click: () => location.reload() } }, "Load again")));
});

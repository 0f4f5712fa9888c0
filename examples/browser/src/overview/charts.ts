/** Two small charts. The drawing is SVG that stretches with its place; words and numbers are HTML, and a table says the same to screen readers. */
import type { Figures } from "../protocol.ts";
import { h, svg } from "../ui/dom.ts";
import { count, plural, scopeName, size } from "../ui/words.ts";
import type { Timeline } from "./buckets.ts";

const SCOPES = 8;
/** The share of a bar's place that stays free. */
const GAP = 0.22;

function table(caption: string, heads: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  return h("div", { class: "visually-hidden" }, h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, i) => (i === 0 ? h("th", { scope: "row" }, cell) : h("td", {}, cell))))))));
}

/** Messages over time. */
export function timeChart({ unit, buckets }: Timeline): HTMLElement {
  const most = Math.max(1, ...buckets.map((bucket) => bucket.messages));
  const top = nice(most);
  const bars = buckets.flatMap((bucket, i) => {
    if (bucket.messages === 0) return [];
    const height = Math.max(1, (bucket.messages / top) * 100);
    const bar = svg("rect", { x: i + GAP / 2, y: 100 - height, width: 1 - GAP, height, class: "bar" });
    const title = svg("title");
    title.textContent = `${bucket.label}: ${plural(bucket.messages, "message")}`;
    bar.append(title);
    return [bar];
  });
  const lines = [25, 50, 75].map((y) => svg("line", { x1: 0, x2: buckets.length, y1: y, y2: y, class: "grid" }));
  const busiest = buckets.find((bucket) => bucket.messages === most);
  const words = busiest === undefined ? "No messages yet" : `Messages per ${unit}, from ${buckets[0]?.label ?? ""} to ${buckets.at(-1)?.label ?? ""}; most, ${count(most)}, ${unit === "day" ? "on" : "in"} ${busiest.label}`;
  const drawing = svg("svg", { viewBox: `0 0 ${Math.max(1, buckets.length)} 100`, preserveAspectRatio: "none", role: "img", "aria-label": words, class: "chart-time" }, ...lines, ...bars);
  const middle = buckets.length > 8 ? buckets[Math.floor(buckets.length / 2)] : undefined;
  return h(
    "figure", { class: "card chart" },
    h("figcaption", {}, h("h2", {}, "Messages over time"), h("p", { class: "chart-note" }, `per ${unit}`)),
    h("div", { class: "chart-plot" }, h("div", { class: "chart-scale", "aria-hidden": "true" }, h("span", {}, count(top)), h("span", {}, count(top / 2)), h("span", {}, "0")), drawing),
    h("div", { class: "chart-axis", "aria-hidden": "true" }, [buckets[0], middle, buckets.at(-1)].map((bucket) => h("span", {}, bucket?.label ?? ""))),
    table("Messages over time", [unit, "messages"], buckets.filter((bucket) => bucket.messages > 0).map((bucket) => [bucket.label, count(bucket.messages)])),
  );
}

/** The least round number that is not smaller and can be halved. */
function nice(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 4, 6, 8, 10].find((each) => each * power >= most) ?? 10;
  return Math.max(2, step * power);
}

/** What the texts of each scope take. */
export function scopeChart(scopes: Figures["scopes"]): HTMLElement {
  const shown = scopes.slice(0, SCOPES);
  const rest = scopes.slice(SCOPES);
  const rows = shown.map(({ scope, bytes, sessions }) => ({ name: scopeName(scope), bytes, note: plural(sessions, "conversation") }));
  if (rest.length > 0) rows.push({ name: `${plural(rest.length, "other scope")}`, bytes: rest.reduce((sum, each) => sum + each.bytes, 0), note: plural(rest.reduce((sum, each) => sum + each.sessions, 0), "conversation") });
  const most = Math.max(1, ...rows.map((row) => row.bytes));
  return h(
    "figure", { class: "card chart" },
    h("figcaption", {}, h("h2", {}, "Storage by scope"), h("p", { class: "chart-note" }, "texts of messages")),
    h("div", { class: "scopes", "aria-hidden": "true" }, rows.map((row) => h(
      "div", { class: "scope-line", title: `${row.name}: ${size(row.bytes)}, ${row.note}` },
      h("bdi", { class: "scope-name" }, row.name), h("span", { class: "scope-size" }, size(row.bytes)),
      svg("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", class: "chart-scope" }, svg("rect", { x: 0, y: 0, width: 100, height: 4, class: "track" }), svg("rect", { x: 0, y: 0, width: Math.max(0.5, (row.bytes / most) * 100), height: 4, class: "bar" })),
    ))),
    table("Storage by scope", ["scope", "size", "conversations"], rows.map((row) => [row.name, size(row.bytes), row.note])),
  );
}

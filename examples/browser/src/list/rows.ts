/** The rows of the list: scopes as headings, the sessions of each below, the latest first. */
import type { Card } from "../protocol.ts";

export type Row =
  | { readonly kind: "scope"; readonly scope: string; readonly count: number; readonly isOpen: boolean; readonly place: number; readonly of: number }
  | { readonly kind: "session"; readonly card: Card; readonly place: number; readonly of: number };

const haystacks = new WeakMap<Card, string>();

/** What the filter looks at, in small letters. */
function haystack(card: Card): string {
  let text = haystacks.get(card);
  if (text === undefined) {
    text = [card.title, card.preview, card.scope, card.key, card.owner, card.status.replaceAll("_", " ")].join("\n").toLowerCase();
    haystacks.set(card, text);
  }
  return text;
}

/** Whether all words of the filter occur in what is shown of a session. */
export function matches(card: Card, filter: string): boolean {
  const text = haystack(card);
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** Rows for the sessions that match, or that were found by their messages. While one filters, all scopes are open. */
export function rowsOf(cards: Iterable<Card>, filter: string, found: ReadonlySet<string>, closed: ReadonlySet<string>): Row[] {
  const groups = new Map<string, Card[]>();
  for (const card of cards) {
    if (filter !== "" && !found.has(card.id) && !matches(card, filter)) continue;
    const group = groups.get(card.scope);
    if (group === undefined) groups.set(card.scope, [card]);
    else group.push(card);
  }
  const sorted = [...groups].map(([scope, group]) => ({ scope, group: group.sort(byActivity) }));
  sorted.sort((a, b) => (b.group[0]?.lastActiveAt ?? 0) - (a.group[0]?.lastActiveAt ?? 0));
  const rows: Row[] = [];
  sorted.forEach(({ scope, group }, index) => {
    const isOpen = filter !== "" || !closed.has(scope);
    rows.push({ kind: "scope", scope, count: group.length, isOpen, place: index + 1, of: sorted.length });
    if (isOpen) group.forEach((card, at) => rows.push({ kind: "session", card, place: at + 1, of: group.length }));
  });
  return rows;
}

function byActivity(a: Card, b: Card): number {
  return b.lastActiveAt - a.lastActiveAt || b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
}

export const keyOf = (row: Row): string => (row.kind === "scope" ? `scope ${row.scope}` : `session ${row.card.id}`);

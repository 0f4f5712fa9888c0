/**
 * What was typed and not yet saved outlives a reload, with the key that it will be saved under: if the page is loaded again while a message is
 * on its way, sending it again saves it once.
 */
export interface Draft {
  readonly text: string;
  readonly key: string;
}

const place = (id: string): string => `draft ${id}`;

export function readDraft(id: string): Draft {
  try {
    const kept = JSON.parse(sessionStorage.getItem(place(id)) ?? "null") as Draft | null;
    if (kept !== null) return kept;
  } catch {
    // Not ours, or no storage: an empty draft does.
  }
  return { text: "", key: newKey() };
}

export function keepDraft(id: string, draft: Draft): void {
  try {
    if (draft.text === "") sessionStorage.removeItem(place(id));
    else sessionStorage.setItem(place(id), JSON.stringify(draft));
  } catch {
    // A draft too large to keep is still in the page.
  }
}

export const newKey = (): string => `page-${crypto.randomUUID()}`;

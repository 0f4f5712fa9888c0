/**
 * What was typed and not yet saved outlives a reload, each message with the key that it will be saved under: if the page is loaded again while a message is
 * on its way, sending it again saves it once.
 */
export interface Draft {
  /** What is in the box. */
  readonly text: string;
  readonly key: string;
  /** What was sent and is not known to be saved, the earliest first. */
  readonly waiting: readonly Waiting[];
}

export interface Waiting {
  readonly role: string;
  readonly text: string;
  readonly key: string;
}

const PLACE = "draft ";
const place = (id: string): string => PLACE + id;

export function readDraft(id: string): Draft {
  const empty = { text: "", key: newKey(), waiting: [] };
  try {
    return { ...empty, ...(JSON.parse(sessionStorage.getItem(place(id)) ?? "{}") as Partial<Draft>) };
  } catch {
    // Not ours, or no storage: an empty draft does.
    return empty;
  }
}

/** The sessions for which a message waits that was not saved before the page was loaded again. */
export function waitingSessions(): string[] {
  try {
    return Object.keys(sessionStorage).filter((key) => key.startsWith(PLACE)).map((key) => key.slice(PLACE.length)).filter((id) => readDraft(id).waiting.length > 0);
  } catch {
    return [];
  }
}

export function keepDraft(id: string, draft: Draft): void {
  try {
    if (draft.text === "" && draft.waiting.length === 0) sessionStorage.removeItem(place(id));
    else sessionStorage.setItem(place(id), JSON.stringify(draft));
  } catch {
    // A draft too large to keep is still in the page.
  }
}

export const newKey = (): string => `page-${crypto.randomUUID()}`;

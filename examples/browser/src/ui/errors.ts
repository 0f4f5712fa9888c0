/** Errors as sentences for people. */
import { StoreError } from "../store.ts";
import { toast } from "./live.ts";

const SENTENCES: Readonly<Record<string, string>> = {
  not_found: "This conversation is not there any more; it may have been deleted in another tab.",
  invalid_transition: "The status has changed meanwhile, and does not allow this move any more.",
  conflict: "Something else was written here meanwhile. Nothing was changed.",
  disk_full: "The browser has no space left for this page. Nothing was changed. Clean up old conversations, or free space on the disk.",
  closed: "The browser has taken away this page's storage, as when its data are cleared. Load the page again.",
  unsupported_schema: "A newer version of this page has been here. Load the page again.",
  poisoned: "The page ran out of memory. What was saved is still there: load the page again.",
  permission_denied: "The browser does not let this page keep anything. Its settings for this site may say why.",
};

/** A sentence that says what happened and what to do. */
export function sentence(error: unknown): string {
  if (error instanceof StoreError) return SENTENCES[error.code] ?? `That did not work: ${error.message}.`;
  return `That did not work: ${error instanceof Error ? error.message : String(error)}.`;
}

/** What is wrong with a file that could not be imported. `name` knows what sessions are called here. */
export function fileSentence(error: unknown, name: (id: string) => string | null): string {
  if (!(error instanceof StoreError)) return sentence(error);
  const known = error.session === null ? null : name(error.session);
  const subject = `${error.session === null ? "Something" : "A conversation"} in this archive is here already`;
  const called = known === null ? "" : `: “${known}”`;
  switch (error.code) {
    case "invalid_argument":
      return "This is not an archive of conversations. An archive is what “Export” writes here, and the store's export in any language.";
    case "corrupted":
      return "This archive is damaged: a part of it is missing or was changed. Nothing was imported. Try another copy of the file.";
    case "unsupported_schema":
      return "This archive was written by a newer version. Nothing was imported. Load the page again, or use a newer version of it.";
    case "conflict":
      return `${subject}, but differs${called}. Nothing was imported, so that nothing is overwritten.`;
    case "already_exists":
      return `${subject}, under another identifier${called}. Nothing was imported.`;
    case "unexpected":
      return "The file could not be read. It may have been moved or changed meanwhile.";
    default:
      return sentence(error);
  }
}

/** Runs something, and shows the sentence where it fails. */
export async function shown<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    toast(sentence(error), { isError: true, stays: 12_000 });
    return undefined;
  }
}

import type { Model } from "../model.ts";
import { h } from "../ui/dom.ts";
import { shown } from "../ui/errors.ts";
import { announce, toast } from "../ui/live.ts";
import { plural, size } from "../ui/words.ts";

/** Writes everything into one file, which the browser saves like a download. It comes from memory: nothing is sent. */
export async function exportAll(model: Model): Promise<void> {
  const working = toast("Writing the archive …", { stays: 0 });
  const done = await shown(model.store.call("exportArchive", []));
  working.close();
  if (done === undefined) return;
  const url = URL.createObjectURL(new Blob([done.archive], { type: "application/octet-stream" }));
  const link = h("a", { href: url, download: `conversations-${new Date().toISOString().slice(0, 10)}.convostore` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  const words = `Exported ${plural(done.sessions, "conversation")} with ${plural(done.messages, "message")}: ${size(done.archive.byteLength)}.`;
  announce(words);
  toast(words);
}

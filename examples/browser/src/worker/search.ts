import type { Store } from "convostore";
import { isInstruction } from "./parts.ts";

/** How long the search goes on before it lets other questions of the page be answered, in milliseconds. */
const SLICE = 30;

/** The ids of sessions in whose messages a text occurs, in whatever case. */
export async function search(store: Store, text: string, signal: AbortSignal): Promise<string[]> {
  const wanted = text.toLowerCase();
  const found: string[] = [];
  let began = performance.now();
  for await (const session of sessions(store)) {
    signal.throwIfAborted();
    for (const message of await store.getMessages(session.id)) {
      // The same instructions stand in many conversations: their words would find all of them.
      if (isInstruction(message.role)) continue;
      const said = typeof message.content === "string" ? message.content : message.contentJson;
      if (!said.toLowerCase().includes(wanted)) continue;
      found.push(session.id);
      break;
    }
    if (performance.now() - began > SLICE) {
      await new Promise((resolve) => setTimeout(resolve));
      began = performance.now();
    }
  }
  return found;
}

/** All sessions, the latest first. */
export async function* sessions(store: Store): AsyncGenerator<{ id: string; scope: string; revision: number; messageCount: number }> {
  let cursor: string | undefined;
  do {
    const page = await store.listSessions({ limit: 1000, cursor });
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

// What a program in TypeScript writes, checked by `tsc --strict` against the installed package. Not run.
import { type Context, ConvostoreError, init, type JsonValue, jsonText, type Message, NotFoundError, type Page, type Session, Store } from "convostore";

export async function main(signal: AbortSignal): Promise<void> {
  await init();
  await using memory = await Store.inMemory({ tenant: "acme", roles: ["critic"], ids: "timestamp", preview: "first", clock: () => new Date(0) });
  const store: Store = await Store.open({ path: "a.convostore", signal });
  const kept: Store = await Store.open({ name: "chat" });
  const session: Session = await store.getOrCreateSession({ scope: "C042", key: "1718.55", metadata: { a: [1, 2n, null] } });
  const message: Message = await store.saveMessage(session.id, { role: "user", content: "hello" }, { expectedRevision: session.revision, signal });
  const saved: Message[] = await store.saveMessages(session.id, [{ role: "critic", content: { ok: true }, dedupKey: "k", tokenCount: 3 }], { update: { status: "active", owner: null } });
  const content: JsonValue = message.content;
  if (typeof content === "bigint") content satisfies bigint;
  const page: Page<Session> = await store.listSessions({ scopePrefix: "C", order: "creation", limit: 20 });
  const when: Date = (page.items[0] ?? session).lastActiveAt;
  for await (const each of store.streamMessages(session.id, { after: 3, signal })) each.seq satisfies number;
  const context: Context | null = await store.getContext("C042");
  await store.setContext("C042", jsonText('{"n":1.50}'), { expectedRevision: context?.revision ?? 0 });
  const { archive, report } = await store.exportArchive();
  await memory.importArchive(archive, { dryRun: true });
  await memory.importArchive(new Blob([archive]).stream());
  report.unreadable satisfies string[];
  try {
    await store.touchSession("nobody");
  } catch (error) {
    if (error instanceof NotFoundError) error.details["session_id"];
    if (error instanceof ConvostoreError && error.code === "busy") console.log(error.message, saved, when);
  }
  // @ts-expect-error: a path or a name
  await Store.open({});
  // @ts-expect-error: one of them
  await Store.open({ path: "a", name: "b" });
  // @ts-expect-error: a text
  await store.getSession(5);
  // @ts-expect-error: no dates in contents
  await store.saveMessage(session.id, { role: "user", content: { at: new Date() } });
  // @ts-expect-error: read-only
  message.seq = 5;
  await kept.close();
}

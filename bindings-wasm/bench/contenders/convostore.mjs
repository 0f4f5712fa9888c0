import { Store } from "convostore";

/** Our store, in memory, or on a file where a path is given. */
export async function convostore(path) {
  const store = path === undefined ? await Store.inMemory() : await Store.open({ path });
  return {
    begin: (id) => store.createSession({ id, scope: "bench" }),
    append: (id, message) => store.saveMessage(id, message),
    appendAll: (id, messages) => store.saveMessages(id, messages),
    load: (id) => store.getMessages(id),
    last: (id, count) => store.getMessages(id, { last: count }),
    list: async (count) => (await store.listSessions({ scope: "bench", limit: count })).items,
    close: () => store.close(),
  };
}

// What a program writes that needs no store: a Map of sessions, each with a list of messages, copied on the way in and out, or not.

function map(copyIn, copyOut) {
  return async () => {
    const sessions = new Map();
    const save = (session, { role, content }) => {
      const saved = { seq: session.messages.length + 1, role, content, createdAt: new Date() };
      session.messages.push(copyIn(saved));
      session.lastActiveAt = saved.createdAt.getTime();
      session.preview ??= content.slice(0, 100);
      return saved;
    };
    return {
      begin: async (id) => void sessions.set(id, { id, scope: "bench", createdAt: Date.now(), lastActiveAt: Date.now(), preview: undefined, messages: [] }),
      append: async (id, message) => save(sessions.get(id), message),
      appendAll: async (id, messages) => messages.map((message) => save(sessions.get(id), message)),
      load: async (id) => sessions.get(id).messages.map(copyOut),
      last: async (id, count) => sessions.get(id).messages.slice(-count).map(copyOut),
      list: async (count) => {
        const latest = [...sessions.values()].sort((a, b) => b.lastActiveAt - a.lastActiveAt).slice(0, count);
        return latest.map(({ id, scope, createdAt, lastActiveAt, preview, messages }) => ({
          id, scope, preview, messageCount: messages.length, createdAt: new Date(createdAt), lastActiveAt: new Date(lastActiveAt),
        }));
      },
      close: async () => sessions.clear(),
    };
  };
}

export const mapOfText = map(JSON.stringify, (text) => {
  const message = JSON.parse(text);
  message.createdAt = new Date(message.createdAt);
  return message;
});
export const mapOfClones = map(structuredClone, (message) => structuredClone(message));
/** Hands out what it holds: whoever changes what he got changes what is stored. */
export const mapOfReferences = map((message) => message, (message) => message);

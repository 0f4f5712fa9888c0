import { MemorySession } from "@openai/agents-core";

/** As @openai/agents has it; told not to write what it stores into a log, which would cost it more. It has no list of sessions. */
export async function memorySession() {
  const sessions = new Map();
  const logger = { dontLogModelData: true, dontLogToolData: true, debug() {}, error() {}, warn() {} };
  const item = ({ role, content }) => (role === "user" ? { role, content } : { role, status: "completed", content: [{ type: "output_text", text: content }] });
  return {
    begin: async (id) => void sessions.set(id, new MemorySession({ sessionId: id, logger })),
    append: (id, message) => sessions.get(id).addItems([item(message)]),
    appendAll: (id, messages) => sessions.get(id).addItems(messages.map(item)),
    load: (id) => sessions.get(id).getItems(),
    last: (id, count) => sessions.get(id).getItems(count),
    close: async () => sessions.clear(),
  };
}

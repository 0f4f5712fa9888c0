// What the agent can do.
import { readFile } from "node:fs/promises";

export const tools = {
  /** Reads a conversation of a file with one in each line: who asked what, and the tools that were used. Nothing after the last. */
  async read_conversation({ file, number }) {
    const line = (await readFile(file, "utf8")).split("\n")[number - 1];
    await new Promise((done) => setTimeout(done, Number(process.env.AGENT_PAUSE ?? 30))); // tools take their time
    if (!line) return { number };
    const { id, messages } = JSON.parse(line);
    const question = messages.find((message) => message.role === "user").content;
    return { number, id, question, tools: messages.flatMap((message) => message.tool_calls ?? []).map((call) => call.function.name) };
  },
};

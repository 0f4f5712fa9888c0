// Stands for a language model: it decides by what has been said so far, and by nothing else. Yours would be asked over the network.

/** What the history tells: how many conversations were read, which tools were used in them how often, and what their readers asked. */
function known(history) {
  const found = { read: 0, tools: {}, asked: [], file: undefined, isAtEnd: false };
  for (const { role, content } of history) {
    if (role === "user") found.file = content.file;
    if (role === "system") Object.assign(found, structuredClone(content));
    if (role !== "tool") continue;
    if (content.question === undefined) {
      found.isAtEnd = true;
      continue;
    }
    found.read++;
    found.asked.push(content.question);
    for (const tool of content.tools) found.tools[tool] = (found.tools[tool] ?? 0) + 1;
  }
  return found;
}

/** The next tool to call, or the answer. */
export function decide(history) {
  const { read, tools, asked, file, isAtEnd } = known(history);
  if (!isAtEnd) return { tool: "read_conversation", arguments: { file, number: read + 1 } };
  const used = Object.entries(tools).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([name, times]) => `${name} ${times}×`);
  return { answer: `${read} conversations. Tools used: ${used.join(", ")}. First question: “${asked[0]}”` };
}

/** What has to be known of a history to go on without it. */
export const summarise = (history) => known(history);

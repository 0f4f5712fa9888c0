// An archive worth looking at: our own sample conversations, as a few programs would have kept them over some months.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Store } from "convostore";

const DAY = 86_400_000;
const sample = join(import.meta.dirname, "..", "..", "data", "library-conversations.jsonl");
const conversations = readFileSync(sample, "utf8").trim().split("\n").map((line) => JSON.parse(line).messages);

const places = [
  { scope: "library/help desk", every: 1.1, owner: "desk" },
  { scope: "library/night line", every: 2.7, owner: "night" },
  { scope: "~/projects/catalogue", every: 4.3, owner: "ada" },
  { scope: "#reading-circle", every: 6.1, owner: null },
];

/** Names that go with the conversations; where there is none, the first message is the name. */
const titles = [
  ["Renewal: The Left Hand of Darkness", null, "Due dates before the holidays", null],
  ["Beetles for a seven-year-old", "Käferbücher, children's shelves", null, "Reservation: Der Maikäfer"],
  ["Shelf marks as sort keys", null, "Sorting the catalogue"],
  ["Opening hours, a long time ago", null, "Seconds since the epoch"],
  ["Fees: late return and a new card", null, "Paying by link"],
];
/** Which of them is the latest, the one before it, and so on. */
const order = [4, 1, 2, 0, 3];

/** Numbers that look like chance and are the same each time. */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

/** When which place has a conversation, in days before the end, the oldest first. */
function starts(random) {
  const found = [];
  for (const place of places) {
    for (let age = 88 * random(); age > 0.02; age -= place.every * (0.3 + 1.4 * random())) found.push({ ...place, age: age * (0.4 + 0.6 * random()) });
  }
  return found.sort((a, b) => b.age - a.age);
}

/** The archive as it would be at `end`, in milliseconds. */
export async function showcase(end) {
  let now = end;
  const store = await Store.inMemory({ clock: () => new Date(now) });
  const random = chance(7);
  const all = starts(random);
  for (const [number, { scope, owner, age }] of all.entries()) {
    const back = all.length - 1 - number;
    now = end - age * DAY;
    const which = order[back % order.length];
    const names = titles[which];
    const title = names[Math.floor(back / order.length) % names.length];
    const session = await store.createSession({ scope, key: `${number}`, ...(owner === null ? {} : { owner }), ...(title === null ? {} : { metadata: { title } }) });
    await store.updateSession(session.id, { status: "active" });
    for (const message of conversations[which]) {
      now = Math.min(end, now + 8000 + 50_000 * random());
      await store.saveMessage(session.id, { role: message.role, content: message.role === "tool" || message.tool_calls ? message : message.content });
    }
    if (number % 9 === 4) await store.saveSummary(session.id, "The reader asked for a title and it was found; nothing is left to do.");
    if (age > 6) await store.updateSession(session.id, { status: ["paused", "terminated", "active"][number % 3] });
  }
  return (await store.exportArchive()).archive;
}

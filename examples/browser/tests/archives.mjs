// Archives for the tests, written by the store itself, in Node.
import { Store } from "convostore";

/** An archive of what `fill` puts into a store whose clock stands at `now` and moves on by a second with each reading. */
export async function archive(fill, begin = Date.now() - 3_600_000, roles = ["narrator"]) {
  let now = begin;
  const world = { at: (time) => { now = time; } };
  const store = await Store.inMemory({ clock: () => new Date((now += 1000)), roles });
  await fill(store, world);
  return (await store.exportArchive()).archive;
}

/** Many sessions with a few messages each, and one long one. */
export async function large({ sessions, each, long = 0 }) {
  const words = "the quick brown agent looks up an order and answers politely with details about flights and seats".split(" ");
  const text = (length, from) => Array.from({ length }, (_, i) => words[(from * 7 + i * 3) % words.length]).join(" ");
  return archive(async (store) => {
    for (let number = 0; number < sessions; number++) {
      const session = await store.createSession({ scope: `team/${number % 12}`, metadata: { title: number === 0 && long > 0 ? "The long one" : `Conversation ${number}` } });
      const count = number === 0 && long > 0 ? long : each;
      await store.saveMessages(session.id, Array.from({ length: count }, (_, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content: `${i + 1}. ${text(12 + ((i * 13) % 50), i + number)}` })));
    }
  }, Date.now() - 40 * 86_400_000);
}

/** Figures for the charts. What was counted of a session is remembered until the session changes. */
import type { Message, Store } from "convostore";
import type { Figures } from "../protocol.ts";
import { sessions } from "./search.ts";

const MINUTE = 60_000;

interface Counted {
  readonly revision: number;
  readonly bytes: number;
  /** Messages by minute. */
  readonly minutes: ReadonlyMap<number, number>;
}

export class Figurer {
  #known = new Map<string, Counted>();

  async figures(store: Store, isHidden: (id: string) => boolean): Promise<Figures> {
    const known = new Map<string, Counted>();
    const minutes = new Map<number, number>();
    const scopes = new Map<string, { scope: string; bytes: number; sessions: number; messages: number }>();
    let messages = 0;
    for await (const session of sessions(store)) {
      if (isHidden(session.id)) continue;
      let counted = this.#known.get(session.id);
      if (counted?.revision !== session.revision) counted = count(session.revision, await store.getMessages(session.id));
      known.set(session.id, counted);
      for (const [minute, number] of counted.minutes) minutes.set(minute, (minutes.get(minute) ?? 0) + number);
      const scope = scopes.get(session.scope) ?? { scope: session.scope, bytes: 0, sessions: 0, messages: 0 };
      scope.bytes += counted.bytes;
      scope.sessions += 1;
      scope.messages += session.messageCount;
      scopes.set(session.scope, scope);
      messages += session.messageCount;
    }
    this.#known = known;
    return {
      sessions: known.size, messages,
      minutes: [...minutes].sort((a, b) => a[0] - b[0]),
      scopes: [...scopes.values()].sort((a, b) => b.bytes - a.bytes),
    };
  }
}

function count(revision: number, messages: readonly Message[]): Counted {
  const minutes = new Map<number, number>();
  let bytes = 0;
  for (const message of messages) {
    bytes += utf8Length(message.contentJson);
    const minute = Math.floor(message.createdAt.getTime() / MINUTE);
    minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
  }
  return { revision, bytes, minutes };
}

function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Two units of a surrogate pair make four bytes.
    if (unit > 0x7f) length += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return length;
}

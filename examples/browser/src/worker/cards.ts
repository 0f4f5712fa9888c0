import type { Session } from "convostore";
import type { Card } from "../protocol.ts";

/** How much of a name is sent, in characters: a name is free metadata and can be of any length. */
const NAME = 500;

/** What is shown of a session. */
export function cardOf(session: Session): Card {
  const { title } = session.metadata;
  return {
    id: session.id, scope: session.scope, key: session.key, owner: session.owner, lifecycle: session.lifecycle, status: session.status,
    title: typeof title === "string" && title.trim() !== "" ? title.slice(0, NAME) : null,
    preview: session.preview, messageCount: session.messageCount, revision: session.revision,
    createdAt: session.createdAt.getTime(), lastActiveAt: session.lastActiveAt.getTime(),
  };
}

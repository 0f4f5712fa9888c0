import type { Session } from "convostore";
import type { Card } from "../protocol.ts";

/** What is shown of a session. */
export function cardOf(session: Session): Card {
  const { title } = session.metadata;
  return {
    id: session.id, scope: session.scope, key: session.key, owner: session.owner, lifecycle: session.lifecycle, status: session.status,
    title: typeof title === "string" && title.trim() !== "" ? title : null,
    preview: session.preview, messageCount: session.messageCount, revision: session.revision,
    createdAt: session.createdAt.getTime(), lastActiveAt: session.lastActiveAt.getTime(),
  };
}

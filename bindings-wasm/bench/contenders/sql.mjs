// SQLite in its several packages, with the same tables and statements; every package says how to prepare and run one.

const TABLES = `
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, scope TEXT NOT NULL, preview TEXT, message_count INTEGER NOT NULL, created_at INTEGER NOT NULL, last_active_at INTEGER NOT NULL
  );
  CREATE INDEX sessions_by_activity ON sessions (scope, last_active_at DESC, id);
  CREATE TABLE messages (
    session_id TEXT NOT NULL, seq INTEGER NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (session_id, seq)
  ) WITHOUT ROWID;`;

const toMessage = ([seq, role, content, createdAt]) => ({ seq, role, content, createdAt: new Date(createdAt) });

/** `exec(sql)`; `prepare(sql)` gives `{ run(values), rows(values) }`, where a row is an array. */
export function sql({ exec, prepare, close }) {
  exec(TABLES);
  const [begin, commit, rollback] = ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"].map(prepare);
  const insertSession = prepare("INSERT INTO sessions VALUES (?, ?, NULL, 0, ?, ?)");
  const touch = prepare("UPDATE sessions SET message_count = message_count + ?, last_active_at = ?, preview = coalesce(preview, ?) WHERE id = ? RETURNING message_count");
  const insert = prepare("INSERT INTO messages VALUES (?, ?, ?, ?, ?)");
  const load = prepare("SELECT seq, role, content, created_at FROM messages WHERE session_id = ? ORDER BY seq");
  const last = prepare("SELECT seq, role, content, created_at FROM messages WHERE session_id = ? ORDER BY seq DESC LIMIT ?");
  const list = prepare("SELECT id, scope, preview, message_count, created_at, last_active_at FROM sessions WHERE scope = ? ORDER BY last_active_at DESC, id LIMIT ?");
  const appendAll = (id, messages) => {
    const now = Date.now();
    begin.run([]);
    try {
      const [[count]] = touch.rows([messages.length, now, messages[0].content.slice(0, 100), id]);
      const saved = messages.map(({ role, content }, i) => ({ seq: count - messages.length + 1 + i, role, content, createdAt: new Date(now) }));
      for (const { seq, role, content } of saved) insert.run([id, seq, role, content, now]);
      commit.run([]);
      return saved;
    } catch (error) {
      rollback.run([]);
      throw error;
    }
  };
  return {
    begin: (id) => insertSession.run([id, "bench", Date.now(), Date.now()]),
    append: (id, message) => appendAll(id, [message])[0],
    appendAll,
    load: (id) => load.rows([id]).map(toMessage),
    last: (id, count) => last.rows([id, count]).reverse().map(toMessage),
    list: (count) => list.rows(["bench", count]).map(([id, scope, preview, messageCount, createdAt, lastActiveAt]) => ({
      id, scope, preview, messageCount, createdAt: new Date(createdAt), lastActiveAt: new Date(lastActiveAt),
    })),
    close,
  };
}

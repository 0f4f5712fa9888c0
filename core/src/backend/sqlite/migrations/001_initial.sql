-- Schema 1. Applied in one transaction, which also sets user_version.

PRAGMA application_id = 0x636f6e76; -- "conv": which program this file belongs to

CREATE TABLE sessions (
  no             INTEGER PRIMARY KEY,     -- the session's number in this file, 1 to 2^31 - 1; inside only, an archive does not carry it
  tenant         TEXT    NOT NULL,        -- whose it is; leads every key
  id             TEXT    NOT NULL,        -- unique in the tenant
  scope          TEXT    NOT NULL,        -- the place it belongs to
  key            TEXT,                    -- its name in the scope, unique there
  owner          TEXT,
  lifecycle      TEXT    NOT NULL,
  status         TEXT    NOT NULL,
  is_final       INTEGER NOT NULL,        -- 1: the status is a final one of the lifecycle
  message_count  INTEGER NOT NULL,        -- how many messages there are now
  last_seq       INTEGER NOT NULL,        -- the highest seq ever given out
  revision       INTEGER NOT NULL,        -- grows with every change
  created_at     INTEGER NOT NULL,        -- milliseconds since 1970 in UTC, like all times
  updated_at     INTEGER NOT NULL,
  last_active_at INTEGER NOT NULL,
  preview_seq    INTEGER,                 -- the seq of the message that the preview was taken from
  preview        TEXT
) STRICT;

-- One index for each order in which sessions are listed, so that a page costs a page and nothing is sorted.
CREATE UNIQUE INDEX sessions_by_id    ON sessions (tenant, id);
CREATE UNIQUE INDEX sessions_by_key   ON sessions (tenant, scope, key) WHERE key IS NOT NULL;
CREATE INDEX sessions_by_activity           ON sessions (tenant, last_active_at, created_at, id);
CREATE INDEX sessions_by_scope_and_activity ON sessions (tenant, scope, last_active_at, created_at, id);
CREATE INDEX sessions_by_owner_and_activity ON sessions (tenant, owner, last_active_at, created_at, id) WHERE owner IS NOT NULL;
CREATE INDEX sessions_by_creation           ON sessions (tenant, created_at, id);
CREATE INDEX sessions_by_scope_and_creation ON sessions (tenant, scope, created_at, id);
CREATE INDEX sessions_by_owner_and_creation ON sessions (tenant, owner, created_at, id) WHERE owner IS NOT NULL;

-- Apart from the sessions, so that an append neither reads nor rewrites it. A session without a row here has the metadata {}.
CREATE TABLE session_metadata (
  session_no INTEGER PRIMARY KEY,         -- sessions.no
  metadata   TEXT NOT NULL                -- a JSON object, verbatim
) STRICT;

-- A rowid table, clustered by session: the last messages of a session are neighbours, and no second index is needed. The content
-- comes last, so that a filter does not read the overflow pages of long ones.
CREATE TABLE messages (
  id          INTEGER PRIMARY KEY,        -- session_no * 2^32 + seq
  role        TEXT    NOT NULL,
  is_summary  INTEGER NOT NULL,           -- 1: it stands for earlier messages
  is_text     INTEGER NOT NULL,           -- 1: content is the text itself; 0: content is JSON text
  token_count INTEGER,
  created_at  INTEGER NOT NULL,
  dedup_key   TEXT,                       -- makes a retry safe; unique in the session
  content     TEXT    NOT NULL            -- verbatim
) STRICT;

CREATE UNIQUE INDEX messages_by_dedup_key ON messages (id >> 32, dedup_key) WHERE dedup_key IS NOT NULL;

-- One JSON object per scope.
CREATE TABLE contexts (
  tenant     TEXT    NOT NULL,
  scope      TEXT    NOT NULL,
  revision   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  data       TEXT    NOT NULL,            -- a JSON object, verbatim
  PRIMARY KEY (tenant, scope)
) STRICT, WITHOUT ROWID;

-- The lifecycles that were defined; the built-in ones are no rows.
CREATE TABLE lifecycles (
  tenant     TEXT NOT NULL,
  name       TEXT NOT NULL,
  definition TEXT NOT NULL,               -- JSON: name, initial, statuses, moves, final_statuses
  PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- For people who look into the file; the program does not use it.
CREATE VIEW readable_messages AS
SELECT
  s.tenant,
  s.id                                                              AS session_id,
  m.id & 4294967295                                                 AS seq,
  m.role,
  strftime('%Y-%m-%dT%H:%M:%fZ', m.created_at / 1000.0, 'unixepoch') AS created_at,
  m.token_count,
  m.is_summary,
  m.is_text,
  m.dedup_key,
  m.content
FROM sessions s JOIN messages m ON m.id BETWEEN s.no << 32 AND (s.no << 32) + 4294967295;

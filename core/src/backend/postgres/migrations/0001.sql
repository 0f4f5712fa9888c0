-- The first schema. {schema} is the schema's name, quoted.
--
-- Made to be distributed: every primary key and unique index starts with the tenant, by which the tables would be sharded; no sequence,
-- no foreign key, no function, no trigger. COLLATE "C" throughout: text is compared byte by byte, as in every other backend.
-- Moments are milliseconds since 1970, so nothing depends on time zones.

-- One conversation each. The counters stand here so that a list reads nothing else.
CREATE TABLE {schema}.sessions (
    tenant         text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    scope          text COLLATE "C" NOT NULL,
    key            text COLLATE "C",
    owner          text COLLATE "C",
    lifecycle      text COLLATE "C" NOT NULL,
    status         text COLLATE "C" NOT NULL,
    is_final       boolean NOT NULL,
    preview        text COLLATE "C",
    preview_seq    bigint,
    message_count  bigint NOT NULL,
    -- The highest seq ever given out: a number is never used twice. All backends end at the same one.
    last_seq       bigint NOT NULL CHECK (last_seq <= 4294967295),
    revision       bigint NOT NULL,
    created_at     bigint NOT NULL,
    updated_at     bigint NOT NULL,
    last_active_at bigint NOT NULL,
    -- The time that the last append gave to messages without one of their own. The append reads it back: RETURNING tells new values only.
    append_floor   bigint NOT NULL DEFAULT 0
);

-- The order in which the indexes are made matters as long as the table has never been analyzed: all of them then look equally cheap, and PostgreSQL
-- takes the youngest that fits. Made first, the primary key lost to an index in which an id can only be found by reading through a tenant.

-- One index for each list that costs no more than its page. They are read backwards: every order is descending.
CREATE INDEX sessions_activity ON {schema}.sessions (tenant, last_active_at, created_at, id);
CREATE INDEX sessions_creation ON {schema}.sessions (tenant, created_at, id);
CREATE INDEX sessions_scope_activity ON {schema}.sessions (tenant, scope, last_active_at, created_at, id);
CREATE INDEX sessions_scope_creation ON {schema}.sessions (tenant, scope, created_at, id);
CREATE INDEX sessions_owner_activity ON {schema}.sessions (tenant, owner, last_active_at, created_at, id) WHERE owner IS NOT NULL;
CREATE INDEX sessions_owner_creation ON {schema}.sessions (tenant, owner, created_at, id) WHERE owner IS NOT NULL;
ALTER TABLE {schema}.sessions ADD PRIMARY KEY (tenant, id);
CREATE UNIQUE INDEX sessions_key ON {schema}.sessions (tenant, scope, key) WHERE key IS NOT NULL;

-- Apart from the session, so that an append does not write it again. No row stands for `{}`.
CREATE TABLE {schema}.session_metadata (
    tenant   text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    -- Verbatim: json would do, jsonb would bend it.
    metadata text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE {schema}.messages (
    tenant      text COLLATE "C" NOT NULL,
    session_id  text COLLATE "C" NOT NULL,
    seq         bigint NOT NULL,
    created_at  bigint NOT NULL,
    token_count bigint,
    is_text     boolean NOT NULL,
    is_summary  boolean NOT NULL,
    role        text COLLATE "C" NOT NULL,
    dedup_key   text COLLATE "C",
    -- Verbatim: the text itself where is_text, else JSON text.
    content     text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, session_id, seq)
);

CREATE UNIQUE INDEX messages_dedup_key ON {schema}.messages (tenant, session_id, dedup_key) WHERE dedup_key IS NOT NULL;

CREATE TABLE {schema}.contexts (
    tenant     text COLLATE "C" NOT NULL,
    scope      text COLLATE "C" NOT NULL,
    data       text COLLATE "C" NOT NULL,
    revision   bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (tenant, scope)
);

CREATE TABLE {schema}.lifecycles (
    tenant     text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    -- JSON text.
    definition text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- Whose turn it is to start a session in a scope that has none to continue: there is no row yet that two could wait for. Scopes share
-- a few thousand turns, so this stays small and outlives no scope's name.
CREATE TABLE {schema}.turns (
    tenant text COLLATE "C" NOT NULL,
    bucket bigint NOT NULL,
    taken  bigint NOT NULL,
    PRIMARY KEY (tenant, bucket)
);

-- A transaction sees the rows of the tenant that it was set for and no others, whoever owns the tables; without one it sees none. The
-- setting begins with '=', so that the empty name is not what an unset one reads as.
ALTER TABLE {schema}.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {schema}.sessions USING (tenant = substr(nullif(current_setting('convostore.tenant', true), ''), 2));
ALTER TABLE {schema}.session_metadata ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.session_metadata FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {schema}.session_metadata USING (tenant = substr(nullif(current_setting('convostore.tenant', true), ''), 2));
ALTER TABLE {schema}.messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {schema}.messages USING (tenant = substr(nullif(current_setting('convostore.tenant', true), ''), 2));
ALTER TABLE {schema}.contexts ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.contexts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {schema}.contexts USING (tenant = substr(nullif(current_setting('convostore.tenant', true), ''), 2));
ALTER TABLE {schema}.lifecycles ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.lifecycles FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {schema}.lifecycles USING (tenant = substr(nullif(current_setting('convostore.tenant', true), ''), 2));
ALTER TABLE {schema}.turns ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.turns FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {schema}.turns USING (tenant = substr(nullif(current_setting('convostore.tenant', true), ''), 2));

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE sessions (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    token_hash BYTEA NOT NULL UNIQUE,
    token      BYTEA NOT NULL,
    os_name    TEXT NOT NULL,
    subscribe  TEXT NOT NULL,
    jid        TEXT,
    lid        TEXT,
    wanted     BIGINT NOT NULL DEFAULT 0,
    health     TEXT,
    created_at BIGINT NOT NULL
);

-- WhatsApp's key material: opaque values under a kind and a key.
CREATE TABLE keys (
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    kind       BIGINT NOT NULL,
    key        BYTEA NOT NULL,
    value      BYTEA NOT NULL,
    number     BIGINT NOT NULL,
    PRIMARY KEY (session_id, kind, key)
);

CREATE TABLE webhooks (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    url        TEXT NOT NULL,
    format     TEXT NOT NULL,
    secret     BYTEA,
    headers    TEXT NOT NULL
);
CREATE INDEX webhooks_of_session ON webhooks (session_id);

-- `id` is the cursor that readers keep; it only grows.
CREATE TABLE events (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   TEXT NOT NULL UNIQUE,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    dedupe     TEXT,
    chat       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    payload    BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (session_id, dedupe)
);
CREATE INDEX events_of_session ON events (session_id, id);

-- state: 0 waiting, 1 delivered, 2 dead.
CREATE TABLE deliveries (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event      BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    chat       TEXT NOT NULL,
    state      BIGINT NOT NULL DEFAULT 0,
    attempts   BIGINT NOT NULL DEFAULT 0,
    due_at     BIGINT NOT NULL
);
CREATE INDEX deliveries_lane ON deliveries (webhook_id, chat, id) WHERE state = 0;
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 0;
CREATE INDEX deliveries_of_event ON deliveries (event);

CREATE TABLE attempts (
    delivery_id BIGINT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number      BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    latency_ms  BIGINT NOT NULL,
    status      BIGINT,
    error       TEXT,
    PRIMARY KEY (delivery_id, number)
);

CREATE TABLE idempotency (
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    body_hash  BYTEA NOT NULL,
    claimed_at BIGINT NOT NULL,
    status     BIGINT,
    body       BYTEA,
    PRIMARY KEY (session_id, key)
);
CREATE INDEX idempotency_age ON idempotency (claimed_at);

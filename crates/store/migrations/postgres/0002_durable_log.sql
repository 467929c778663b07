-- `events` NULL: the session's subscription. `chats` between commas, nothing for all. `old_secret` still signs for a while.
ALTER TABLE webhooks ADD COLUMN events TEXT;
ALTER TABLE webhooks ADD COLUMN chats TEXT NOT NULL DEFAULT ',';
ALTER TABLE webhooks ADD COLUMN old_secret BYTEA;
ALTER TABLE webhooks ADD COLUMN old_secret_until BIGINT;
ALTER TABLE webhooks ADD COLUMN failing_since BIGINT;
ALTER TABLE webhooks ADD COLUMN paused_at BIGINT;
ALTER TABLE webhooks ADD COLUMN paused_reason TEXT;
ALTER TABLE webhooks ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;

ALTER TABLE sessions ADD COLUMN pruned_to BIGINT NOT NULL DEFAULT 0;

ALTER TABLE events ADD COLUMN topic TEXT NOT NULL DEFAULT '';
UPDATE events SET topic = kind;
CREATE INDEX events_age ON events (created_at);

-- How to fetch the file that belongs to an event. state: 0 waiting, 1 ready, 2 failed, 3 fetched and removed again.
CREATE TABLE media (
    event      BIGINT PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    descriptor BYTEA NOT NULL,
    state      BIGINT NOT NULL DEFAULT 0,
    attempts   BIGINT NOT NULL DEFAULT 0,
    due_at     BIGINT NOT NULL,
    file       TEXT,
    name       TEXT,
    mimetype   TEXT,
    reason     TEXT
);
CREATE INDEX media_due ON media (due_at) WHERE state = 0;
CREATE INDEX media_ready ON media (event) WHERE state = 1;
CREATE INDEX media_of_session ON media (session_id);

-- state: 0 waiting, 1 delivered, 2 dead, 3 dead and asked for again.
-- Of a lane (webhook and chat) only the first waiting delivery has a due time; the others have the largest number.
ALTER TABLE deliveries ADD COLUMN with_file BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN url TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN response BYTEA;
UPDATE deliveries SET due_at = 9223372036854775807 WHERE state = 0 AND EXISTS (
    SELECT 1 FROM deliveries p
    WHERE p.state = 0 AND p.webhook_id = deliveries.webhook_id AND p.chat = deliveries.chat AND p.id < deliveries.id
);
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at, id) WHERE state = 0;
CREATE INDEX deliveries_dead ON deliveries (webhook_id, id) WHERE state = 2;
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id, id);

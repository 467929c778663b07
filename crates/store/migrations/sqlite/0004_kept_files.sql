-- Files of messages that are kept in a folder or a bucket.
-- keep: 0 not, 1 as soon as the file is fetched, 2 done.
ALTER TABLE media ADD COLUMN keep BIGINT NOT NULL DEFAULT 0;
ALTER TABLE media ADD COLUMN keep_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE media ADD COLUMN keep_attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE media ADD COLUMN for_webhooks BIGINT NOT NULL DEFAULT 1;
CREATE INDEX media_to_keep ON media (keep_at) WHERE keep = 1 AND state = 1;

-- Without references: an object outlives its event and its session until it has been removed. size: NULL until it is whole.
CREATE TABLE kept_files (
    event_id   TEXT PRIMARY KEY,
    session_id BIGINT NOT NULL,
    place      TEXT NOT NULL,
    name       TEXT NOT NULL,
    mimetype   TEXT NOT NULL,
    size       BIGINT,
    kept_at    BIGINT NOT NULL
);
CREATE INDEX kept_files_age ON kept_files (kept_at);

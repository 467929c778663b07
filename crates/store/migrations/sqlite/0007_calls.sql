-- What a session does by itself when it is called: JSON, of which the database knows nothing.
ALTER TABLE sessions ADD COLUMN call_settings TEXT;

-- Recordings of calls. The file lies in the folder of recordings until it is on the shelf, at `place`. One that goes on, or
-- was cut off, has no `ended_at`. The rows of a deleted session stay until their files are gone too.
CREATE TABLE recordings (
    id TEXT PRIMARY KEY,
    session_id INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    what TEXT NOT NULL,
    format TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    place TEXT
);
CREATE INDEX recordings_by_session ON recordings (session_id, started_at);
CREATE INDEX recordings_by_age ON recordings (started_at);

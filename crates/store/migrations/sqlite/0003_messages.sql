-- `words` is the text as it is searched: the words in a normal form, with spaces between them.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    chat       TEXT NOT NULL,
    message_id TEXT NOT NULL,
    sender     TEXT NOT NULL,
    from_me    BIGINT NOT NULL,
    kind       TEXT NOT NULL,
    text       TEXT NOT NULL,
    words      TEXT NOT NULL,
    payload    BLOB NOT NULL,
    sent_at    BIGINT NOT NULL,
    edited_at  BIGINT,
    revoked_at BIGINT,
    UNIQUE (session_id, chat, message_id)
);
CREATE INDEX messages_by_id ON messages (session_id, message_id);
CREATE INDEX messages_newest ON messages (session_id, sent_at, id);
CREATE INDEX messages_of_chat ON messages (session_id, chat, sent_at, id);
CREATE INDEX messages_age ON messages (sent_at);
CREATE VIRTUAL TABLE messages_fts USING fts5 (words, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 0');
CREATE TRIGGER messages_added AFTER INSERT ON messages BEGIN
    INSERT INTO messages_fts (rowid, words) VALUES (new.id, new.words);
END;
CREATE TRIGGER messages_removed AFTER DELETE ON messages BEGIN
    INSERT INTO messages_fts (messages_fts, rowid, words) VALUES ('delete', old.id, old.words);
END;
CREATE TRIGGER messages_changed AFTER UPDATE OF words ON messages BEGIN
    INSERT INTO messages_fts (messages_fts, rowid, words) VALUES ('delete', old.id, old.words);
    INSERT INTO messages_fts (rowid, words) VALUES (new.id, new.words);
END;

CREATE TABLE message_reactions (
    message BIGINT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    sender  TEXT NOT NULL,
    emoji   TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (message, sender)
);

-- By the message's id alone, since a receipt may come before its message is stored, and from another address of the chat.
CREATE TABLE message_receipts (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id   BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    message_id   TEXT NOT NULL,
    recipient    TEXT NOT NULL,
    delivered_at BIGINT NOT NULL,
    read_at      BIGINT,
    played_at    BIGINT,
    at           BIGINT NOT NULL,
    UNIQUE (session_id, message_id, recipient)
);
CREATE INDEX message_receipts_age ON message_receipts (at);

-- How fast a session sends: an opaque JSON text. NULL: as fast as it is asked to.
ALTER TABLE sessions ADD COLUMN pacing TEXT;

-- Sends that wait for their time. state: 0 waiting, 1 being sent, 2 sent, 3 failed, 4 cancelled.
-- A row that is being sent when the process dies is sent again, under the same id.
CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id   BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    message_id   TEXT NOT NULL,
    route        TEXT NOT NULL,
    body         BLOB NOT NULL,
    hash         BLOB NOT NULL,
    size         BIGINT NOT NULL,
    recipient    TEXT NOT NULL,
    not_before   BIGINT NOT NULL,
    retry_at     BIGINT NOT NULL DEFAULT 0,
    state        BIGINT NOT NULL DEFAULT 0,
    attempts     BIGINT NOT NULL DEFAULT 0,
    error        TEXT,
    created_at   BIGINT NOT NULL,
    finished_at  BIGINT,
    UNIQUE (session_id, message_id)
);
CREATE INDEX outbox_waiting ON outbox (session_id, not_before, id) WHERE state IN (0, 1);
CREATE INDEX outbox_sent ON outbox (session_id, finished_at) WHERE state = 2;
CREATE INDEX outbox_of_session ON outbox (session_id, id);
CREATE INDEX outbox_age ON outbox (finished_at);

-- The files of waiting sends, in pieces. One without a send was left by a process that died while it kept it.
CREATE TABLE outbox_files (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    send       BIGINT REFERENCES outbox (id) ON DELETE CASCADE,
    name       TEXT,
    mimetype   TEXT,
    encoded    BIGINT NOT NULL,
    size       BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX outbox_files_of_send ON outbox_files (send, id);
CREATE INDEX outbox_files_of_session ON outbox_files (session_id);
CREATE TABLE outbox_pieces (
    file  BIGINT NOT NULL REFERENCES outbox_files (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (file, place)
);

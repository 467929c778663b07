-- What the account's devices set of each chat, and when. Times in unix milliseconds; 0: never.
CREATE TABLE chats (
    session_id      BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    chat            TEXT NOT NULL,
    name            TEXT NOT NULL DEFAULT '',
    last_message_at BIGINT NOT NULL DEFAULT 0,
    unread          BIGINT NOT NULL DEFAULT 0,
    pinned          BIGINT NOT NULL DEFAULT 0,
    pinned_at       BIGINT NOT NULL DEFAULT 0,
    muted_until     BIGINT NOT NULL DEFAULT 0,
    muted_at        BIGINT NOT NULL DEFAULT 0,
    archived        BIGINT NOT NULL DEFAULT 0,
    archived_at     BIGINT NOT NULL DEFAULT 0,
    marked_unread   BIGINT NOT NULL DEFAULT 0,
    marked_at       BIGINT NOT NULL DEFAULT 0,
    deleted_at      BIGINT NOT NULL DEFAULT 0,
    -- What was sent before is gone, even if it comes only now; what is starred, only before the other.
    cleared_at      BIGINT NOT NULL DEFAULT 0,
    starred_cleared_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (session_id, chat)
);
CREATE INDEX chats_newest ON chats (session_id, last_message_at);

CREATE TABLE labels (
    session_id    BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    label_id      TEXT NOT NULL,
    name          TEXT NOT NULL,
    color         BIGINT NOT NULL,
    predefined_id BIGINT,
    PRIMARY KEY (session_id, label_id)
);

-- Of chats, and with a message's id of messages. One of a label that there is not waits for it.
CREATE TABLE labelled (
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    label_id   TEXT NOT NULL,
    chat       TEXT NOT NULL,
    message_id TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (session_id, label_id, chat, message_id)
);

CREATE TABLE contacts (
    session_id    BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    jid           TEXT NOT NULL,
    -- From the phone's address book.
    full_name     TEXT NOT NULL DEFAULT '',
    first_name    TEXT NOT NULL DEFAULT '',
    -- What they call themselves.
    push_name     TEXT NOT NULL DEFAULT '',
    business_name TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (session_id, jid)
);

ALTER TABLE messages ADD COLUMN starred BIGINT NOT NULL DEFAULT 0;

-- What was done to messages that are yet to come.
CREATE TABLE message_marks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    chat       TEXT NOT NULL,
    message_id TEXT NOT NULL,
    starred    BIGINT NOT NULL DEFAULT 0,
    removed    BIGINT NOT NULL DEFAULT 0,
    UNIQUE (session_id, chat, message_id)
);

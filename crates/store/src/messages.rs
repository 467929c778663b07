//! The messages of each session, for whoever asks what was said, and how far each came.

use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{Result, Search, SessionId, Store, chats, db::Engine, search::words, writer::Job};

/// Characters of a text that are kept and searched: as many as WhatsApp lets a person write.
const TEXT_MAX: usize = 65_536;
/// Messages that are removed in one transaction, and receipts.
const BATCH_MAX: u64 = 500;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// As the chat's events name it.
    pub chat: String,
    pub id: String,
    /// Who wrote it, without a device.
    pub sender: String,
    pub from_me: bool,
    /// `text`, `image`…
    pub kind: String,
    /// The words in it: a text, a caption, a name. May be empty.
    pub text: String,
    /// All of it: JSON bytes of the session crate.
    pub payload: Vec<u8>,
    /// Unix milliseconds.
    pub sent_at_ms: i64,
}

/// Who changes a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Without a device.
    pub sender: String,
    pub from_me: bool,
    /// An admin of the group may take back what others wrote.
    pub admin: bool,
}

/// How far a message has come at one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Delivered,
    Read,
    Played,
}

/// What happens to the stored messages. What is about a message that is not stored changes nothing, but for receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageChange {
    /// Nothing if it is there already.
    New(NewMessage),
    /// Only its author can.
    Edited {
        chat: String,
        id: String,
        by: Author,
        text: String,
        at_ms: i64,
    },
    /// Its words and its content go; only its author can, or an admin.
    Revoked {
        chat: String,
        id: String,
        by: Author,
        at_ms: i64,
    },
    /// An empty emoji takes the reaction back.
    Reacted {
        chat: String,
        id: String,
        sender: String,
        emoji: String,
        at_ms: i64,
    },
    Receipts {
        ids: Vec<String>,
        recipient: String,
        reach: Reach,
        at_ms: i64,
    },
    /// The account's person marked it, or took the mark away.
    Starred {
        chat: String,
        id: String,
        on: bool,
    },
    /// The account's person wants to see it no more.
    Removed {
        chat: String,
        id: String,
    },
    /// All of the chat until then goes; starred ones only if they are meant too.
    Cleared {
        chat: String,
        until: Until,
        starred_too: bool,
    },
}

/// Messages of a chat up to some moment. WhatsApp's times are seconds, so of the last second it may name those that are
/// meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Until {
    /// Unix milliseconds; what was sent then is meant too.
    pub at_ms: i64,
    /// If there are any: the ids of those from `at_ms` on that are meant, and no others from then on.
    pub last: Vec<String>,
}

impl Until {
    /// The condition for messages that are not meant; its parameters begin with `$first`: the time, and then the ids.
    pub(crate) fn beyond(&self, first: usize) -> String {
        if self.last.is_empty() {
            return format!("sent_at > ${first}");
        }
        let ids: Vec<String> = (1..=self.last.len()).map(|id| format!("${}", first + id)).collect();
        format!("(sent_at >= ${first} AND message_id NOT IN ({}))", ids.join(", "))
    }
}

/// A message as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub cursor: MessageCursor,
    pub chat: String,
    pub id: String,
    pub sender: String,
    pub from_me: bool,
    pub kind: String,
    /// Empty of one that was revoked.
    pub text: String,
    pub edited_at_ms: Option<i64>,
    pub revoked_at_ms: Option<i64>,
    pub starred: bool,
    /// By who reacted.
    pub reactions: Vec<(String, String)>,
}

/// A place among a session's messages, which are ordered by their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageCursor {
    /// Unix milliseconds.
    pub sent_at_ms: i64,
    pub row: i64,
}

impl MessageCursor {
    /// Before every message of this time.
    pub fn at(sent_at_ms: i64) -> Self {
        Self { sent_at_ms, row: 0 }
    }
}

/// Which messages to read. What is not set does not filter.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Names of the chat.
    pub chats: Vec<String>,
    pub before: Option<MessageCursor>,
    pub after: Option<MessageCursor>,
    pub search: Option<Search>,
}

/// What one recipient did with a message. Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageReceipt {
    pub recipient: String,
    pub delivered_at_ms: i64,
    pub read_at_ms: Option<i64>,
    pub played_at_ms: Option<i64>,
}

/// Of one session; the oldest go.
const MARKS_MAX: i64 = 10_000;
const COLUMNS: &str =
    "m.id, m.chat, m.message_id, m.sender, m.from_me, m.kind, m.text, m.sent_at, m.edited_at, m.revoked_at, m.starred";

/// PostgreSQL's texts have no NUL.
fn clean(text: &str) -> String {
    text.chars().filter(|char| *char != '\0').take(TEXT_MAX).collect()
}

pub(crate) async fn apply(tx: &mut Transaction<'_, Any>, session: SessionId, change: &MessageChange) -> Result<()> {
    match change {
        MessageChange::New(new) => {
            insert(tx, session, new).await?;
            if marked(tx, session, &new.chat, &new.id).await?.is_some_and(|(starred, _)| starred) {
                let (chat, id) = (new.chat.clone(), new.id.clone());
                return Box::pin(apply(tx, session, &MessageChange::Starred { chat, id, on: true })).await;
            }
            Ok(())
        }
        MessageChange::Edited { chat, id, by, text, at_ms } => {
            let text = clean(text);
            let sql = format!("UPDATE messages SET text = $6, words = $7, edited_at = $8 WHERE {ITS_AUTHOR}");
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(session.0)
                .bind(clean(chat))
                .bind(clean(id))
                .bind(i64::from(by.from_me))
                .bind(clean(&by.sender))
                .bind(text.as_str())
                .bind(words(&text))
                .bind(*at_ms)
                .execute(&mut **tx)
                .await?;
            Ok(())
        }
        MessageChange::Revoked { chat, id, by, at_ms } => {
            let whose = if by.admin { ANYONES_IN_A_GROUP } else { ITS_AUTHOR };
            let sql = format!("UPDATE messages SET text = '', words = '', payload = $6, revoked_at = $7 WHERE {whose}");
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(session.0)
                .bind(clean(chat))
                .bind(clean(id))
                .bind(i64::from(by.from_me))
                .bind(clean(&by.sender))
                .bind(b"null".as_slice())
                .bind(*at_ms)
                .execute(&mut **tx)
                .await?;
            Ok(())
        }
        MessageChange::Reacted { chat, id, sender, emoji, at_ms } => {
            let query = if emoji.is_empty() {
                sqlx::query(
                    "DELETE FROM message_reactions WHERE sender = $4 AND at <= $5 AND message IN \
                     (SELECT id FROM messages WHERE session_id = $1 AND chat = $2 AND message_id = $3)",
                )
            } else {
                sqlx::query(
                    "INSERT INTO message_reactions (message, sender, at, emoji) \
                     SELECT id, $4, $5, $6 FROM messages WHERE session_id = $1 AND chat = $2 AND message_id = $3 AND revoked_at IS NULL \
                     ON CONFLICT (message, sender) DO UPDATE SET emoji = excluded.emoji, at = excluded.at",
                )
            };
            let mut query = query.bind(session.0).bind(clean(chat)).bind(clean(id)).bind(clean(sender)).bind(*at_ms);
            if !emoji.is_empty() {
                query = query.bind(clean(emoji));
            }
            query.execute(&mut **tx).await?;
            Ok(())
        }
        MessageChange::Receipts { ids, recipient, reach, at_ms } => {
            for id in ids {
                receipt(tx, session, id, recipient, *reach, *at_ms).await?;
            }
            Ok(())
        }
        MessageChange::Starred { chat, id, on } => {
            let starred =
                sqlx::query("UPDATE messages SET starred = $4 WHERE session_id = $1 AND chat = $2 AND message_id = $3")
                    .bind(session.0)
                    .bind(clean(chat))
                    .bind(clean(id))
                    .bind(i64::from(*on))
                    .execute(&mut **tx)
                    .await?;
            if starred.rows_affected() == 0 { mark(tx, session, chat, id, *on, false).await } else { Ok(()) }
        }
        MessageChange::Removed { chat, id } => {
            chats::remove_unread(tx, session, chat, id).await?;
            let removed = sqlx::query("DELETE FROM messages WHERE session_id = $1 AND chat = $2 AND message_id = $3")
                .bind(session.0)
                .bind(clean(chat))
                .bind(clean(id))
                .execute(&mut **tx)
                .await?;
            if removed.rows_affected() == 0 { mark(tx, session, chat, id, false, true).await } else { Ok(()) }
        }
        MessageChange::Cleared { chat, until, starred_too } => {
            let sql = format!(
                "DELETE FROM messages WHERE session_id = $1 AND chat = $2 AND (starred = 0 OR $3 = 1) AND NOT {}",
                until.beyond(4)
            );
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(session.0)
                .bind(clean(chat))
                .bind(i64::from(*starred_too))
                .bind(until.at_ms);
            for id in &until.last {
                query = query.bind(clean(id));
            }
            query.execute(&mut **tx).await?;
            // Of the last second others may come that are not meant: whoever cleared the chat did not know them.
            let before = until.at_ms - until.at_ms.rem_euclid(1_000);
            chats::cleared(tx, session, chat, before, *starred_too).await?;
            if !starred_too {
                // What is still marked afterwards was starred, or was there after all.
                sqlx::query(
                    "DELETE FROM message_marks WHERE session_id = $1 AND chat = $2 AND starred = 0 AND removed = 0",
                )
                .bind(session.0)
                .bind(clean(chat))
                .execute(&mut **tx)
                .await?;
            }
            for id in &until.last {
                let stays = !starred_too && marked(tx, session, chat, id).await?.is_some_and(|(starred, _)| starred);
                if !stays {
                    mark(tx, session, chat, id, false, true).await?;
                }
            }
            Ok(())
        }
    }
}

/// Something was done to a message that may yet come.
async fn mark(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    chat: &str,
    id: &str,
    starred: bool,
    removed: bool,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO message_marks (session_id, chat, message_id, starred, removed) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (session_id, chat, message_id) DO UPDATE SET starred = excluded.starred, \
         removed = CASE WHEN excluded.removed > message_marks.removed THEN excluded.removed ELSE message_marks.removed END",
    )
    .bind(session.0)
    .bind(clean(chat))
    .bind(clean(id))
    .bind(i64::from(starred))
    .bind(i64::from(removed))
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "DELETE FROM message_marks WHERE id IN (SELECT id FROM message_marks WHERE session_id = $1 ORDER BY id DESC \
         LIMIT $2 OFFSET $3)",
    )
    .bind(session.0)
    .bind(MARKS_MAX)
    .bind(MARKS_MAX)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether a message that comes now was deleted before it came, with its chat or by itself.
pub(crate) async fn is_gone(tx: &mut Transaction<'_, Any>, session: SessionId, change: &MessageChange) -> Result<bool> {
    let MessageChange::New(new) = change else { return Ok(false) };
    let cleared = chats::cleared_at(tx, session, &new.chat).await?;
    let mark = marked(tx, session, &new.chat, &new.id).await?;
    Ok(match mark {
        Some((_, removed)) => removed || new.sent_at_ms < cleared.starred,
        None => new.sent_at_ms < cleared.all,
    })
}

/// Whether it is starred, and whether it is gone.
async fn marked(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    chat: &str,
    id: &str,
) -> Result<Option<(bool, bool)>> {
    let row = sqlx::query(
        "SELECT starred, removed FROM message_marks WHERE session_id = $1 AND chat = $2 AND message_id = $3",
    )
    .bind(session.0)
    .bind(clean(chat))
    .bind(clean(id))
    .fetch_optional(&mut **tx)
    .await?;
    let flag = |row: &sqlx::any::AnyRow, name: &str| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(name)? != 0);
    row.map(|row| Ok((flag(&row, "starred")?, flag(&row, "removed")?))).transpose()
}

/// In a chat of two, what is not mine is the other one's.
const ITS_AUTHOR: &str = "session_id = $1 AND chat = $2 AND message_id = $3 AND revoked_at IS NULL \
     AND from_me = $4 AND ($4 = 1 OR chat NOT LIKE '%@g.us' OR sender = $5)";
const ANYONES_IN_A_GROUP: &str = "session_id = $1 AND chat = $2 AND message_id = $3 AND revoked_at IS NULL \
     AND chat LIKE '%@g.us' AND ($4 = $4 OR sender = $5)";

async fn insert(tx: &mut Transaction<'_, Any>, session: SessionId, new: &NewMessage) -> Result<()> {
    let text = clean(&new.text);
    sqlx::query(
        "INSERT INTO messages (session_id, chat, message_id, sender, from_me, kind, text, words, payload, sent_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (session_id, chat, message_id) DO NOTHING",
    )
    .bind(session.0)
    .bind(clean(&new.chat))
    .bind(clean(&new.id))
    .bind(clean(&new.sender))
    .bind(i64::from(new.from_me))
    .bind(new.kind.as_str())
    .bind(text.as_str())
    .bind(words(&text))
    .bind(new.payload.as_slice())
    .bind(new.sent_at_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The first time of each kind counts. What was read was delivered, and what was played was read.
async fn receipt(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    id: &str,
    recipient: &str,
    reach: Reach,
    at_ms: i64,
) -> Result<()> {
    let read = (reach != Reach::Delivered).then_some(at_ms);
    let played = (reach == Reach::Played).then_some(at_ms);
    sqlx::query(
        "INSERT INTO message_receipts (session_id, message_id, recipient, delivered_at, read_at, played_at, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $4) ON CONFLICT (session_id, message_id, recipient) DO UPDATE SET \
         delivered_at = CASE WHEN excluded.delivered_at < message_receipts.delivered_at THEN excluded.delivered_at ELSE message_receipts.delivered_at END, \
         read_at = COALESCE(message_receipts.read_at, excluded.read_at), \
         played_at = COALESCE(message_receipts.played_at, excluded.played_at), at = excluded.at",
    )
    .bind(session.0)
    .bind(clean(id))
    .bind(clean(recipient))
    .bind(at_ms)
    .bind(read)
    .bind(played)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Messages and receipts of before that time, so many of each at most.
pub(crate) async fn prune(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    before_ms: i64,
    limit: u64,
) -> Result<u64> {
    let mut removed = 0;
    for sql in [
        "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE session_id = $1 AND sent_at < $2 ORDER BY sent_at LIMIT $3)",
        "DELETE FROM message_receipts WHERE id IN (SELECT id FROM message_receipts WHERE session_id = $1 AND at < $2 ORDER BY at LIMIT $3)",
    ] {
        let done = sqlx::query(sql)
            .bind(session.0)
            .bind(before_ms)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .execute(&mut **tx)
            .await?;
        removed += done.rows_affected();
    }
    Ok(removed)
}

impl Message {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            cursor: MessageCursor { sent_at_ms: row.try_get("sent_at")?, row: row.try_get("id")? },
            chat: row.try_get("chat")?,
            id: row.try_get("message_id")?,
            sender: row.try_get("sender")?,
            from_me: row.try_get::<i64, _>("from_me")? != 0,
            kind: row.try_get("kind")?,
            text: row.try_get("text")?,
            edited_at_ms: row.try_get("edited_at")?,
            revoked_at_ms: row.try_get("revoked_at")?,
            starred: row.try_get::<i64, _>("starred")? != 0,
            reactions: Vec::new(),
        })
    }
}

fn places(from: usize, count: usize) -> String {
    (from..from + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

impl Store {
    /// Commits the changes together, in their order. Those of one session are in the order in which they were asked for.
    pub async fn change_messages(&self, session: SessionId, changes: Vec<MessageChange>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.writer.write(session, Job::Messages(changes)).await.map(|_| ())
    }

    /// The newest first.
    pub async fn messages(&self, session: SessionId, filter: &MessageFilter, limit: u64) -> Result<Vec<Message>> {
        let MessageFilter { chats, before, after, search } = filter;
        let mut sql = format!(
            "SELECT {COLUMNS} FROM messages m WHERE m.session_id = $1 \
             AND (m.sent_at < $3 OR (m.sent_at = $3 AND m.id < $4)) AND (m.sent_at > $5 OR (m.sent_at = $5 AND m.id > $6))"
        );
        if !chats.is_empty() {
            sql += &format!(" AND m.chat IN ({})", places(7, chats.len()));
        }
        if search.is_some() {
            let place = 7 + chats.len();
            sql += &match self.db.engine {
                Engine::Sqlite => {
                    format!(" AND m.id IN (SELECT rowid FROM messages_fts WHERE messages_fts MATCH ${place})")
                }
                Engine::Postgres => format!(" AND m.words_index @@ to_tsquery('simple', ${place})"),
            };
        }
        sql += " ORDER BY m.sent_at DESC, m.id DESC LIMIT $2";
        let before = before.unwrap_or(MessageCursor { sent_at_ms: i64::MAX, row: i64::MAX });
        let after = after.unwrap_or(MessageCursor { sent_at_ms: i64::MIN, row: 0 });
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(session.0)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(before.sent_at_ms)
            .bind(before.row)
            .bind(after.sent_at_ms)
            .bind(after.row);
        for chat in chats {
            query = query.bind(chat.as_str());
        }
        if let Some(search) = search {
            query = query.bind(search.query(self.db.engine));
        }
        let rows = query.fetch_all(&self.db.read).await?;
        let mut messages = rows.iter().map(Message::read).collect::<Result<Vec<_>>>()?;
        self.with_reactions(&mut messages).await?;
        Ok(messages)
    }

    /// Of the chat by any of its names.
    pub async fn oldest_message(&self, session: SessionId, chats: &[String]) -> Result<Option<Message>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM messages m WHERE m.session_id = $1 AND m.chat IN ({}) ORDER BY m.sent_at, m.id LIMIT 1",
            places(2, chats.len().max(1))
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0);
        for chat in chats {
            query = query.bind(chat.as_str());
        }
        if chats.is_empty() {
            query = query.bind("");
        }
        query.fetch_optional(&self.db.read).await?.map(|row| Message::read(&row)).transpose()
    }

    /// The message with this id, and its payload; of several chats that have one the newest. No chats: any.
    pub async fn message(&self, session: SessionId, id: &str, chats: &[String]) -> Result<Option<(Message, Vec<u8>)>> {
        let mut sql =
            format!("SELECT {COLUMNS}, m.payload FROM messages m WHERE m.session_id = $1 AND m.message_id = $2");
        if !chats.is_empty() {
            sql += &format!(" AND m.chat IN ({})", places(3, chats.len()));
        }
        sql += " ORDER BY m.sent_at DESC, m.id DESC LIMIT 1";
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).bind(clean(id));
        for chat in chats {
            query = query.bind(chat.as_str());
        }
        let Some(row) = query.fetch_optional(&self.db.read).await? else { return Ok(None) };
        let mut message = [Message::read(&row)?];
        self.with_reactions(&mut message).await?;
        let [message] = message;
        Ok(Some((message, row.try_get("payload")?)))
    }

    async fn with_reactions(&self, messages: &mut [Message]) -> Result<()> {
        if messages.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT message, sender, emoji FROM message_reactions WHERE message IN ({}) ORDER BY at, sender",
            places(1, messages.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for message in messages.iter() {
            query = query.bind(message.cursor.row);
        }
        for row in query.fetch_all(&self.db.read).await? {
            let of: i64 = row.try_get("message")?;
            if let Some(message) = messages.iter_mut().find(|message| message.cursor.row == of) {
                message.reactions.push((row.try_get("sender")?, row.try_get("emoji")?));
            }
        }
        Ok(())
    }

    /// Who got the message, who read and who played it.
    pub async fn message_receipts(&self, session: SessionId, id: &str) -> Result<Vec<MessageReceipt>> {
        let rows = sqlx::query(
            "SELECT recipient, delivered_at, read_at, played_at FROM message_receipts WHERE session_id = $1 AND message_id = $2 ORDER BY recipient",
        )
        .bind(session.0)
        .bind(clean(id))
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(MessageReceipt {
                    recipient: row.try_get("recipient")?,
                    delivered_at_ms: row.try_get("delivered_at")?,
                    read_at_ms: row.try_get("read_at")?,
                    played_at_ms: row.try_get("played_at")?,
                })
            })
            .collect()
    }

    /// Removes messages and receipts of before that time (unix ms), up to a few hundred of each session. Answers how
    /// many: call it again until there are none.
    pub async fn prune_messages(&self, before_ms: i64) -> Result<u64> {
        let rows = sqlx::query(
            "SELECT session_id FROM messages WHERE sent_at < $1 UNION SELECT session_id FROM message_receipts WHERE at < $1 LIMIT 1000",
        )
        .bind(before_ms)
        .fetch_all(&self.db.read)
        .await?;
        let mut removed = 0;
        for row in rows {
            let session = SessionId(row.try_get("session_id")?);
            removed += self.writer.write(session, Job::PruneMessages { before_ms, limit: BATCH_MAX }).await?.count;
        }
        Ok(removed)
    }
}

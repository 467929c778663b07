//! What each session knows of its chats, labels and contacts: what its account's devices set, and what is heard in passing.

use sqlx::{Any, Row as _, Transaction};

use crate::{Result, SessionId, Store, messages::Until, writer::Job};

/// So many messages of one second are told apart.
const NEWEST_MAX: i64 = 100;
/// Characters of a name that are kept.
const NAME_MAX: usize = 512;

/// Something that was heard of a chat, a label or a person. Times are unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatChange {
    /// There was a message; `unread` counts as such until the chat is read.
    Message {
        chat: String,
        at_ms: i64,
        unread: bool,
    },
    /// A phone has it, as it was when it told a new device: what is known of newer messages counts more.
    Listed {
        chat: String,
        at_ms: i64,
        unread: u32,
    },
    /// What a group is called, or a chat in the phone's list.
    Named {
        chat: String,
        name: String,
    },
    /// Its messages were read.
    Read {
        chat: String,
    },
    /// Those up to then were; or they are gone.
    ReadUntil {
        chat: String,
        until: Until,
    },
    /// What was set at a time. The last word counts; of what is told as a part of the whole, which comes in no order, the later.
    Set {
        chat: String,
        facet: Facet,
        at_ms: i64,
        whole: bool,
    },
    /// It is gone, with what was set before `at_ms`, and with its messages up to then.
    Deleted {
        chat: String,
        at_ms: i64,
        until: Until,
    },
    /// A label was made or changed.
    Label {
        id: String,
        name: String,
        color: i64,
        predefined_id: Option<i64>,
    },
    LabelDeleted {
        id: String,
    },
    /// A chat got the label or lost it; or one of its messages.
    Labelled {
        label: String,
        chat: String,
        message: Option<String>,
        on: bool,
    },
    /// As the phone's address book has it.
    Contact {
        jid: String,
        full_name: String,
        first_name: String,
    },
    /// What a person calls himself.
    PushName {
        jid: String,
        name: String,
    },
    BusinessName {
        jid: String,
        name: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facet {
    Pinned(bool),
    /// Unix milliseconds; 0: not at all, -1: always.
    MutedUntil(i64),
    Archived(bool),
    /// A person marked it as unread, or as read.
    MarkedUnread(bool),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    pub chat: String,
    /// The chat's own name, or else its person's: as saved, or as he calls himself. May be empty.
    pub name: String,
    /// 0: none is known.
    pub last_message_at_ms: i64,
    pub unread: u64,
    pub pinned: bool,
    pub pinned_at_ms: i64,
    /// 0: not muted, -1: always.
    pub muted_until_ms: i64,
    pub archived: bool,
    pub marked_unread: bool,
    /// Ids of its labels.
    pub labels: Vec<String>,
}

/// One of the newest messages of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    pub id: String,
    pub sender: String,
    pub from_me: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub id: String,
    pub name: String,
    pub color: i64,
    pub predefined_id: Option<i64>,
    pub chats: u64,
    pub messages: u64,
}

/// Something with a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    pub chat: String,
    /// `None`: the chat itself.
    pub message: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub jid: String,
    pub full_name: String,
    pub first_name: String,
    pub push_name: String,
    pub business_name: String,
}

/// PostgreSQL's texts have no NUL.
fn clean(text: &str) -> String {
    text.chars().filter(|char| *char != '\0').take(NAME_MAX).collect()
}

pub(crate) async fn apply(tx: &mut Transaction<'_, Any>, session: SessionId, change: &ChatChange) -> Result<()> {
    match change {
        ChatChange::Message { chat, at_ms, unread } => {
            sqlx::query(
                "INSERT INTO chats (session_id, chat, last_message_at, unread) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (session_id, chat) DO UPDATE SET unread = chats.unread + excluded.unread, last_message_at = \
                 CASE WHEN excluded.last_message_at > chats.last_message_at THEN excluded.last_message_at ELSE chats.last_message_at END",
            )
            .bind(session.0)
            .bind(clean(chat))
            .bind(*at_ms)
            .bind(i64::from(*unread))
            .execute(&mut **tx)
            .await?;
        }
        ChatChange::Listed { chat, at_ms, unread } => {
            sqlx::query(
                "INSERT INTO chats (session_id, chat, last_message_at, unread) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (session_id, chat) DO UPDATE SET unread = CASE WHEN chats.last_message_at = 0 THEN excluded.unread \
                 ELSE chats.unread END, last_message_at = CASE WHEN excluded.last_message_at > chats.last_message_at \
                 THEN excluded.last_message_at ELSE chats.last_message_at END",
            )
            .bind(session.0)
            .bind(clean(chat))
            .bind(*at_ms)
            .bind(i64::from(*unread))
            .execute(&mut **tx)
            .await?;
        }
        ChatChange::Named { chat, name } => {
            sqlx::query(
                "INSERT INTO chats (session_id, chat, name) VALUES ($1, $2, $3) ON CONFLICT (session_id, chat) DO UPDATE \
                 SET name = excluded.name WHERE chats.name <> excluded.name",
            )
            .bind(session.0)
            .bind(clean(chat))
            .bind(clean(name))
            .execute(&mut **tx)
            .await?;
        }
        ChatChange::Read { chat } => read(tx, session, chat).await?,
        ChatChange::Set { chat, facet, at_ms, whole } => set(tx, session, chat, *facet, *at_ms, *whole).await?,
        ChatChange::ReadUntil { chat, until } => read_until(tx, session, chat, until).await?,
        ChatChange::Deleted { chat, at_ms, until } => {
            read_until(tx, session, chat, until).await?;
            sqlx::query(
                "INSERT INTO chats (session_id, chat, deleted_at) VALUES ($1, $2, $3) ON CONFLICT (session_id, chat) DO UPDATE SET \
                 deleted_at = excluded.deleted_at, \
                 last_message_at = CASE WHEN chats.last_message_at > $4 THEN chats.last_message_at ELSE COALESCE((SELECT MAX(sent_at) \
                 FROM messages WHERE session_id = $1 AND chat = $2), 0) END, \
                 pinned = CASE WHEN chats.pinned_at > excluded.deleted_at THEN chats.pinned ELSE 0 END, \
                 muted_until = CASE WHEN chats.muted_at > excluded.deleted_at THEN chats.muted_until ELSE 0 END, \
                 archived = CASE WHEN chats.archived_at > excluded.deleted_at THEN chats.archived ELSE 0 END, \
                 marked_unread = CASE WHEN chats.marked_at > excluded.deleted_at THEN chats.marked_unread ELSE 0 END \
                 WHERE chats.deleted_at < excluded.deleted_at",
            )
            .bind(session.0)
            .bind(clean(chat))
            .bind(*at_ms)
            .bind(until.at_ms)
            .execute(&mut **tx)
            .await?;
        }
        ChatChange::Label { id, name, color, predefined_id } => {
            sqlx::query(
                "INSERT INTO labels (session_id, label_id, name, color, predefined_id) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (session_id, label_id) DO UPDATE SET name = excluded.name, color = excluded.color, \
                 predefined_id = excluded.predefined_id",
            )
            .bind(session.0)
            .bind(clean(id))
            .bind(clean(name))
            .bind(*color)
            .bind(*predefined_id)
            .execute(&mut **tx)
            .await?;
        }
        ChatChange::LabelDeleted { id } => {
            sqlx::query("DELETE FROM labels WHERE session_id = $1 AND label_id = $2")
                .bind(session.0)
                .bind(clean(id))
                .execute(&mut **tx)
                .await?;
        }
        ChatChange::Labelled { label, chat, message, on } => {
            let sql = match on {
                true => {
                    "INSERT INTO labelled (session_id, label_id, chat, message_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
                }
                false => {
                    "DELETE FROM labelled WHERE session_id = $1 AND label_id = $2 AND chat = $3 AND message_id = $4"
                }
            };
            sqlx::query(sql)
                .bind(session.0)
                .bind(clean(label))
                .bind(clean(chat))
                .bind(clean(message.as_deref().unwrap_or_default()))
                .execute(&mut **tx)
                .await?;
        }
        ChatChange::Contact { jid, full_name, first_name } => {
            sqlx::query(
                "INSERT INTO contacts (session_id, jid, full_name, first_name) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (session_id, jid) DO UPDATE SET full_name = excluded.full_name, first_name = excluded.first_name",
            )
            .bind(session.0)
            .bind(clean(jid))
            .bind(clean(full_name))
            .bind(clean(first_name))
            .execute(&mut **tx)
            .await?;
        }
        ChatChange::PushName { jid, name } => {
            sqlx::query(
                "INSERT INTO contacts (session_id, jid, push_name) VALUES ($1, $2, $3) ON CONFLICT (session_id, jid) \
                 DO UPDATE SET push_name = excluded.push_name WHERE contacts.push_name <> excluded.push_name",
            )
            .bind(session.0)
            .bind(clean(jid))
            .bind(clean(name))
            .execute(&mut **tx)
            .await?;
        }
        ChatChange::BusinessName { jid, name } => {
            sqlx::query(
                "INSERT INTO contacts (session_id, jid, business_name) VALUES ($1, $2, $3) ON CONFLICT (session_id, jid) \
                 DO UPDATE SET business_name = excluded.business_name",
            )
            .bind(session.0)
            .bind(clean(jid))
            .bind(clean(name))
            .execute(&mut **tx)
            .await?;
        }
    }
    Ok(())
}

async fn read(tx: &mut Transaction<'_, Any>, session: SessionId, chat: &str) -> Result<()> {
    sqlx::query("UPDATE chats SET unread = 0 WHERE session_id = $1 AND chat = $2 AND unread > 0")
        .bind(session.0)
        .bind(clean(chat))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What came later stays unread. Where messages are not stored, all that is known is when the newest was.
async fn read_until(tx: &mut Transaction<'_, Any>, session: SessionId, chat: &str, until: &Until) -> Result<()> {
    let of_chat = "FROM messages WHERE session_id = $1 AND chat = $2";
    let later = format!("(SELECT COUNT(*) {of_chat} AND from_me = 0 AND {})", until.beyond(3));
    let sql = format!(
        "UPDATE chats SET unread = {later} WHERE session_id = $1 AND chat = $2 AND unread > {later} \
         AND (last_message_at <= $3 OR EXISTS (SELECT 1 {of_chat}))"
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).bind(clean(chat)).bind(until.at_ms);
    for id in &until.last {
        query = query.bind(clean(id));
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// A stored message goes. The unread ones are the newest of those that others wrote.
pub(crate) async fn remove_unread(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    chat: &str,
    message: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE chats SET unread = unread - 1 WHERE session_id = $1 AND chat = $2 AND unread > (SELECT COUNT(*) FROM messages n \
         WHERE n.session_id = $1 AND n.chat = $2 AND n.from_me = 0 AND EXISTS (SELECT 1 FROM messages m WHERE m.session_id = $1 \
         AND m.chat = $2 AND m.message_id = $3 AND (n.sent_at > m.sent_at OR n.sent_at = m.sent_at AND n.id > m.id))) \
         AND EXISTS (SELECT 1 FROM messages m WHERE m.session_id = $1 AND m.chat = $2 AND m.message_id = $3 AND m.from_me = 0)",
    )
    .bind(session.0)
    .bind(clean(chat))
    .bind(clean(message))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Of a chat's messages those that were sent before then are gone, the starred ones among them if it says so.
pub(crate) async fn cleared(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    chat: &str,
    before: i64,
    starred_too: bool,
) -> Result<()> {
    sqlx::query(
        "UPDATE chats SET cleared_at = CASE WHEN cleared_at < $3 THEN $3 ELSE cleared_at END, \
         starred_cleared_at = CASE WHEN $4 = 1 AND starred_cleared_at < $3 THEN $3 ELSE starred_cleared_at END \
         WHERE session_id = $1 AND chat = $2",
    )
    .bind(session.0)
    .bind(clean(chat))
    .bind(before)
    .bind(i64::from(starred_too))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The newest message of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastMessage {
    /// Unix ms.
    pub at_ms: i64,
    /// The chat was cleared since, or in the same second.
    pub cleared: bool,
}

/// Until when a chat's messages are gone: unix ms, 0 for never.
#[derive(Default)]
pub(crate) struct ClearedAt {
    pub all: i64,
    pub starred: i64,
}

pub(crate) async fn cleared_at(tx: &mut Transaction<'_, Any>, session: SessionId, chat: &str) -> Result<ClearedAt> {
    let row = sqlx::query("SELECT cleared_at, starred_cleared_at FROM chats WHERE session_id = $1 AND chat = $2")
        .bind(session.0)
        .bind(clean(chat))
        .fetch_optional(&mut **tx)
        .await?;
    let Some(row) = row else { return Ok(ClearedAt::default()) };
    Ok(ClearedAt { all: row.try_get("cleared_at")?, starred: row.try_get("starred_cleared_at")? })
}

async fn set(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    chat: &str,
    facet: Facet,
    at_ms: i64,
    whole: bool,
) -> Result<()> {
    let later = |at: &str| if whole { format!("chats.{at} <= excluded.{at} AND") } else { String::new() };
    let (column, at, value) = match facet {
        Facet::Pinned(on) => ("pinned", "pinned_at", i64::from(on)),
        Facet::MutedUntil(until) => ("muted_until", "muted_at", until),
        Facet::Archived(on) => ("archived", "archived_at", i64::from(on)),
        Facet::MarkedUnread(on) => ("marked_unread", "marked_at", i64::from(on)),
    };
    let sql = format!(
        "INSERT INTO chats (session_id, chat, {column}, {at}) VALUES ($1, $2, $3, $4) ON CONFLICT (session_id, chat) DO UPDATE SET \
         {column} = excluded.{column}, {at} = excluded.{at} WHERE {} chats.deleted_at < excluded.{at}",
        later(at)
    );
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(session.0)
        .bind(clean(chat))
        .bind(value)
        .bind(at_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Store {
    /// Commits the changes together, in their order. Those of one session are in the order in which they were asked for.
    pub async fn change_chats(&self, session: SessionId, changes: Vec<ChatChange>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.writer.write(session, Job::Chats(changes)).await.map(|_| ())
    }

    /// So many after the first so many: the pinned ones first, then those with the newest messages.
    pub async fn chats(&self, session: SessionId, skip: u64, limit: u64) -> Result<Vec<Chat>> {
        let rows = sqlx::query(
            "SELECT c.*, COALESCE(p.full_name, '') AS full_name, COALESCE(p.push_name, '') AS push_name, \
             COALESCE(p.business_name, '') AS business_name \
             FROM chats c LEFT JOIN contacts p ON p.session_id = c.session_id AND p.jid = c.chat \
             WHERE c.session_id = $1 AND (c.deleted_at = 0 OR c.last_message_at > 0 OR c.pinned_at > c.deleted_at \
             OR c.muted_at > c.deleted_at OR c.archived_at > c.deleted_at OR c.marked_at > c.deleted_at) \
             ORDER BY c.pinned DESC, CASE WHEN c.pinned = 1 THEN c.pinned_at ELSE 0 END DESC, c.last_message_at DESC, c.chat LIMIT $2 OFFSET $3",
        )
        .bind(session.0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(i64::try_from(skip).unwrap_or(i64::MAX))
        .fetch_all(&self.db.read)
        .await?;
        let mut chats = Vec::with_capacity(rows.len());
        for row in &rows {
            let names = ["name", "full_name", "business_name", "push_name"];
            let names = names.iter().map(|name| row.try_get::<String, _>(*name));
            let name = names.collect::<Result<Vec<_>, _>>()?.into_iter().find(|name| !name.is_empty());
            let flag = |column: &str| row.try_get::<i64, _>(column).map(|value| value != 0);
            chats.push(Chat {
                chat: row.try_get("chat")?,
                name: name.unwrap_or_default(),
                last_message_at_ms: row.try_get("last_message_at")?,
                unread: u64::try_from(row.try_get::<i64, _>("unread")?).unwrap_or(0),
                pinned: flag("pinned")?,
                pinned_at_ms: row.try_get("pinned_at")?,
                muted_until_ms: row.try_get("muted_until")?,
                archived: flag("archived")?,
                marked_unread: flag("marked_unread")?,
                labels: Vec::new(),
            });
        }
        self.with_labels(session, &mut chats).await?;
        Ok(chats)
    }

    async fn with_labels(&self, session: SessionId, chats: &mut [Chat]) -> Result<()> {
        if chats.is_empty() {
            return Ok(());
        }
        let places = (2..2 + chats.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT l.chat, l.label_id FROM labelled l JOIN labels n ON n.session_id = l.session_id AND n.label_id = l.label_id \
             WHERE l.session_id = $1 AND l.message_id = '' AND l.chat IN ({places}) ORDER BY l.label_id"
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0);
        for chat in chats.iter() {
            query = query.bind(chat.chat.as_str());
        }
        for row in query.fetch_all(&self.db.read).await? {
            let of: String = row.try_get("chat")?;
            if let Some(chat) = chats.iter_mut().find(|chat| chat.chat == of) {
                chat.labels.push(row.try_get("label_id")?);
            }
        }
        Ok(())
    }

    /// The newest message of a chat that was told of, stored or not. `None` if there was none.
    pub async fn last_message(&self, session: SessionId, chat: &str) -> Result<Option<LastMessage>> {
        let row = sqlx::query("SELECT last_message_at, cleared_at FROM chats WHERE session_id = $1 AND chat = $2")
            .bind(session.0)
            .bind(clean(chat))
            .fetch_optional(&self.db.read)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (at_ms, cleared): (i64, i64) = (row.try_get("last_message_at")?, row.try_get("cleared_at")?);
        Ok((at_ms > 0).then_some(LastMessage { at_ms, cleared: cleared > 0 && at_ms / 1_000 <= cleared / 1_000 }))
    }

    /// The ids of the newest messages of the chat that were sent in the same second, and when that was: unix seconds. `None` if
    /// none is stored.
    pub async fn newest_messages(&self, session: SessionId, chat: &str) -> Result<Option<(i64, Vec<Newest>)>> {
        let rows = sqlx::query(
            "SELECT message_id, sender, from_me, sent_at FROM messages WHERE session_id = $1 AND chat = $2 \
             ORDER BY sent_at DESC, id DESC LIMIT $3",
        )
        .bind(session.0)
        .bind(clean(chat))
        .bind(NEWEST_MAX)
        .fetch_all(&self.db.read)
        .await?;
        let mut found: Option<(i64, Vec<Newest>)> = None;
        for row in &rows {
            let second = row.try_get::<i64, _>("sent_at")? / 1_000;
            let newest = Newest {
                id: row.try_get("message_id")?,
                sender: row.try_get("sender")?,
                from_me: row.try_get::<i64, _>("from_me")? != 0,
            };
            match &mut found {
                None => found = Some((second, vec![newest])),
                Some((of, all)) if *of == second => all.push(newest),
                Some(_) => break,
            }
        }
        Ok(found)
    }

    /// At most so many.
    pub async fn labels(&self, session: SessionId, limit: u64) -> Result<Vec<Label>> {
        let rows = sqlx::query(
            "SELECT n.label_id, n.name, n.color, n.predefined_id, \
             COUNT(CASE WHEN l.message_id = '' THEN 1 END) AS chats, COUNT(CASE WHEN l.message_id <> '' THEN 1 END) AS messages \
             FROM labels n LEFT JOIN labelled l ON l.session_id = n.session_id AND l.label_id = n.label_id WHERE n.session_id = $1 \
             GROUP BY n.label_id, n.name, n.color, n.predefined_id ORDER BY n.label_id LIMIT $2",
        )
        .bind(session.0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.db.read)
        .await?;
        let count = |row: &sqlx::any::AnyRow, column: &str| {
            row.try_get::<i64, _>(column).map(|count| u64::try_from(count).unwrap_or(0))
        };
        rows.iter()
            .map(|row| {
                Ok(Label {
                    id: row.try_get("label_id")?,
                    name: row.try_get("name")?,
                    color: row.try_get("color")?,
                    predefined_id: row.try_get("predefined_id")?,
                    chats: count(row, "chats")?,
                    messages: count(row, "messages")?,
                })
            })
            .collect()
    }

    /// What has the label; so many after the first so many.
    pub async fn labelled(&self, session: SessionId, label: &str, skip: u64, limit: u64) -> Result<Vec<Labelled>> {
        let rows = sqlx::query(
            "SELECT chat, message_id FROM labelled WHERE session_id = $1 AND label_id = $2 ORDER BY chat, message_id LIMIT $3 OFFSET $4",
        )
        .bind(session.0)
        .bind(clean(label))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(i64::try_from(skip).unwrap_or(i64::MAX))
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                let message: String = row.try_get("message_id")?;
                Ok(Labelled { chat: row.try_get("chat")?, message: (!message.is_empty()).then_some(message) })
            })
            .collect()
    }

    /// Those with any name, so many after the first so many, in the order of their JIDs.
    pub async fn contacts(&self, session: SessionId, skip: u64, limit: u64) -> Result<Vec<Contact>> {
        let rows = sqlx::query(
            "SELECT * FROM contacts WHERE session_id = $1 \
             AND (full_name <> '' OR first_name <> '' OR push_name <> '' OR business_name <> '') ORDER BY jid LIMIT $2 OFFSET $3",
        )
            .bind(session.0)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(i64::try_from(skip).unwrap_or(i64::MAX))
            .fetch_all(&self.db.read)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Contact {
                    jid: row.try_get("jid")?,
                    full_name: row.try_get("full_name")?,
                    first_name: row.try_get("first_name")?,
                    push_name: row.try_get("push_name")?,
                    business_name: row.try_get("business_name")?,
                })
            })
            .collect()
    }
}

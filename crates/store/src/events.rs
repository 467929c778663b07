//! The append-only event log. Every reader is fed from it.

use sqlx::{Any, Row as _, Transaction, any::AnyRow};
use tokio::sync::watch;

use crate::{
    ChatChange, MessageChange, Result, SessionId, Store, WebhookId, chats, deliveries::NEVER, media::NewMedia,
    messages, signals::Touched, writer::Job,
};

/// Events that a filtered read looks at in one call, so that a rare type does not make it read the whole log.
const SCAN_MAX: i64 = 20_000;

#[derive(Debug, Clone)]
pub struct NewEvent {
    pub session: SessionId,
    /// Stable id, the same on every attempt and replay. If `dedupe` finds an older row, that row's id stays.
    pub event_id: String,
    /// Names what happened (for a message: chat, sender and id), so that a redelivery by WhatsApp is recorded once.
    pub dedupe: Option<String>,
    /// The chat whose order it belongs to; empty for events of the session itself.
    pub chat: String,
    /// A subscription name, e.g. `Message`: the payload's `type`.
    pub kind: String,
    /// A finer or broader subscription name that it goes by too, e.g. `CallOffer` for a `Call`; `kind` if there is none.
    pub topic: String,
    /// JSON bytes, fixed from here on.
    pub payload: Vec<u8>,
    /// The file that belongs to it.
    pub media: Option<NewMedia>,
    /// What follows from it for the stored messages, in the same transaction. Nothing if `dedupe` had been recorded before.
    pub message: Option<MessageChange>,
    /// What follows from it for chats, labels and contacts, likewise.
    pub chats: Vec<ChatChange>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

#[derive(Debug, Clone)]
pub struct Event {
    pub cursor: i64,
    pub event_id: String,
    pub session: SessionId,
    pub chat: String,
    pub kind: String,
    pub payload: Vec<u8>,
    pub created_at_ms: i64,
}

pub(crate) const COLUMNS: &str = "e.id AS cursor, e.event_id, e.session_id, e.chat, e.kind, e.payload, e.created_at";

impl Event {
    /// From a row with [`COLUMNS`].
    pub(crate) fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            cursor: row.try_get("cursor")?,
            event_id: row.try_get("event_id")?,
            session: SessionId(row.try_get("session_id")?),
            chat: row.try_get("chat")?,
            kind: row.try_get("kind")?,
            payload: row.try_get("payload")?,
            created_at_ms: row.try_get("created_at")?,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub cursor: i64,
    /// False when `dedupe` had been recorded before.
    pub new: bool,
}

/// Which events of a session to read. What is empty does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Types or topics.
    pub kinds: Vec<String>,
    /// Chats as they are recorded. Events that belong to no chat are left out then.
    pub chats: Vec<String>,
}

/// A part of the log, oldest first.
#[derive(Debug, Clone)]
pub struct EventPage {
    pub events: Vec<Event>,
    /// The cursor to go on from, whether or not there were events.
    pub next: i64,
    /// Whether the log ends here, as far as this call could see.
    pub end: bool,
    /// Events after the asked cursor have been removed by retention.
    pub gap: bool,
}

pub(crate) async fn insert(
    tx: &mut Transaction<'_, Any>,
    events: &[NewEvent],
    touched: &mut Touched,
) -> Result<Vec<Recorded>> {
    let mut recorded = Vec::with_capacity(events.len());
    for event in events {
        let row = sqlx::query(
            "INSERT INTO events (event_id, session_id, dedupe, chat, kind, topic, payload, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (session_id, dedupe) DO NOTHING RETURNING id",
        )
        .bind(event.event_id.as_str())
        .bind(event.session.0)
        .bind(event.dedupe.as_deref())
        .bind(event.chat.as_str())
        .bind(event.kind.as_str())
        .bind(event.topic.as_str())
        .bind(event.payload.as_slice())
        .bind(event.created_at_ms)
        .fetch_optional(&mut **tx)
        .await?;
        let Some(row) = row else {
            let row = sqlx::query("SELECT id FROM events WHERE session_id = $1 AND dedupe = $2")
                .bind(event.session.0)
                .bind(event.dedupe.as_deref())
                .fetch_one(&mut **tx)
                .await?;
            recorded.push(Recorded { cursor: row.try_get("id")?, new: false });
            continue;
        };
        let cursor: i64 = row.try_get("id")?;
        let with_file = deliver(tx, event, cursor, touched).await?;
        if let Some(media) = event.media.as_ref().filter(|media| with_file || media.to_keep) {
            crate::media::insert(tx, cursor, event.session, media, event.created_at_ms).await?;
            touched.media = true;
        }
        let gone = match &event.message {
            Some(change) => messages::is_gone(tx, event.session, change).await?,
            None => false,
        };
        if let Some(change) = event.message.as_ref().filter(|_| !gone) {
            messages::apply(tx, event.session, change).await?;
        }
        for change in event.chats.iter().filter(|change| !(gone && matches!(change, ChatChange::Message { .. }))) {
            chats::apply(tx, event.session, change).await?;
        }
        touched.logs.push((event.session, cursor));
        recorded.push(Recorded { cursor, new: true });
    }
    Ok(recorded)
}

/// One delivery for each webhook that wants the event. Answers whether one of them takes its file.
async fn deliver(tx: &mut Transaction<'_, Any>, event: &NewEvent, cursor: i64, touched: &mut Touched) -> Result<bool> {
    let rows = sqlx::query(
        "INSERT INTO deliveries (webhook_id, event, chat, due_at, with_file) \
         SELECT w.id, $2, $3, \
           CASE WHEN $9 = 1 AND w.format = 'form' THEN 9223372036854775807 \
             WHEN EXISTS (SELECT 1 FROM deliveries p WHERE p.state = 0 AND p.webhook_id = w.id AND p.chat = $3) THEN 9223372036854775807 \
             ELSE $4 END, \
           CASE WHEN $9 = 1 AND w.format = 'form' THEN 1 ELSE 0 END \
         FROM webhooks w JOIN sessions s ON s.id = w.session_id WHERE s.id = $1 \
         AND (COALESCE(w.events, s.subscribe) LIKE '%,All,%' OR COALESCE(w.events, s.subscribe) LIKE $5 OR COALESCE(w.events, s.subscribe) LIKE $6) \
         AND ($3 = '' OR w.chats = ',' OR w.chats LIKE $7 OR w.chats LIKE $8) \
         RETURNING webhook_id, due_at, with_file",
    )
    .bind(event.session.0)
    .bind(cursor)
    .bind(event.chat.as_str())
    .bind(event.created_at_ms)
    .bind(format!("%,{},%", event.kind))
    .bind(format!("%,{},%", event.topic))
    .bind(format!("%,{},%", event.chat))
    .bind(format!("%,*@{},%", event.chat.rsplit('@').next().unwrap_or_default()))
    .bind(i64::from(event.media.as_ref().is_some_and(|media| media.for_webhooks)))
    .fetch_all(&mut **tx)
    .await?;
    let mut with_file = false;
    for row in rows {
        with_file |= row.try_get::<i64, _>("with_file")? == 1;
        if row.try_get::<i64, _>("due_at")? != NEVER {
            touched.webhooks.push(WebhookId(row.try_get("webhook_id")?));
        }
    }
    Ok(with_file)
}

impl Store {
    /// Commits the events, all of one session, and one delivery for each of its webhooks that wants them, together.
    /// Concurrent calls share a commit. Returns when they are on disk, in the order given.
    pub async fn record_events(&self, events: Vec<NewEvent>) -> Result<Vec<Recorded>> {
        let Some(first) = events.first() else {
            return Ok(Vec::new());
        };
        Ok(self.writer.write(first.session, Job::Events(events)).await?.recorded)
    }

    /// Reads on from a cursor. A filtered read looks at a bounded part of the log, so that it may find nothing although
    /// there is more: `end` tells.
    pub async fn events_after(
        &self,
        session: SessionId,
        after: i64,
        limit: u64,
        filter: &EventFilter,
    ) -> Result<EventPage> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let filtered = *filter != EventFilter::default();
        // What is recorded meanwhile is for the next read, so that nothing is passed over.
        let seen = if filtered { Some(self.seen(session, after).await?) } else { None };
        let until = seen.as_ref().map_or(i64::MAX, |seen| seen.until);
        let (kinds, chats) = (&filter.kinds, &filter.chats);
        let places = |from: usize, count: usize| {
            (from..from + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
        };
        let mut wanted = String::new();
        if !kinds.is_empty() {
            let places = places(5, kinds.len());
            wanted += &format!(" AND (e.kind IN ({places}) OR e.topic IN ({places}))");
        }
        if !chats.is_empty() {
            wanted += &format!(" AND e.chat IN ({})", places(5 + kinds.len(), chats.len()));
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM events e WHERE e.session_id = $1 AND e.id > $2 AND e.id <= $3{wanted} ORDER BY e.id LIMIT $4"
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).bind(after).bind(until).bind(limit);
        for word in kinds.iter().chain(chats) {
            query = query.bind(word.as_str());
        }
        let rows = query.fetch_all(&self.db.read).await?;
        let events = rows.iter().map(Event::read).collect::<Result<Vec<_>>>()?;
        let full = i64::try_from(events.len()).unwrap_or(i64::MAX) >= limit;
        let last = events.last().map_or(after, |event| event.cursor);
        let (next, end) = match seen {
            Some(seen) if !full => (seen.until.max(after), seen.all),
            _ => (last, !full),
        };
        let pruned_to = self.pruned_to(session).await?;
        let gap = after < pruned_to;
        // A reader that finds nothing has no more to do with what is gone.
        let next = if events.is_empty() && end { next.max(pruned_to) } else { next };
        Ok(EventPage { events, next, end, gap })
    }

    /// How far a filtered read looks.
    async fn seen(&self, session: SessionId, after: i64) -> Result<Seen> {
        let row = sqlx::query(
            "SELECT MAX(id) AS until, COUNT(*) AS n FROM \
             (SELECT id FROM events WHERE session_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS seen",
        )
        .bind(session.0)
        .bind(after)
        .bind(SCAN_MAX)
        .fetch_one(&self.db.read)
        .await?;
        let until = row.try_get::<Option<i64>, _>("until")?.unwrap_or(after);
        Ok(Seen { until, all: row.try_get::<i64, _>("n")? < SCAN_MAX })
    }

    async fn pruned_to(&self, session: SessionId) -> Result<i64> {
        let row = sqlx::query("SELECT pruned_to FROM sessions WHERE id = $1")
            .bind(session.0)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(row.map(|row| row.try_get("pruned_to")).transpose()?.unwrap_or(0))
    }

    /// The session's event with this id.
    pub async fn event(&self, session: SessionId, event_id: &str) -> Result<Option<Event>> {
        let sql = format!("SELECT {COLUMNS} FROM events e WHERE e.session_id = $1 AND e.event_id = $2");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).bind(event_id).fetch_optional(&self.db.read).await?;
        row.map(|row| Event::read(&row)).transpose()
    }

    /// The cursor of the session's newest event; 0 without any.
    pub async fn last_cursor(&self, session: SessionId) -> Result<i64> {
        let row = sqlx::query("SELECT MAX(id) AS last FROM events WHERE session_id = $1")
            .bind(session.0)
            .fetch_one(&self.db.read)
            .await?;
        Ok(row.try_get::<Option<i64>, _>("last")?.unwrap_or(0))
    }

    /// Changes after each commit of events of the session.
    pub fn watch_events(&self, session: SessionId) -> watch::Receiver<i64> {
        self.signals.watch(session)
    }
}

struct Seen {
    until: i64,
    /// There was nothing behind it.
    all: bool,
}

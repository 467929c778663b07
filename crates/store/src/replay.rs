//! Delivering again what the log holds. A replay is a new delivery of the same event, with the same id.

use sqlx::{Any, Row as _, Transaction};

use crate::{
    Result, SessionId, Store, WebhookId,
    deliveries::promote_all,
    media,
    signals::Touched,
    writer::{Done, Job},
};

/// Deliveries that one replay makes at most; it tells where to go on.
const REPLAY_MAX: i64 = 1_000;

/// What to deliver again.
#[derive(Debug, Clone)]
pub enum Replay {
    /// One event (its cursor), to one webhook or to all that want it.
    Event { event: i64, webhook: Option<WebhookId>, now_ms: i64 },
    /// What died at a webhook.
    Dead { webhook: WebhookId, since_ms: i64, until_ms: i64, now_ms: i64 },
    /// Everything that the webhook wants, delivered or not, recorded while it was there or not. `after`: a cursor.
    All { webhook: WebhookId, since_ms: i64, until_ms: i64, after: i64, now_ms: i64 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// New deliveries.
    pub count: u64,
    /// The cursor to go on from, if there is more.
    pub next: Option<i64>,
}

/// Webhooks that want an event: on the type, the topic and the chat.
const WANTED: &str = "(COALESCE(w.events, s.subscribe) LIKE '%,All,%' \
     OR COALESCE(w.events, s.subscribe) LIKE '%,' || e.kind || ',%' OR COALESCE(w.events, s.subscribe) LIKE '%,' || e.topic || ',%') \
     AND (e.chat = '' OR w.chats = ',' OR w.chats LIKE '%,' || e.chat || ',%' \
       OR (e.chat LIKE '%@g.us' AND w.chats LIKE '%,*@g.us,%') OR (e.chat LIKE '%@s.whatsapp.net' AND w.chats LIKE '%,*@s.whatsapp.net,%') \
       OR (e.chat LIKE '%@lid' AND w.chats LIKE '%,*@lid,%') OR (e.chat LIKE '%@newsletter' AND w.chats LIKE '%,*@newsletter,%') \
       OR (e.chat LIKE '%@broadcast' AND w.chats LIKE '%,*@broadcast,%'))";
/// What waits already need not wait twice.
const NOT_WAITING: &str =
    "NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.event = e.id AND x.webhook_id = w.id AND x.state = 0)";

pub(crate) async fn apply(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    replay: &Replay,
    touched: &mut Touched,
) -> Result<Done> {
    let select = "SELECT e.id AS event, e.chat, w.id AS webhook, w.format FROM events e JOIN sessions s ON s.id = e.session_id JOIN webhooks w ON w.session_id = s.id";
    let (rows, now_ms) = match *replay {
        Replay::Event { event, webhook, now_ms } => {
            // Whoever names the webhook wants the event there, whatever it subscribes to.
            let wanted = if webhook.is_some() { "w.id = $3" } else { WANTED };
            let sql = format!(
                "{select} WHERE e.session_id = $1 AND e.id = $2 AND $3 = $3 AND {wanted} AND {NOT_WAITING} ORDER BY w.id"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).bind(event);
            (query.bind(webhook.map_or(0, |id| id.0)).fetch_all(&mut **tx).await?, now_ms)
        }
        Replay::Dead { webhook, since_ms, until_ms, now_ms } => {
            let sql = format!(
                "{select} WHERE e.session_id = $1 AND w.id = $2 AND e.created_at >= $3 AND e.created_at < $4 \
                 AND EXISTS (SELECT 1 FROM deliveries d WHERE d.event = e.id AND d.webhook_id = w.id AND d.state = 2) \
                 AND {NOT_WAITING} ORDER BY e.id LIMIT $5"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).bind(webhook.0);
            (query.bind(since_ms).bind(until_ms).bind(REPLAY_MAX).fetch_all(&mut **tx).await?, now_ms)
        }
        Replay::All { webhook, since_ms, until_ms, after, now_ms } => {
            let sql = format!(
                "{select} WHERE e.session_id = $1 AND w.id = $2 AND e.created_at >= $3 AND e.created_at < $4 \
                 AND e.id > $6 AND {WANTED} AND {NOT_WAITING} ORDER BY e.id LIMIT $5"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).bind(webhook.0);
            (query.bind(since_ms).bind(until_ms).bind(REPLAY_MAX).bind(after).fetch_all(&mut **tx).await?, now_ms)
        }
    };
    let mut webhooks = Vec::new();
    let mut last = 0;
    for row in &rows {
        let (event, webhook): (i64, i64) = (row.try_get("event")?, row.try_get("webhook")?);
        last = event;
        media::want_again(tx, event, now_ms).await?;
        let takes_files = row.try_get::<String, _>("format")? == "form";
        sqlx::query(
            "INSERT INTO deliveries (webhook_id, event, chat, due_at, with_file) VALUES ($1, $2, $3, 9223372036854775807, \
             (SELECT COUNT(*) FROM media m WHERE m.event = $2 AND m.for_webhooks = 1 AND $4 = 1))",
        )
        .bind(webhook)
        .bind(event)
        .bind(row.try_get::<String, _>("chat")?)
        .bind(i64::from(takes_files))
        .execute(&mut **tx)
        .await?;
        sqlx::query("UPDATE deliveries SET state = 3 WHERE event = $1 AND webhook_id = $2 AND state = 2")
            .bind(event)
            .bind(webhook)
            .execute(&mut **tx)
            .await?;
        if !webhooks.contains(&webhook) {
            webhooks.push(webhook);
        }
    }
    for webhook in webhooks {
        promote_all(tx, webhook, now_ms).await?;
        touched.webhooks.push(WebhookId(webhook));
        touched.media = true;
    }
    let full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= REPLAY_MAX;
    Ok(Done { count: rows.len() as u64, next: full.then_some(last), ..Done::default() })
}

impl Store {
    /// At most 1,000 deliveries a call, oldest event first. An event that already waits for a webhook is left as it is.
    pub async fn replay(&self, session: SessionId, replay: Replay) -> Result<Replayed> {
        let done = self.writer.write(session, Job::Replay(replay)).await?;
        Ok(Replayed { count: done.count, next: done.next })
    }
}

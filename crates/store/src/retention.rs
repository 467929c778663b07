//! What the log forgets, a bounded part at a time.

use sqlx::{Any, Row as _, Transaction};

use crate::{Result, SessionId, Store, WebhookId, deliveries::promote_all, signals::Touched, writer::Job};

/// Events that are removed in one transaction.
const BATCH_MAX: u64 = 500;

/// What is still to be delivered is kept, unless its webhook is paused.
const REMOVABLE: &str = "NOT EXISTS (SELECT 1 FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id \
     WHERE d.event = e.id AND d.state = 0 AND w.paused_at IS NULL)";

pub(crate) async fn prune(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    before_ms: i64,
    limit: u64,
    touched: &mut Touched,
) -> Result<u64> {
    let sql = format!(
        "SELECT e.id FROM events e WHERE e.session_id = $1 AND e.created_at < $2 AND {REMOVABLE} ORDER BY e.id LIMIT $3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(session.0)
        .bind(before_ms)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut **tx)
        .await?;
    let mut webhooks = Vec::new();
    let mut last: i64 = 0;
    for row in &rows {
        let event: i64 = row.try_get("id")?;
        last = last.max(event);
        let heads = sqlx::query("SELECT webhook_id FROM deliveries WHERE event = $1 AND state = 0")
            .bind(event)
            .fetch_all(&mut **tx)
            .await?;
        for head in heads {
            let webhook: i64 = head.try_get("webhook_id")?;
            if !webhooks.contains(&webhook) {
                webhooks.push(webhook);
            }
        }
        sqlx::query("DELETE FROM events WHERE id = $1").bind(event).execute(&mut **tx).await?;
    }
    if last > 0 {
        sqlx::query("UPDATE sessions SET pruned_to = $2 WHERE id = $1 AND pruned_to < $2")
            .bind(session.0)
            .bind(last)
            .execute(&mut **tx)
            .await?;
    }
    for webhook in webhooks {
        promote_all(tx, webhook, before_ms).await?;
        touched.webhooks.push(WebhookId(webhook));
    }
    Ok(rows.len() as u64)
}

impl Store {
    /// Removes events recorded before that time (unix ms), up to a few hundred of each session, with their deliveries.
    /// Answers how many: call it again until there are none.
    pub async fn prune_events(&self, before_ms: i64) -> Result<u64> {
        let sql =
            format!("SELECT DISTINCT e.session_id FROM events e WHERE e.created_at < $1 AND {REMOVABLE} LIMIT 1000");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before_ms).fetch_all(&self.db.read).await?;
        let mut removed = 0;
        for row in rows {
            let session = SessionId(row.try_get("session_id")?);
            removed += self.writer.write(session, Job::Prune { before_ms, limit: BATCH_MAX }).await?.count;
        }
        Ok(removed)
    }

    /// Bytes of all payloads.
    pub async fn events_bytes(&self) -> Result<u64> {
        let row = sqlx::query("SELECT CAST(COALESCE(SUM(LENGTH(payload)), 0) AS BIGINT) AS n FROM events")
            .fetch_one(&self.db.read)
            .await?;
        Ok(u64::try_from(row.try_get::<i64, _>("n")?).unwrap_or(0))
    }

    /// The time (unix ms) before which so many bytes of payload were recorded that removing them leaves `keep` at most;
    /// `None` if no more than that is there. It may be coarser by some events.
    pub async fn events_older_than_the_last(&self, keep: u64) -> Result<Option<i64>> {
        let row = sqlx::query(
            "SELECT MAX(created_at) AS at FROM (SELECT created_at, SUM(LENGTH(payload)) OVER (ORDER BY created_at DESC, id DESC) AS newer FROM events) AS sizes WHERE newer > $1",
        )
        .bind(i64::try_from(keep).unwrap_or(i64::MAX))
        .fetch_one(&self.db.read)
        .await?;
        Ok(row.try_get::<Option<i64>, _>("at")?.map(|at| at + 1))
    }
}

//! `Idempotency-Key`: the first answer is kept for 24 h.

use sqlx::Row as _;

use crate::{Result, SessionId, Store};

const KEPT_MS: i64 = 24 * 3600 * 1000;
/// A claim without an answer for this long is nobody's, since requests end sooner.
const ABANDONED_MS: i64 = 3 * 60 * 1000;

#[derive(Debug, Clone)]
pub struct StoredReply {
    pub status: u16,
    pub body: Vec<u8>,
}

#[derive(Debug, Clone)]
pub enum Claim {
    /// Nobody used the key: it is now the caller's to finish.
    Mine,
    /// The same key and body were answered before.
    Answered(StoredReply),
    /// The same key and body are being worked on now.
    InProgress,
    /// The key was used with another body.
    Mismatch,
}

impl Store {
    /// `body_hash` is SHA-256 over method, path and body. Claims older than 24 h are void, and so are those without an
    /// answer that were made three minutes ago or more, or before `started_ms`, when this process started: who made
    /// them is dead.
    pub async fn claim_idempotency(
        &self,
        session: SessionId,
        key: &str,
        body_hash: [u8; 32],
        started_ms: i64,
        now_ms: i64,
    ) -> Result<Claim> {
        let mut tx = self.db.write.begin().await?;
        sqlx::query("DELETE FROM idempotency WHERE claimed_at < $1 OR (session_id = $2 AND key = $3 AND status IS NULL AND claimed_at < $4)")
            .bind(now_ms - KEPT_MS)
            .bind(session.0)
            .bind(key)
            .bind(started_ms.max(now_ms - ABANDONED_MS))
            .execute(&mut *tx)
            .await?;
        let claimed = sqlx::query(
            "INSERT INTO idempotency (session_id, key, body_hash, claimed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (session_id, key) DO NOTHING",
        )
        .bind(session.0)
        .bind(key)
        .bind(body_hash.as_slice())
        .bind(now_ms)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let claim = if claimed == 1 {
            Claim::Mine
        } else {
            let row = sqlx::query("SELECT body_hash, status, body FROM idempotency WHERE session_id = $1 AND key = $2")
                .bind(session.0)
                .bind(key)
                .fetch_one(&mut *tx)
                .await?;
            let status: Option<i64> = row.try_get("status")?;
            if row.try_get::<Vec<u8>, _>("body_hash")? != body_hash {
                Claim::Mismatch
            } else if let Some(status) = status {
                Claim::Answered(StoredReply {
                    status: u16::try_from(status).unwrap_or(500),
                    body: row.try_get("body")?,
                })
            } else {
                Claim::InProgress
            }
        };
        tx.commit().await?;
        Ok(claim)
    }

    pub async fn finish_idempotency(&self, session: SessionId, key: &str, reply: StoredReply) -> Result<()> {
        sqlx::query("UPDATE idempotency SET status = $3, body = $4 WHERE session_id = $1 AND key = $2")
            .bind(session.0)
            .bind(key)
            .bind(i64::from(reply.status))
            .bind(reply.body)
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    /// Gives the key back after a failure that sent nothing.
    pub async fn release_idempotency(&self, session: SessionId, key: &str) -> Result<()> {
        sqlx::query("DELETE FROM idempotency WHERE session_id = $1 AND key = $2 AND status IS NULL")
            .bind(session.0)
            .bind(key)
            .execute(&self.db.write)
            .await?;
        Ok(())
    }
}

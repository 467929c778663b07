//! Sends that wait: for their time, for their turn, or for WhatsApp.
//!
//! A send's message id is fixed when it is queued. So one that is repeated, because nobody knows whether it left, is the
//! same message to WhatsApp.

use std::{collections::HashSet, sync::Arc};

use sqlx::{Any, Row as _, Transaction, any::AnyRow};
use tokio::sync::Notify;

pub use files::{SendFile, SendFileId};

mod files;

use crate::{NewEvent, Result, SessionId, Store, events, signals::Touched, writer::Job};

/// Waiting sends of a session; more are refused.
const SENDS_MAX: i64 = 10_000;
/// Bytes of their bodies; more are refused.
const BYTES_MAX: i64 = 1 << 30;
/// Finished sends that are removed in one transaction.
const BATCH_MAX: i64 = 500;

const WAITING: i64 = 0;
const SENDING: i64 = 1;
const SENT: i64 = 2;
const FAILED: i64 = 3;
const CANCELLED: i64 = 4;

#[derive(Debug, Clone)]
pub struct NewSend {
    pub session: SessionId,
    /// Fixed from here on.
    pub message_id: String,
    /// The path of the request, as `/send/text`.
    pub route: String,
    /// Opaque: what it takes to make the request again, apart from its files.
    pub body: Vec<u8>,
    /// Equal for equal requests.
    pub hash: [u8; 32],
    /// From [`Store::keep_send_file`], in order.
    pub files: Vec<SendFileId>,
    /// The chat that it goes to, as its events name it.
    pub recipient: String,
    /// Unix milliseconds.
    pub not_before_ms: i64,
    pub created_at_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendState {
    Waiting,
    /// Under way, or it was when the process died.
    Sending,
    Sent,
    Failed,
    Cancelled,
}

impl SendState {
    fn of(number: i64) -> Self {
        match number {
            SENDING => Self::Sending,
            SENT => Self::Sent,
            FAILED => Self::Failed,
            CANCELLED => Self::Cancelled,
            _ => Self::Waiting,
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Waiting => WAITING,
            Self::Sending => SENDING,
            Self::Sent => SENT,
            Self::Failed => FAILED,
            Self::Cancelled => CANCELLED,
        }
    }
}

/// A queued send, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedSend {
    /// Grows with each that is queued.
    pub row: i64,
    pub message_id: String,
    pub route: String,
    pub recipient: String,
    /// Unix milliseconds.
    pub not_before_ms: i64,
    /// After a failure that may pass: not before this time.
    pub retry_at_ms: i64,
    pub state: SendState,
    /// How often it was begun.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: Option<String>,
    pub created_at_ms: i64,
    pub finished_at_ms: Option<i64>,
}

/// What a send is done with.
#[derive(Debug, Clone)]
pub struct SendRequest {
    pub body: Vec<u8>,
    pub files: Vec<SendFile>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    New,
    /// The very same send waits already, for this time (unix ms).
    Again {
        not_before_ms: i64,
    },
    /// Another send has this id.
    Taken,
    /// Too many wait.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    Done,
    /// It is being sent.
    TooLate,
    /// It is not waiting any more.
    Finished(SendState),
    Unknown,
}

/// How a send ended, or did not.
#[derive(Debug, Clone)]
pub enum SendOutcome {
    Sent,
    /// For good. The event that tells of it is recorded with it.
    Failed {
        reason: String,
        event: Box<NewEvent>,
    },
    /// To be tried again not before this time.
    RetryAt {
        at_ms: i64,
        reason: String,
    },
    /// The connection ended meanwhile, and nobody knows. It is to be tried again as soon as there is one.
    Interrupted {
        reason: String,
    },
    /// Nothing was sent, and it waits as if it had not been begun.
    PutBack,
}

pub(crate) struct FinishedSend {
    row: i64,
    outcome: SendOutcome,
    now_ms: i64,
}

const COLUMNS: &str =
    "id, message_id, route, recipient, not_before, retry_at, state, attempts, error, created_at, finished_at";

pub(crate) async fn insert(tx: &mut Transaction<'_, Any>, new: &NewSend, touched: &mut Touched) -> Result<Enqueued> {
    let found = sqlx::query("SELECT hash, not_before, state FROM outbox WHERE session_id = $1 AND message_id = $2")
        .bind(new.session.0)
        .bind(new.message_id.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    if let Some(found) = found {
        let waits = [WAITING, SENDING].contains(&found.try_get::<i64, _>("state")?);
        let same = found.try_get::<Vec<u8>, _>("hash")? == new.hash;
        return Ok(match waits && same {
            true => Enqueued::Again { not_before_ms: found.try_get("not_before")? },
            false => Enqueued::Taken,
        });
    }
    let size = i64::try_from(new.body.len()).unwrap_or(i64::MAX).saturating_add(files::size(tx, &new.files).await?);
    let row = sqlx::query(
        "SELECT COUNT(*) AS sends, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes FROM outbox WHERE session_id = $1 AND state IN (0, 1)",
    )
    .bind(new.session.0)
    .fetch_one(&mut **tx)
    .await?;
    if row.try_get::<i64, _>("sends")? >= SENDS_MAX || row.try_get::<i64, _>("bytes")?.saturating_add(size) > BYTES_MAX
    {
        return Ok(Enqueued::Full);
    }
    let row = sqlx::query(
        "INSERT INTO outbox (session_id, message_id, route, body, hash, size, recipient, not_before, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
    )
    .bind(new.session.0)
    .bind(new.message_id.as_str())
    .bind(new.route.as_str())
    .bind(new.body.as_slice())
    .bind(new.hash.as_slice())
    .bind(size)
    .bind(new.recipient.as_str())
    .bind(new.not_before_ms)
    .bind(new.created_at_ms)
    .fetch_one(&mut **tx)
    .await?;
    files::take(tx, row.try_get("id")?, &new.files).await?;
    touched.outboxes.push(new.session);
    Ok(Enqueued::New)
}

pub(crate) async fn cancel(
    tx: &mut Transaction<'_, Any>,
    session: SessionId,
    message_id: &str,
    now_ms: i64,
) -> Result<Cancelled> {
    let cancelled = sqlx::query(
        "UPDATE outbox SET state = 4, finished_at = $3, body = $4 WHERE session_id = $1 AND message_id = $2 AND state = 0 RETURNING id",
    )
    .bind(session.0)
    .bind(message_id)
    .bind(now_ms)
    .bind(b"".as_slice())
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(cancelled) = cancelled {
        files::remove(tx, cancelled.try_get("id")?).await?;
        return Ok(Cancelled::Done);
    }
    let row = sqlx::query("SELECT state FROM outbox WHERE session_id = $1 AND message_id = $2")
        .bind(session.0)
        .bind(message_id)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(match row.map(|row| row.try_get("state")).transpose()?.map(SendState::of) {
        None => Cancelled::Unknown,
        Some(SendState::Waiting | SendState::Sending) => Cancelled::TooLate,
        Some(state) => Cancelled::Finished(state),
    })
}

/// What is not waiting any more needs its body no more.
pub(crate) async fn finish(
    tx: &mut Transaction<'_, Any>,
    finished: &FinishedSend,
    touched: &mut Touched,
) -> Result<()> {
    let query = match &finished.outcome {
        SendOutcome::Sent => {
            sqlx::query("UPDATE outbox SET state = 2, finished_at = $2, error = NULL, body = $3 WHERE id = $1 AND state = 1")
                .bind(finished.row)
                .bind(finished.now_ms)
                .bind(b"".as_slice())
        }
        SendOutcome::Failed { reason, .. } => {
            sqlx::query("UPDATE outbox SET state = 3, finished_at = $2, error = $3, body = $4 WHERE id = $1 AND state = 1")
                .bind(finished.row)
                .bind(finished.now_ms)
                .bind(reason.as_str())
                .bind(b"".as_slice())
        }
        // Still being sent, as far as anybody knows: it cannot be cancelled.
        SendOutcome::RetryAt { at_ms, reason } => {
            sqlx::query("UPDATE outbox SET retry_at = $2, error = $3 WHERE id = $1 AND state = 1")
                .bind(finished.row)
                .bind(*at_ms)
                .bind(reason.as_str())
        }
        SendOutcome::Interrupted { reason } => {
            sqlx::query("UPDATE outbox SET attempts = attempts - 1, error = $2 WHERE id = $1 AND state = 1")
                .bind(finished.row)
                .bind(reason.as_str())
        }
        SendOutcome::PutBack => {
            sqlx::query("UPDATE outbox SET state = CASE WHEN attempts > 1 THEN 1 ELSE 0 END, attempts = attempts - 1 WHERE id = $1 AND state = 1")
                .bind(finished.row)
        }
    };
    let done = query.execute(&mut **tx).await?;
    if matches!(finished.outcome, SendOutcome::Sent | SendOutcome::Failed { .. }) {
        files::remove(tx, finished.row).await?;
    }
    if let (SendOutcome::Failed { event, .. }, true) = (&finished.outcome, done.rows_affected() > 0) {
        events::insert(tx, std::slice::from_ref(event), touched).await?;
    }
    Ok(())
}

impl QueuedSend {
    fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            row: row.try_get("id")?,
            message_id: row.try_get("message_id")?,
            route: row.try_get("route")?,
            recipient: row.try_get("recipient")?,
            not_before_ms: row.try_get("not_before")?,
            retry_at_ms: row.try_get("retry_at")?,
            state: SendState::of(row.try_get("state")?),
            attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
            error: row.try_get("error")?,
            created_at_ms: row.try_get("created_at")?,
            finished_at_ms: row.try_get("finished_at")?,
        })
    }
}

impl Store {
    /// Returns when it is on disk. A session's queue has 10,000 sends and 1 GiB of bodies at most.
    pub async fn enqueue(&self, new: NewSend) -> Result<Enqueued> {
        let done = self.writer.write(new.session, Job::Enqueue(Box::new(new))).await?;
        Ok(done.enqueued.unwrap_or(Enqueued::Taken))
    }

    pub async fn cancel_send(&self, session: SessionId, message_id: &str, now_ms: i64) -> Result<Cancelled> {
        let job = Job::CancelSend { message_id: message_id.to_owned(), now_ms };
        Ok(self.writer.write(session, job).await?.cancelled.unwrap_or(Cancelled::Unknown))
    }

    /// The first that waits for each recipient of the session, in the order in which they are due, at most `limit`. Only
    /// the first thousand sends are looked at.
    pub async fn waiting_sends(&self, session: SessionId, limit: u64) -> Result<Vec<QueuedSend>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT {COLUMNS}, ROW_NUMBER() OVER (PARTITION BY recipient ORDER BY not_before, id) AS place FROM \
             (SELECT {COLUMNS} FROM outbox WHERE session_id = $1 AND state IN (0, 1) ORDER BY not_before, id LIMIT 1000) AS waiting) AS placed \
             WHERE place = 1 ORDER BY not_before, id LIMIT $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(session.0)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.db.read)
            .await?;
        rows.iter().map(QueuedSend::read).collect()
    }

    /// The body of a send that waits.
    pub async fn send_body(&self, session: SessionId, row: i64) -> Result<Option<Vec<u8>>> {
        let row = sqlx::query("SELECT body FROM outbox WHERE session_id = $1 AND id = $2 AND state IN (0, 1)")
            .bind(session.0)
            .bind(row)
            .fetch_optional(&self.db.read)
            .await?;
        Ok(row.map(|row| row.try_get("body")).transpose()?)
    }

    /// Marks it as being sent, on disk, and gives what it is sent with. `None` if it is not waiting any more.
    pub async fn begin_send(&self, session: SessionId, row: i64) -> Result<Option<SendRequest>> {
        Ok(self.writer.write(session, Job::BeginSend(row)).await?.request)
    }

    pub async fn finish_send(&self, session: SessionId, row: i64, outcome: SendOutcome, now_ms: i64) -> Result<()> {
        let finished = FinishedSend { row, outcome, now_ms };
        self.writer.write(session, Job::FinishSend(finished)).await.map(|_| ())
    }

    /// The newest first, of one state or of all, those before the given row if one is given.
    pub async fn queued_sends(
        &self,
        session: SessionId,
        states: &[SendState],
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<QueuedSend>> {
        let mut sql = format!("SELECT {COLUMNS} FROM outbox WHERE session_id = $1 AND id < $2");
        if !states.is_empty() {
            let numbers: Vec<_> = states.iter().map(|state| state.number().to_string()).collect();
            sql += &format!(" AND state IN ({})", numbers.join(", "));
        }
        sql += " ORDER BY id DESC LIMIT $3";
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(session.0)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.db.read)
            .await?;
        rows.iter().map(QueuedSend::read).collect()
    }

    pub async fn queued_send(&self, session: SessionId, message_id: &str) -> Result<Option<QueuedSend>> {
        let sql = format!("SELECT {COLUMNS} FROM outbox WHERE session_id = $1 AND message_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(session.0)
            .bind(message_id)
            .fetch_optional(&self.db.read)
            .await?;
        row.map(|row| QueuedSend::read(&row)).transpose()
    }

    /// When the `n`th newest of the session's queued sends was sent (unix ms), `n` from 1.
    pub async fn sent_at(&self, session: SessionId, n: u32) -> Result<Option<i64>> {
        let row = sqlx::query(
            "SELECT finished_at FROM outbox WHERE session_id = $1 AND state = 2 ORDER BY finished_at DESC LIMIT 1 OFFSET $2",
        )
        .bind(session.0)
        .bind(i64::from(n.saturating_sub(1)))
        .fetch_optional(&self.db.read)
        .await?;
        Ok(row.map(|row| row.try_get("finished_at")).transpose()?)
    }

    /// To whom something was sent after that time, and when last (unix ms).
    pub async fn sent_since(&self, session: SessionId, since_ms: i64) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query(
            "SELECT recipient, MAX(finished_at) AS at FROM outbox WHERE session_id = $1 AND state = 2 AND finished_at > $2 GROUP BY recipient",
        )
        .bind(session.0)
        .bind(since_ms)
        .fetch_all(&self.db.read)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("recipient")?, row.try_get("at")?))).collect()
    }

    /// Sessions with anything queued.
    pub async fn sessions_with_sends(&self) -> Result<Vec<SessionId>> {
        let rows = sqlx::query("SELECT DISTINCT session_id FROM outbox WHERE state IN (0, 1)")
            .fetch_all(&self.db.read)
            .await?;
        rows.iter().map(|row| Ok(SessionId(row.try_get("session_id")?))).collect()
    }

    /// Told when [`Self::take_changed_outboxes`] has something.
    pub fn outbox_changed(&self) -> Arc<Notify> {
        self.signals.outbox_changed.clone()
    }

    /// Sessions in which something may be due earlier than before.
    pub fn take_changed_outboxes(&self) -> HashSet<SessionId> {
        self.signals.take_outboxes()
    }

    /// How the session paces its sends, an opaque text; `None`: not at all.
    pub async fn set_pacing(&self, session: SessionId, pacing: Option<&str>) -> Result<()> {
        sqlx::query("UPDATE sessions SET pacing = $2 WHERE id = $1")
            .bind(session.0)
            .bind(pacing)
            .execute(&self.db.write)
            .await?;
        self.signals.outboxes([session]);
        Ok(())
    }

    /// Removes sends that were finished before that time (unix ms), a few hundred at most. Answers how many.
    pub async fn prune_sends(&self, before_ms: i64) -> Result<u64> {
        let removed = sqlx::query(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)",
        )
        .bind(before_ms)
        .bind(BATCH_MAX)
        .execute(&self.db.write)
        .await?;
        Ok(removed.rows_affected() + self.prune_send_files(before_ms).await?)
    }
}

/// See [`Store::begin_send`].
pub(crate) async fn begin(tx: &mut Transaction<'_, Any>, row: i64) -> Result<Option<SendRequest>> {
    let begun = sqlx::query(
        "UPDATE outbox SET state = 1, attempts = attempts + 1 WHERE id = $1 AND state IN (0, 1) RETURNING body",
    )
    .bind(row)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(begun) = begun else { return Ok(None) };
    Ok(Some(SendRequest { body: begun.try_get("body")?, files: files::of(tx, row).await? }))
}

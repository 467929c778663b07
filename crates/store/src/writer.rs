//! Group commit. Writes that arrive together, of whichever sessions, share one transaction and so one wait for the disk.
//!
//! A session's writes all go to the same writer. So they are committed in the order in which they were asked for, its
//! events' cursors grow in that order too, and what a lane of deliveries goes by cannot change under a transaction.

use std::sync::Arc;

use sqlx::{Any, Transaction};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Error, Result, SessionId,
    chats::{self, ChatChange},
    db::Db,
    deliveries::{self, FinishedAttempt},
    events::{self, NewEvent, Recorded},
    keys::{self, KeyOp},
    media::{self, FinishedMedia},
    messages::{self, MessageChange},
    outbox::{self, Cancelled, Enqueued, FinishedSend, NewSend, SendRequest},
    replay::{self, Replay},
    retention,
    signals::{Signals, Touched},
};

/// A full queue makes its callers wait: the engine's receive path slows down, nothing is dropped.
const QUEUE_MAX: usize = 1024;
/// Jobs in one transaction; bounds how long the first of them waits for the others.
const BATCH_MAX: usize = 256;
/// PostgreSQL commits in parallel, so sessions are spread over several writers there.
pub(crate) const POSTGRES_WRITERS: usize = 4;

pub(crate) enum Job {
    Keys(Vec<KeyOp>),
    Events(Vec<NewEvent>),
    Attempt(FinishedAttempt),
    Media(FinishedMedia),
    Replay(Replay),
    Messages(Vec<MessageChange>),
    Chats(Vec<ChatChange>),
    Enqueue(Box<NewSend>),
    /// The row of a queued send.
    BeginSend(i64),
    FinishSend(FinishedSend),
    CancelSend {
        message_id: String,
        now_ms: i64,
    },
    PruneMessages {
        before_ms: i64,
        limit: u64,
    },
    /// Events recorded before this time (unix ms), at most so many.
    Prune {
        before_ms: i64,
        limit: u64,
    },
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    pub recorded: Vec<Recorded>,
    pub count: u64,
    /// Where to go on, if there is more.
    pub next: Option<i64>,
    pub enqueued: Option<Enqueued>,
    pub cancelled: Option<Cancelled>,
    pub request: Option<SendRequest>,
}

struct Queued {
    session: SessionId,
    job: Job,
    reply: oneshot::Sender<Result<Done>>,
}

#[derive(Clone)]
pub(crate) struct Writer {
    queues: Arc<[mpsc::Sender<Queued>]>,
}

impl Writer {
    /// The writers end when the last handle is dropped and their queues are empty.
    pub fn start(db: Arc<Db>, signals: Arc<Signals>, writers: usize) -> Self {
        let start = |_| {
            let (queue, jobs) = mpsc::channel(QUEUE_MAX);
            tokio::spawn(run(db.clone(), signals.clone(), jobs));
            queue
        };
        Self { queues: (0..writers).map(start).collect() }
    }

    pub async fn write(&self, session: SessionId, job: Job) -> Result<Done> {
        let (reply, answer) = oneshot::channel();
        let queue = &self.queues[usize::try_from(session.0).unwrap_or(0) % self.queues.len()];
        queue.send(Queued { session, job, reply }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

async fn run(db: Arc<Db>, signals: Arc<Signals>, mut jobs: mpsc::Receiver<Queued>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while jobs.recv_many(&mut batch, BATCH_MAX).await > 0 {
        match together(&db, &batch).await {
            Ok((done, touched)) => {
                signals.fire(touched);
                for (queued, done) in batch.drain(..).zip(done) {
                    // A caller that no longer waits has its write all the same.
                    let _ = queued.reply.send(Ok(done));
                }
            }
            // One of them is at fault: each is tried on its own, so that it fails alone.
            Err(_) if batch.len() > 1 => {
                for queued in batch.drain(..) {
                    let result = together(&db, std::slice::from_ref(&queued)).await;
                    let result = result.map(|(mut done, touched)| {
                        signals.fire(touched);
                        done.pop().unwrap_or_default()
                    });
                    let _ = queued.reply.send(result);
                }
            }
            Err(error) => {
                if let Some(queued) = batch.pop() {
                    let _ = queued.reply.send(Err(error));
                }
            }
        }
    }
}

async fn together(db: &Db, batch: &[Queued]) -> Result<(Vec<Done>, Touched)> {
    let mut tx = db.write.begin().await?;
    let mut done = Vec::with_capacity(batch.len());
    let mut touched = Touched::default();
    for queued in batch {
        done.push(apply(&mut tx, queued.session, &queued.job, &mut touched).await?);
    }
    tx.commit().await?;
    Ok((done, touched))
}

async fn apply(tx: &mut Transaction<'_, Any>, session: SessionId, job: &Job, touched: &mut Touched) -> Result<Done> {
    match job {
        Job::Keys(ops) => keys::apply(tx, session, ops).await.map(|()| Done::default()),
        Job::Events(new) => Ok(Done { recorded: events::insert(tx, new, touched).await?, ..Done::default() }),
        Job::Attempt(attempt) => Ok(Done { count: deliveries::finish(tx, attempt, touched).await?, ..Done::default() }),
        Job::Media(media) => media::finish(tx, media, touched).await.map(|()| Done::default()),
        Job::Replay(replay) => replay::apply(tx, session, replay, touched).await,
        Job::Messages(changes) => {
            for change in changes {
                messages::apply(tx, session, change).await?;
            }
            Ok(Done::default())
        }
        Job::Chats(changes) => {
            for change in changes {
                chats::apply(tx, session, change).await?;
            }
            Ok(Done::default())
        }
        Job::Enqueue(new) => Ok(Done { enqueued: Some(outbox::insert(tx, new, touched).await?), ..Done::default() }),
        Job::BeginSend(row) => Ok(Done { request: outbox::begin(tx, *row).await?, ..Done::default() }),
        Job::FinishSend(finished) => outbox::finish(tx, finished, touched).await.map(|()| Done::default()),
        Job::CancelSend { message_id, now_ms } => {
            let cancelled = outbox::cancel(tx, session, message_id, *now_ms).await?;
            Ok(Done { cancelled: Some(cancelled), ..Done::default() })
        }
        Job::PruneMessages { before_ms, limit } => {
            let count = messages::prune(tx, session, *before_ms, *limit).await?;
            Ok(Done { count, ..Done::default() })
        }
        Job::Prune { before_ms, limit } => {
            let count = retention::prune(tx, session, *before_ms, *limit, touched).await?;
            Ok(Done { count, ..Done::default() })
        }
    }
}

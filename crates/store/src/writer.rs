//! Group commit. Writes that arrive together, of whichever sessions, share one transaction and so one wait for the disk.

use sqlx::{Any, Transaction};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Error, Result,
    db::Db,
    deliveries::{self, FinishedAttempt},
    events::{self, NewEvent, Recorded},
    keys::{self, KeyOp},
    sessions::SessionId,
};

/// A full queue makes its callers wait: the engine's receive path slows down, nothing is dropped.
const QUEUE_MAX: usize = 1024;
/// Jobs in one transaction; bounds how long the first of them waits for the others.
const BATCH_MAX: usize = 256;
/// PostgreSQL commits in parallel, so several writers share the queue there.
pub(crate) const POSTGRES_WRITERS: usize = 4;

pub(crate) enum Job {
    Keys { session: SessionId, ops: Vec<KeyOp> },
    Events(Vec<NewEvent>),
    Attempt(FinishedAttempt),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    pub recorded: Vec<Recorded>,
}

struct Queued {
    job: Job,
    reply: oneshot::Sender<Result<Done>>,
}

#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Queued>,
}

impl Writer {
    /// `writers` tasks share one queue; they end when the last handle is dropped and the queue is empty.
    pub fn start(db: std::sync::Arc<Db>, writers: usize) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let jobs = std::sync::Arc::new(tokio::sync::Mutex::new(jobs));
        for _ in 0..writers {
            tokio::spawn(run(db.clone(), jobs.clone()));
        }
        Self { queue }
    }

    pub async fn write(&self, job: Job) -> Result<Done> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Queued { job, reply }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

async fn run(db: std::sync::Arc<Db>, jobs: std::sync::Arc<tokio::sync::Mutex<mpsc::Receiver<Queued>>>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        if jobs.lock().await.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        match together(&db, &batch).await {
            Ok(done) => {
                for (queued, done) in batch.drain(..).zip(done) {
                    // A caller that no longer waits has its write all the same.
                    let _ = queued.reply.send(Ok(done));
                }
            }
            // One of them is at fault: each is tried on its own, so that it fails alone.
            Err(_) if batch.len() > 1 => {
                for queued in batch.drain(..) {
                    let result = together(&db, std::slice::from_ref(&queued)).await;
                    let _ = queued.reply.send(result.map(|mut done| done.pop().unwrap_or_default()));
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

async fn together(db: &Db, batch: &[Queued]) -> Result<Vec<Done>> {
    let mut tx = db.write.begin().await?;
    let mut done = Vec::with_capacity(batch.len());
    for queued in batch {
        done.push(apply(&mut tx, &queued.job).await?);
    }
    tx.commit().await?;
    Ok(done)
}

async fn apply(tx: &mut Transaction<'_, Any>, job: &Job) -> Result<Done> {
    match job {
        Job::Keys { session, ops } => keys::apply(tx, *session, ops).await.map(|()| Done::default()),
        Job::Events(new) => Ok(Done { recorded: events::insert(tx, new).await? }),
        Job::Attempt(attempt) => deliveries::finish(tx, attempt).await.map(|()| Done::default()),
    }
}

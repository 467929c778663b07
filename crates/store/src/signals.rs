//! Who is woken by a commit. Nothing that reads the log or the deliveries has to ask again and again.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

use crate::{SessionId, WebhookId};

/// What a transaction changed that somebody may wait for.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// The newest event of each session, the last entry of a session counts.
    pub logs: Vec<(SessionId, i64)>,
    /// Webhooks that have a delivery which may be due.
    pub webhooks: Vec<WebhookId>,
    /// A file is to be fetched, or no longer needed.
    pub media: bool,
    /// A file that was fetched may be to keep.
    pub keeping: bool,
    /// Sessions that have a queued send more.
    pub outboxes: Vec<SessionId>,
}

/// Bounded by what exists: a webhook or a session stands in its set once, and only sessions that are watched have an entry.
#[derive(Default)]
pub(crate) struct Signals {
    due: Mutex<HashSet<WebhookId>>,
    pub due_changed: Arc<Notify>,
    pub media_changed: Arc<Notify>,
    pub keeping_changed: Arc<Notify>,
    outboxes: Mutex<HashSet<SessionId>>,
    pub outbox_changed: Arc<Notify>,
    logs: Mutex<HashMap<SessionId, watch::Sender<i64>>>,
}

impl Signals {
    /// After the commit.
    pub fn fire(&self, touched: Touched) {
        if !touched.logs.is_empty() {
            let mut logs = lock(&self.logs);
            for (session, cursor) in touched.logs {
                let Some(log) = logs.get(&session) else { continue };
                if log.receiver_count() == 0 {
                    logs.remove(&session);
                } else {
                    log.send_if_modified(|last| std::mem::replace(last, cursor.max(*last)) < cursor);
                }
            }
        }
        if touched.media {
            // A permit is kept for a listener that looks away just now.
            self.media_changed.notify_one();
        }
        if touched.keeping {
            self.keeping_changed.notify_one();
        }
        self.due(touched.webhooks);
        self.outboxes(touched.outboxes);
    }

    pub fn due(&self, webhooks: impl IntoIterator<Item = WebhookId>) {
        let mut due = lock(&self.due);
        due.extend(webhooks);
        if !due.is_empty() {
            self.due_changed.notify_one();
        }
    }

    pub fn take_due(&self) -> HashSet<WebhookId> {
        std::mem::take(&mut *lock(&self.due))
    }

    pub fn outboxes(&self, sessions: impl IntoIterator<Item = SessionId>) {
        let mut outboxes = lock(&self.outboxes);
        outboxes.extend(sessions);
        if !outboxes.is_empty() {
            self.outbox_changed.notify_one();
        }
    }

    pub fn take_outboxes(&self) -> HashSet<SessionId> {
        std::mem::take(&mut *lock(&self.outboxes))
    }

    pub fn watch(&self, session: SessionId) -> watch::Receiver<i64> {
        lock(&self.logs).entry(session).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

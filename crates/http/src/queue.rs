//! The sends that wait, each session's with a task of its own while it has any.
//!
//! A queued send is a request that was put aside: its path, its fields and its files. When its time has come it goes through the same
//! routes again, marked as one that comes from here, so that every route that sends can be queued.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use tokio::{
    sync::Semaphore,
    task::{Id, JoinError, JoinHandle, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use wago_store::{Error, SessionId};

use crate::{app::App, intake::Intake, router};
use runner::Wake;

pub(crate) mod files;
mod outcome;
pub(crate) mod runner;
mod timing;

/// Rest after the store failed.
const PAUSE: Duration = Duration::from_secs(5);
/// Queued sends in flight of all sessions together: each holds its body.
const IN_FLIGHT_MAX: usize = 64;
/// What is in flight at the end may take this long; then it is given up, and repeated after the next start.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// In the extensions of a request that comes from the queue, whose own body is empty.
#[derive(Clone)]
pub(crate) struct FromQueue {
    pub session: wago_store::Session,
    pub message_id: String,
    pub intake: Once<Intake>,
}

/// What one of all its clones may take.
pub(crate) struct Once<T>(Arc<Mutex<Option<T>>>);

impl<T> Once<T> {
    pub fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(Some(value))))
    }

    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Clone for Once<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The running queue. Dropping it ends nothing; the token it was started with does.
pub struct Queue {
    task: JoinHandle<()>,
}

/// What all sessions share.
struct Means {
    app: App,
    router: Router,
    places: Semaphore,
    stop: CancellationToken,
}

impl Queue {
    /// Sends what waits and what is queued from now on, until `stop`. One per database.
    pub fn start(app: App, stop: CancellationToken) -> Self {
        let router = router::routes().with_state(app.clone());
        let means = Means { app, router, places: Semaphore::new(IN_FLIGHT_MAX), stop };
        let dispatcher = Dispatcher { means: Arc::new(means), tasks: JoinSet::new(), running: HashMap::new() };
        Self { task: tokio::spawn(dispatcher.run()) }
    }

    /// Waits for the end, which comes at most five seconds after the token's.
    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the queue of sends ended early");
        }
    }
}

struct Dispatcher {
    means: Arc<Means>,
    tasks: JoinSet<()>,
    running: HashMap<SessionId, (Id, Arc<Wake>)>,
}

impl Dispatcher {
    async fn run(mut self) {
        let stop = self.means.stop.clone();
        while !stop.is_cancelled() {
            if let Err(error) = self.dispatch().await {
                tracing::error!(%error, "the queue of sends pauses");
                let _ = timeout(PAUSE, stop.cancelled()).await;
            }
        }
        let end = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(END_TIMEOUT, end).await.is_err() {
            self.tasks.shutdown().await;
        }
    }

    /// Until `stop`, or until the store fails.
    async fn dispatch(&mut self) -> Result<(), Error> {
        let means = self.means.clone();
        let (queued, opened) = (means.app.store.outbox_changed(), means.app.sessions.opened());
        for session in means.app.store.sessions_with_sends().await? {
            self.wake(session);
        }
        loop {
            tokio::select! {
                () = means.stop.cancelled() => return Ok(()),
                () = queued.notified() => {
                    for session in means.app.store.take_changed_outboxes() {
                        self.wake(session);
                    }
                }
                () = opened.notified() => {
                    for session in means.app.sessions.take_opened() {
                        self.wake(session);
                    }
                }
                Some(ended) = self.tasks.join_next_with_id() => self.free(ended),
            }
        }
    }

    fn wake(&mut self, session: SessionId) {
        match self.running.get(&session) {
            Some((_, wake)) => wake.up(),
            None => {
                let wake = Arc::<Wake>::default();
                let task = self.tasks.spawn(runner::run(session, self.means.clone(), wake.clone()));
                self.running.insert(session, (task.id(), wake));
            }
        }
    }

    /// Takes a session that has nothing more to send, or cannot, off the list.
    fn free(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => {
                tracing::error!(%error, "the queue of a session broke off");
                error.id()
            }
        };
        let found = self.running.iter().find_map(|(session, (task, _))| (*task == id).then_some(*session));
        let Some(session) = found else { return };
        // Something may have come while it was on its way out.
        if self.running.remove(&session).is_some_and(|(_, wake)| wake.is_up()) || ended.is_err() {
            self.wake(session);
        }
    }
}

//! All webhooks that have something to deliver, each with a task of its own.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    task::{Id, JoinError, JoinHandle, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use wago_store::{Error, Store, WebhookId};

use crate::{
    client::Client,
    endpoint::{self, Means, PAUSE, Wake},
    schedule::Schedule,
};

/// What is in flight at the end may take this long; then it is given up, and repeated after the next start.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// How deliveries are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Webhooks may lead to private, loopback and other addresses that are not the public internet's.
    pub allow_private: bool,
    /// Requests in flight, at least 2. More wait in the table. Webhooks whose last attempt failed have half of the places
    /// at most, so that the healthy ones never wait for the others' time-outs.
    pub in_flight_max: usize,
    /// Requests in flight to one webhook, from 1 to 16. A webhook begins with one, has one more after each success, and
    /// one again after a failure.
    pub per_webhook_max: usize,
    pub schedule: Schedule,
    /// How long all attempts of a webhook may fail before it is paused.
    pub failing_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow_private: false,
            in_flight_max: 512,
            per_webhook_max: 16,
            schedule: Schedule::default(),
            failing_max: Duration::from_secs(5 * 24 * 3_600),
        }
    }
}

/// The running delivery. Dropping it ends nothing; the token it was started with does.
pub struct Deliverer {
    task: JoinHandle<()>,
}

impl Deliverer {
    /// Delivers what the store holds and what is recorded from now on, until `stop`. One per database: two would deliver
    /// everything twice.
    pub fn start(store: Store, options: Options, stop: CancellationToken) -> Self {
        let in_flight_max = options.in_flight_max.max(2);
        let dispatcher = Dispatcher {
            means: Arc::new(Means {
                client: Client::new(options.allow_private),
                store,
                schedule: options.schedule,
                failing_max: options.failing_max,
                window_max: options.per_webhook_max.clamp(1, 16),
                places: Arc::new(Semaphore::new(in_flight_max)),
                places_of_failing: Arc::new(Semaphore::new(in_flight_max / 2)),
                stop,
            }),
            tasks: JoinSet::new(),
            running: HashMap::new(),
        };
        Self { task: tokio::spawn(dispatcher.run()) }
    }

    /// Waits for the end, which comes at most ten seconds after the token's.
    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "webhook delivery ended early");
        }
    }
}

struct Dispatcher {
    means: Arc<Means>,
    tasks: JoinSet<()>,
    running: HashMap<WebhookId, (Id, Arc<Wake>)>,
}

impl Dispatcher {
    async fn run(mut self) {
        let stop = self.means.stop.clone();
        while !stop.is_cancelled() {
            if let Err(error) = self.dispatch().await {
                tracing::error!(%error, "webhook delivery pauses");
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
        let changed = self.means.store.due_changed();
        for webhook in self.means.store.webhooks_with_deliveries().await? {
            self.wake(webhook);
        }
        loop {
            tokio::select! {
                () = self.means.stop.cancelled() => return Ok(()),
                () = changed.notified() => {
                    for webhook in self.means.store.take_due_webhooks() {
                        self.wake(webhook);
                    }
                }
                Some(ended) = self.tasks.join_next_with_id() => self.free(ended),
            }
        }
    }

    fn wake(&mut self, webhook: WebhookId) {
        match self.running.get(&webhook) {
            Some((_, wake)) => wake.up(),
            None => {
                let wake = Arc::<Wake>::default();
                let task = self.tasks.spawn(endpoint::run(webhook, self.means.clone(), wake.clone()));
                self.running.insert(webhook, (task.id(), wake));
            }
        }
    }

    /// Takes a webhook that has nothing more to do off the list.
    fn free(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => {
                tracing::error!(%error, "the deliveries of a webhook broke off");
                error.id()
            }
        };
        let found = self.running.iter().find_map(|(webhook, (task, _))| (*task == id).then_some(*webhook));
        let Some(webhook) = found else { return };
        // Something may have come while it was on its way out.
        if self.running.remove(&webhook).is_some_and(|(_, wake)| wake.is_up()) || ended.is_err() {
            self.wake(webhook);
        }
    }
}

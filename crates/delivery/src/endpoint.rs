//! One webhook's deliveries: as many at once as it has shown that it can take, one at a time in each chat.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use wago_store::{Due, Error, Outcome, Store, WebhookId};

use crate::{
    attempt::{Finished, Subject},
    client::Client,
    now_ms,
    schedule::Schedule,
};

/// Rest after the store failed. Without it a full disk would repeat a delivery as fast as its receiver answers.
pub(crate) const PAUSE: Duration = Duration::from_secs(5);
/// The longest wait for a due time: the system's clock may be set meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What all webhooks share.
pub(crate) struct Means {
    pub store: Store,
    pub client: Client,
    pub schedule: Schedule,
    pub failing_max: Duration,
    pub window_max: usize,
    pub places: Arc<Semaphore>,
    /// Taken besides a place by webhooks whose last attempt failed.
    pub places_of_failing: Arc<Semaphore>,
    pub stop: CancellationToken,
}

/// Tells a webhook's task that something may be due.
#[derive(Default)]
pub(crate) struct Wake {
    up: AtomicBool,
    notify: Notify,
}

impl Wake {
    pub fn up(&self) {
        self.up.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    fn taken(&self) -> bool {
        self.up.swap(false, Ordering::AcqRel)
    }
}

/// Delivers until nothing is waiting, the webhook is paused or removed, or the end.
pub(crate) async fn run(webhook: WebhookId, means: Arc<Means>, wake: Arc<Wake>) {
    while let Err(error) = Endpoint::new(webhook, means.clone(), wake.clone()).run().await {
        tracing::error!(webhook = webhook.0, %error, "the deliveries of a webhook pause");
        if means.stop.run_until_cancelled(sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}

struct Endpoint {
    webhook: WebhookId,
    means: Arc<Means>,
    wake: Arc<Wake>,
    /// Attempts that may be in flight.
    window: usize,
    failing: bool,
    in_flight: Vec<i64>,
    tasks: JoinSet<Result<Finished, Error>>,
    /// Something may be due now.
    look: bool,
    /// The next due time in the table may be before `next_at`.
    look_ahead: bool,
    /// Unix milliseconds.
    next_at: Option<i64>,
    /// The receiver asked for rest until then (unix ms).
    rest_until: i64,
}

impl Endpoint {
    fn new(webhook: WebhookId, means: Arc<Means>, wake: Arc<Wake>) -> Self {
        Self {
            webhook,
            means,
            wake,
            window: 1,
            failing: false,
            in_flight: Vec::new(),
            tasks: JoinSet::new(),
            look: true,
            look_ahead: true,
            next_at: None,
            rest_until: 0,
        }
    }

    /// An error is the store's: attempts in flight are dropped then, and repeated.
    async fn run(mut self) -> Result<(), Error> {
        let stop = self.means.stop.clone();
        while !stop.is_cancelled() {
            self.look |= self.wake.taken();
            // One time for both looks at the table: what is not due by it is ahead.
            let now_ms = now_ms();
            let resting = now_ms < self.rest_until;
            if self.look && !resting && self.in_flight.len() < self.window && !self.start(now_ms).await? {
                break;
            }
            if self.look_ahead {
                self.next_at = self.means.store.next_due_at(self.webhook, now_ms).await?;
                self.look_ahead = false;
            }
            let full = self.in_flight.len() >= self.window;
            let wake_at = match (resting && self.look, self.next_at) {
                (true, _) => Some(self.rest_until),
                (false, next) => next.filter(|_| !full),
            };
            if self.tasks.is_empty() && wake_at.is_none() && !self.look {
                break;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wake.notify.notified() => {}
                Some(ended) = self.tasks.join_next() => self.finished(ended)?,
                () = until(wake_at) => {
                    self.look = true;
                    self.look_ahead = true;
                }
            }
            while let Some(ended) = self.tasks.try_join_next() {
                self.finished(ended)?;
            }
        }
        // What is in flight has its answer, and that is recorded.
        while let Some(ended) = self.tasks.join_next().await {
            self.finished(ended)?;
        }
        Ok(())
    }

    /// Starts what is due, as far as there are places. False if there is nothing to do here for now.
    async fn start(&mut self, now_ms: i64) -> Result<bool, Error> {
        let wanted = self.window - self.in_flight.len();
        let due = match self.means.store.due(self.webhook, now_ms, wanted as u64, &self.in_flight).await {
            Ok(Some(due)) if due.webhook.paused.is_none() => due,
            // Its deliveries are gone, or wait for its return, which wakes it.
            Ok(_) => return Ok(false),
            Err(error @ Error::Damaged { .. }) => {
                tracing::error!(webhook = self.webhook.0, %error, "nothing can be delivered to a webhook");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        self.failing = due.webhook.failing_since.is_some();
        self.look = due.deliveries.len() == wanted;
        let Due { webhook, session_name, session_jid, session_token, deliveries } = due;
        let subject = Arc::new(Subject { webhook, session_name, session_jid, session_token });
        for delivery in deliveries {
            let Some(place) = self.place().await else { break };
            self.in_flight.push(delivery.id);
            let (means, subject) = (self.means.clone(), subject.clone());
            self.tasks.spawn(async move {
                let finished = subject.attempt(&means, delivery).await;
                drop(place);
                finished
            });
        }
        Ok(true)
    }

    /// `None` at the end.
    async fn place(&self) -> Option<Place> {
        let acquire = async {
            let failing = match self.failing {
                true => Some(self.means.places_of_failing.clone().acquire_owned().await.ok()?),
                false => None,
            };
            let place = self.means.places.clone().acquire_owned().await.ok()?;
            Some(Place { _place: place, _failing: failing })
        };
        self.means.stop.run_until_cancelled(acquire).await.flatten()
    }

    fn finished(&mut self, ended: Result<Result<Finished, Error>, JoinError>) -> Result<(), Error> {
        // After a panic the table is asked anew: it alone knows what is still to be done.
        let finished = ended.map_err(|error| {
            tracing::error!(webhook = self.webhook.0, %error, "a delivery broke off");
            Error::Closed
        })??;
        self.in_flight.retain(|id| *id != finished.delivery);
        match finished.outcome {
            Outcome::Delivered => self.window = (self.window + 1).min(self.means.window_max),
            Outcome::RetryAt { at_ms } => {
                self.window = 1;
                self.next_at = Some(self.next_at.map_or(at_ms, |next| next.min(at_ms)));
            }
            Outcome::Dead | Outcome::Pause { .. } => self.window = 1,
        }
        self.failing = finished.outcome != Outcome::Delivered;
        self.rest_until = self.rest_until.max(finished.rest_until);
        self.look |= finished.more;
        Ok(())
    }
}

struct Place {
    _place: OwnedSemaphorePermit,
    _failing: Option<OwnedSemaphorePermit>,
}

async fn until(at_ms: Option<i64>) {
    match at_ms {
        // A little late rather than a little early: the table is asked with the clock's time.
        Some(at_ms) => {
            let left = u64::try_from(at_ms.saturating_sub(now_ms())).unwrap_or(0);
            sleep(Duration::from_millis(left).min(WAIT_MAX)).await;
        }
        None => std::future::pending().await,
    }
}

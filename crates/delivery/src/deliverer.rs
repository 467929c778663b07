//! Decides which lane goes next.

use std::{collections::HashMap, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use wago_store::{Delivery, Error, Store, WebhookId};

use crate::{client::Deliveries, lane::Lane, now_ms, schedule::Schedule};

/// The store's query names each busy lane, and SQLite bounds the depth of an expression.
const IN_FLIGHT_LIMIT: usize = 256;
/// While a due delivery is in flight, the store cannot tell when the next one is due, so it is asked this often.
const RECHECK: Duration = Duration::from_secs(1);
/// The longest wait for a due time: the system's clock may be set meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Rest after an [`Interruption`]. Without it a full disk would repeat a delivery as fast as its receiver answers.
const PAUSE: Duration = Duration::from_secs(5);
/// What is in flight at the end may take this long; then it is given up, and repeated after the next start.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// How deliveries are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Webhooks may lead to private, loopback and other addresses that are not the public internet's.
    pub allow_private: bool,
    /// Requests in flight, from 1 to 256. More wait in the table.
    pub in_flight_max: usize,
    /// Requests in flight to one webhook, at least 1, so that a slow one does not take all places.
    pub per_webhook_max: usize,
    pub schedule: Schedule,
}

impl Default for Options {
    fn default() -> Self {
        Self { allow_private: false, in_flight_max: 128, per_webhook_max: 16, schedule: Schedule::default() }
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
        let dispatcher = Dispatcher {
            in_flight_max: options.in_flight_max.clamp(1, IN_FLIGHT_LIMIT),
            per_webhook_max: options.per_webhook_max.max(1),
            lane: Lane { store, deliveries: Deliveries::new(options.allow_private), schedule: options.schedule, stop },
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

/// What ended a lane before its attempt was recorded.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error(transparent)]
    Store(#[from] Error),
    #[error("a delivery broke off")]
    Lane(JoinError),
}

struct Dispatcher {
    in_flight_max: usize,
    per_webhook_max: usize,
    lane: Lane,
    tasks: JoinSet<Result<(), Error>>,
    /// Webhook and chat of each task; as many as `tasks`.
    running: HashMap<Id, (WebhookId, String)>,
}

impl Dispatcher {
    async fn run(mut self) {
        let stop = self.lane.stop.clone();
        let recorded = self.lane.store.events_recorded();
        while !stop.is_cancelled() {
            // Listening begins before the look at the table: what is recorded in between is not missed.
            let event = recorded.notified();
            tokio::pin!(event);
            event.as_mut().enable();
            let wait = self.dispatch().await;
            let result = match wait {
                Ok(wait) => tokio::select! {
                    () = stop.cancelled() => break,
                    () = event => Ok(()),
                    Some(ended) = self.tasks.join_next_with_id() => self.free(ended),
                    () = sleep(wait) => Ok(()),
                },
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                tracing::error!(%error, "webhook delivery pauses");
                let _ = timeout(PAUSE, stop.cancelled()).await;
            }
        }
        let end = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(END_TIMEOUT, end).await.is_err() {
            self.tasks.shutdown().await;
        }
    }

    /// Gives the places that are free to lanes that are due; answers how long nothing else will be due.
    async fn dispatch(&mut self) -> Result<Duration, Interruption> {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.free(ended)?;
        }
        let mut full: Vec<WebhookId> = Vec::new();
        loop {
            let places = self.in_flight_max - self.running.len();
            let busy: Vec<_> = self.running.values().cloned().collect();
            for (webhook, _) in &busy {
                if !full.contains(webhook) && self.in_flight(*webhook) >= self.per_webhook_max {
                    full.push(*webhook);
                }
            }
            if places == 0 {
                break;
            }
            let mut passed_over = false;
            for delivery in self.lane.store.due_deliveries(now_ms(), places as u64, &busy, &full).await? {
                if self.in_flight(delivery.webhook) < self.per_webhook_max {
                    self.start(delivery);
                } else {
                    passed_over = true;
                }
            }
            // A webhook that became full took places from others: they are asked for again, without it.
            if !passed_over {
                break;
            }
        }
        if self.running.len() == self.in_flight_max {
            return Ok(WAIT_MAX);
        }
        let wait = match self.lane.store.next_delivery_at().await? {
            None => WAIT_MAX,
            Some(due_at) => match u64::try_from(due_at.saturating_sub(now_ms())) {
                Ok(ms @ 1..) => Duration::from_millis(ms).min(WAIT_MAX),
                _ if self.running.is_empty() => Duration::ZERO,
                _ => RECHECK,
            },
        };
        Ok(wait)
    }

    fn in_flight(&self, webhook: WebhookId) -> usize {
        self.running.values().filter(|(running, _)| *running == webhook).count()
    }

    fn start(&mut self, delivery: Delivery) {
        let key = (delivery.webhook, delivery.event.chat.clone());
        let task = self.tasks.spawn(self.lane.clone().run(delivery));
        self.running.insert(task.id(), key);
    }

    /// Takes a lane that has ended off the list.
    fn free(&mut self, ended: Result<(Id, Result<(), Error>), JoinError>) -> Result<(), Interruption> {
        let (id, result) = match ended {
            Ok((id, result)) => (id, result.map_err(Interruption::from)),
            Err(error) => (error.id(), Err(Interruption::Lane(error))),
        };
        self.running.remove(&id);
        result
    }
}

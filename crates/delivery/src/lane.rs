//! One chat's deliveries to one webhook, one after the other.

use std::time::Instant;

use tokio_util::sync::CancellationToken;
use wago_store::{Attempt, Delivery, Error, Outcome, Store};

use crate::{
    client::{Answer, Deliveries},
    now_ms,
    schedule::Schedule,
};

/// Deliveries that a lane makes before it gives its place to another that waits.
const RUN_MAX: usize = 32;

#[derive(Clone)]
pub(crate) struct Lane {
    pub store: Store,
    pub deliveries: Deliveries,
    pub schedule: Schedule,
    pub stop: CancellationToken,
}

impl Lane {
    /// Delivers the lane's first event and those behind it, until one fails, none is left or others shall have a turn.
    /// An error is the store's; the delivery concerned will be repeated.
    pub async fn run(self, mut delivery: Delivery) -> Result<(), Error> {
        for _ in 0..RUN_MAX {
            let delivered = self.attempt(&delivery).await?;
            if !delivered || self.stop.is_cancelled() {
                break;
            }
            match self.store.next_in_lane(delivery.webhook, &delivery.event.chat, now_ms()).await? {
                Some(next) => delivery = next,
                None => break,
            }
        }
        Ok(())
    }

    /// Whether it was delivered.
    async fn attempt(&self, delivery: &Delivery) -> Result<bool, Error> {
        let at_ms = now_ms();
        let started = Instant::now();
        let answer = match self.store.webhook(delivery.webhook).await {
            Ok(Some(webhook)) => self.deliveries.send(&webhook, delivery, at_ms).await,
            // Its deliveries went with it.
            Ok(None) => return Ok(false),
            Err(Error::Damaged { .. }) => Answer::failed("the stored webhook cannot be read"),
            Err(error) => return Err(error),
        };
        let outcome = self.outcome(delivery, &answer);
        let delivered = matches!(outcome, Outcome::Delivered);
        let attempt = Attempt {
            at_ms,
            latency_ms: i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX),
            status: answer.status,
            error: answer.error,
        };
        report(delivery, &attempt, &outcome);
        self.store.finish_attempt(delivery.id, attempt, outcome).await?;
        Ok(delivered)
    }

    fn outcome(&self, delivery: &Delivery, answer: &Answer) -> Outcome {
        if answer.error.is_none() {
            return Outcome::Delivered;
        }
        match self.schedule.wait_after(delivery.attempts.saturating_add(1), rand::random()) {
            Some(wait) => {
                Outcome::RetryAt { at_ms: now_ms().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)) }
            }
            None => Outcome::Dead,
        }
    }
}

fn report(delivery: &Delivery, attempt: &Attempt, outcome: &Outcome) {
    let (session, event, number) =
        (&delivery.session_name, &delivery.event.event_id, delivery.attempts.saturating_add(1));
    let (latency_ms, error) = (attempt.latency_ms, attempt.error.as_deref().unwrap_or_default());
    match outcome {
        Outcome::Delivered => tracing::debug!(session, event, number, latency_ms, "delivered"),
        Outcome::RetryAt { .. } => {
            tracing::warn!(session, event, number, latency_ms, error, "delivery failed, will be repeated")
        }
        Outcome::Dead => {
            tracing::error!(session, event, number, latency_ms, error, "delivery failed for the last time")
        }
    }
}

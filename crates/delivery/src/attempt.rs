//! One attempt, and what follows from it.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use wago_store::{Attempt, Delivery, Error, Outcome, Webhook};

use crate::{client::Answer, endpoint::Means, now_ms, paused, request::Request};

/// The longest rest that a receiver can ask for with `Retry-After`.
const REST_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Whose events go where.
pub(crate) struct Subject {
    pub webhook: Webhook,
    pub session_name: String,
    pub session_jid: Option<String>,
    pub session_token: SecretString,
}

/// An attempt that is recorded.
pub(crate) struct Finished {
    pub delivery: i64,
    pub outcome: Outcome,
    /// Another delivery of the webhook became due by it.
    pub more: bool,
    /// The receiver wants no request before this time (unix ms).
    pub rest_until: i64,
}

impl Subject {
    /// An error is the store's; the attempt was made and will be repeated.
    pub async fn attempt(&self, means: &Means, delivery: Delivery) -> Result<Finished, Error> {
        let at_ms = now_ms();
        let started = Instant::now();
        let answer = match Request::of(self, &delivery, at_ms).await {
            Ok(request) => means.client.send(&self.webhook.url, request).await,
            Err(reason) => Answer::failed(reason),
        };
        let now_ms = now_ms();
        let outcome = self.outcome(means, &delivery, &answer, now_ms);
        let rest = answer.retry_after.map_or(0, |wait| now_ms.saturating_add(milliseconds(wait.min(REST_MAX))));
        let attempt = Attempt {
            at_ms,
            url: self.webhook.url.clone(),
            latency_ms: milliseconds(started.elapsed()),
            status: answer.status,
            error: answer.error,
            response: answer.body,
        };
        self.report(&delivery, &attempt, &outcome);
        let more = means.store.finish_attempt(self.webhook.session, delivery.id, attempt, outcome.clone()).await?;
        if let Outcome::Pause { reason } = &outcome {
            paused::tell(&means.store, self, reason, now_ms).await;
        }
        Ok(Finished { delivery: delivery.id, outcome, more, rest_until: rest })
    }

    fn outcome(&self, means: &Means, delivery: &Delivery, answer: &Answer, now_ms: i64) -> Outcome {
        if answer.error.is_none() {
            return Outcome::Delivered;
        }
        if answer.status == Some(410) {
            return Outcome::Pause { reason: "the receiver answered 410 Gone".to_owned() };
        }
        let failing = self.webhook.failing_since.map_or(0, |since| now_ms.saturating_sub(since));
        if failing >= milliseconds(means.failing_max) {
            let days = means.failing_max.as_secs() / 86_400;
            return Outcome::Pause { reason: format!("no attempt succeeded for {days} days") };
        }
        match means.schedule.wait_after(delivery.attempts.saturating_add(1), rand::random()) {
            Some(wait) => {
                let asked = answer.retry_after.unwrap_or_default().min(REST_MAX);
                Outcome::RetryAt { at_ms: now_ms.saturating_add(milliseconds(wait.max(asked))) }
            }
            None => Outcome::Dead,
        }
    }

    fn report(&self, delivery: &Delivery, attempt: &Attempt, outcome: &Outcome) {
        let (session, webhook, event) = (&self.session_name, self.webhook.id.0, &delivery.event.event_id);
        let (number, latency_ms) = (delivery.attempts.saturating_add(1), attempt.latency_ms);
        let error = attempt.error.as_deref().unwrap_or_default();
        match outcome {
            Outcome::Delivered => tracing::debug!(session, webhook, event, number, latency_ms, "delivered"),
            Outcome::RetryAt { .. } => {
                tracing::warn!(session, webhook, event, number, latency_ms, error, "delivery failed, will be repeated");
            }
            Outcome::Dead => {
                tracing::error!(
                    session,
                    webhook,
                    event,
                    number,
                    latency_ms,
                    error,
                    "delivery failed for the last time"
                );
            }
            Outcome::Pause { reason } => {
                tracing::error!(session, webhook, event, number, latency_ms, error, reason, "webhook paused");
            }
        }
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

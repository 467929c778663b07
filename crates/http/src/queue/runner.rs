//! One session's queue: one send at a time, in the order in which they are due.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, response::IntoResponse as _};
use http::Request;
use tokio::{sync::Notify, time::sleep};
use tower::ServiceExt as _;
use wago_contract::{
    pacing::Pacing,
    payload::{Fields, Payload as _},
    queue::{Failed, typed},
};
use wago_store::{Error, QueuedSend, SendOutcome, SendRequest, Session, SessionId};

use super::{
    FromQueue, Means, Once, PAUSE, files,
    outcome::Outcome,
    timing::{self, Past},
};

use crate::{
    error::ApiError,
    intake::{Intake, Text},
};

/// The longest wait for a time: the system's clock may be set meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Recipients that are looked at to find the next send.
const LOOK_MAX: u64 = 100;

/// Tells a session's task that something has changed.
#[derive(Default)]
pub(super) struct Wake {
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
}

/// Sends until nothing waits, the session is not connected, or the end.
pub(super) async fn run(session: SessionId, means: Arc<Means>, wake: Arc<Wake>) {
    let runner = Runner { session, means, wake };
    while let Err(error) = runner.run().await {
        tracing::error!(session = session.0, %error, "the queue of a session pauses");
        if runner.means.stop.run_until_cancelled(sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}

struct Runner {
    session: SessionId,
    means: Arc<Means>,
    wake: Arc<Wake>,
}

impl Runner {
    async fn run(&self) -> Result<(), Error> {
        let app = &self.means.app;
        while !self.means.stop.is_cancelled() {
            self.wake.up.store(false, Ordering::Release);
            let waiting = app.store.waiting_sends(self.session, LOOK_MAX).await?;
            let Some(session) = app.store.session(self.session).await? else { return Ok(()) };
            let pacing = pacing(&session);
            let past = self.past(&pacing, app.now_ms()).await?;
            let now_ms = app.now_ms();
            let Some((send, at_ms)) = timing::next(&waiting, &pacing, &past, now_ms) else { return Ok(()) };
            if at_ms > now_ms {
                self.wait(at_ms - now_ms).await;
                continue;
            }
            // Its opening wakes this again.
            if !app.sessions.is_open(self.session) {
                return Ok(());
            }
            if pacing.typing_per_character > 0 && !self.type_it(send, &pacing).await? {
                continue;
            }
            self.send(session, send).await?;
        }
        Ok(())
    }

    async fn past(&self, pacing: &Pacing, now_ms: i64) -> Result<Past, Error> {
        let store = &self.means.app.store;
        let mut past = Past::default();
        for (count, window_ms) in timing::rates(pacing) {
            if let Some(at) = store.sent_at(self.session, count).await? {
                past.free_at = past.free_at.max(at + window_ms);
            }
        }
        let gap_ms = timing::gap_ms(pacing);
        if gap_ms > 0 {
            past.recipients = store.sent_since(self.session, now_ms - gap_ms).await?.into_iter().collect();
        }
        Ok(past)
    }

    async fn wait(&self, ms: i64) {
        let wait = Duration::from_millis(u64::try_from(ms).unwrap_or(0)).min(WAIT_MAX);
        tokio::select! {
            () = self.means.stop.cancelled() => {}
            () = self.wake.notify.notified() => {}
            () = sleep(wait) => {}
        }
    }

    /// False if it is not to be sent any more, or not now.
    async fn type_it(&self, send: &QueuedSend, pacing: &Pacing) -> Result<bool, Error> {
        let app = &self.means.app;
        let Some(body) = app.store.send_body(self.session, send.row).await? else { return Ok(false) };
        let text: Option<Text> = serde_json::from_slice(&body).ok();
        let characters = text.and_then(|text| text.fields().ok()).map_or(0, |fields| typed(&fields));
        let typing_ms = timing::typing_ms(pacing, characters);
        // A send without it is better than none.
        if let Err(error) = app.sessions.typing(self.session, &send.recipient).await {
            tracing::debug!(session = self.session.0, %error, "nobody is shown typing");
        }
        let typing = sleep(Duration::from_millis(u64::try_from(typing_ms).unwrap_or(0)));
        Ok(self.means.stop.run_until_cancelled(typing).await.is_some())
    }

    async fn send(&self, session: Session, send: &QueuedSend) -> Result<(), Error> {
        let Means { app, router, places, .. } = &*self.means;
        let Ok(_place) = places.acquire().await else { return Ok(()) };
        let Some(kept) = app.store.begin_send(self.session, send.row).await? else {
            return Ok(());
        };
        let attempts = send.attempts.saturating_add(1);
        let answer = match self.intake(kept).await {
            Ok(intake) => {
                let (session, message_id, intake) = (session.clone(), send.message_id.clone(), Once::new(intake));
                let request = Request::post(&send.route).extension(FromQueue { session, message_id, intake });
                match request.body(Body::empty()) {
                    Ok(request) => match router.clone().oneshot(request).await {
                        Ok(answer) => answer,
                        Err(never) => match never {},
                    },
                    Err(_) => ApiError::internal().into_response(),
                }
            }
            Err(error) => error.into_response(),
        };
        let outcome = Outcome::of(&answer, attempts);
        let now_ms = app.now_ms();
        let outcome = match outcome {
            Outcome::Sent => SendOutcome::Sent,
            Outcome::PutBack => SendOutcome::PutBack,
            Outcome::Interrupted(reason) => SendOutcome::Interrupted { reason },
            Outcome::Retry(after_ms, reason) => SendOutcome::RetryAt { at_ms: now_ms + after_ms, reason },
            Outcome::Failed(reason) => {
                let event = Failed {
                    id: send.message_id.clone(),
                    route: send.route.clone(),
                    chat: send.recipient.clone(),
                    send_at: send.not_before_ms.div_euclid(1000),
                    attempts,
                    error: reason.clone(),
                };
                let event = app.sessions.event(&session, "QueuedSendFailed", &send.recipient, &event);
                SendOutcome::Failed { reason, event: Box::new(event) }
            }
        };
        // Not connected any more: without this the same would be tried until the supervisor notices.
        let rest = matches!(outcome, SendOutcome::PutBack | SendOutcome::Interrupted { .. });
        app.store.finish_send(self.session, send.row, outcome, now_ms).await?;
        if rest {
            self.wait(1_000).await;
        }
        Ok(())
    }
}

impl Runner {
    /// What the request was.
    async fn intake(&self, kept: SendRequest) -> Result<Intake, ApiError> {
        let app = &self.means.app;
        let text = serde_json::from_slice(&kept.body).map_err(|_| ApiError::internal())?;
        let mut blobs = Vec::with_capacity(kept.files.len());
        for file in kept.files {
            blobs.push(files::blob(&app.store, &app.files, file).await?);
        }
        Ok(Intake { text, blobs })
    }
}

/// What is kept is what the route accepted, so it can be read.
pub fn pacing(session: &Session) -> Pacing {
    let Some(text) = &session.pacing else { return Pacing::default() };
    Fields::parse(text.as_bytes()).and_then(Pacing::read).unwrap_or_else(|_| {
        tracing::error!(session = session.name, "the pacing of a session cannot be read");
        Pacing::default()
    })
}

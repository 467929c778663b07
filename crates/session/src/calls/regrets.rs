//! The text that a caller gets who was declined: sent as any other.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;
use wago_store::SessionId;

/// Texts that wait to be sent. One more is dropped: so many callers at once are no people.
const WAITING_MAX: usize = 64;

pub(crate) struct Regret {
    pub session: SessionId,
    pub to: String,
    pub text: String,
}

#[derive(Clone)]
pub(crate) struct Regrets(mpsc::Sender<Regret>);

/// Where they come out, taken once.
pub(crate) struct Waiting(Mutex<Option<mpsc::Receiver<Regret>>>);

impl Regrets {
    pub fn new() -> (Self, Waiting) {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        (Self(sender), Waiting(Mutex::new(Some(waiting))))
    }

    pub fn send(&self, regret: Regret) {
        let session = regret.session.0;
        if self.0.try_send(regret).is_err() {
            tracing::warn!(session, "too many calls are declined at once: one more caller gets no text");
        }
    }
}

impl Waiting {
    pub fn take(&self) -> Option<mpsc::Receiver<Regret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

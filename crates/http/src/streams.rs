//! Live readers: how many there may be, how long a slow one is waited for, and when one ends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use wago_store::{Session, SessionId};

use crate::{app::App, error::ApiError, reply::Result};

/// Events that are read at a time for one reader, and so are in memory for it: the largest have half a MiB.
pub(crate) const PAGE: u64 = 16;
/// Why a reader of a session is cut off that was deleted, or has another token.
pub(crate) const REVOKED: &str = "the token no longer holds";

/// The bounds of live readers.
#[derive(Debug, Clone)]
pub struct StreamLimits {
    /// Readers of one session; above it 429.
    pub per_session: usize,
    /// Readers of all sessions; above it 503.
    pub overall: usize,
    /// Between two signs of life, and between two looks at whether the token still holds.
    pub heartbeat: Duration,
    /// A reader that does not take what is written to it for this long is cut off; it resumes from its cursor.
    pub slow: Duration,
    /// For a WebSocket's reader to take why it is cut off.
    pub last_words: Duration,
    /// For the token to come as a WebSocket's first frame.
    pub hello: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            per_session: 20,
            overall: 2_000,
            heartbeat: Duration::from_secs(15),
            slow: Duration::from_secs(20),
            last_words: Duration::from_secs(5),
            hello: Duration::from_secs(10),
        }
    }
}

/// The readers there are.
pub(crate) struct Streams {
    places: Arc<Semaphore>,
    of_sessions: Arc<Mutex<HashMap<SessionId, Readers>>>,
}

/// Those of one session.
#[derive(Default)]
struct Readers {
    count: usize,
    /// Cancelled when their token ends.
    ended: CancellationToken,
}

impl Streams {
    pub fn new(overall: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(overall)), of_sessions: Arc::default() }
    }

    /// A place for one more reader.
    pub fn enter(&self, session: SessionId, per_session: usize) -> Result<Place> {
        let permit = self.places.clone().try_acquire_owned().map_err(|_| ApiError::overloaded())?;
        let mut counts = self.of_sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let readers = counts.entry(session).or_default();
        if readers.count >= per_session {
            return Err(ApiError::too_many(format!("the session has {per_session} streams open, which is the most")));
        }
        readers.count += 1;
        let ended = readers.ended.clone();
        Ok(Place { session, of_sessions: self.of_sessions.clone(), ended, _permit: permit })
    }

    /// Ends those of a session whose token is no more. One that enters just now ends at its first heartbeat.
    pub fn end(&self, session: SessionId) {
        let mut counts = self.of_sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(readers) = counts.get_mut(&session) {
            std::mem::take(&mut readers.ended).cancel();
        }
    }
}

pub(crate) struct Place {
    session: SessionId,
    of_sessions: Arc<Mutex<HashMap<SessionId, Readers>>>,
    ended: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// Waits until the token ends.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.of_sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(readers) = counts.get_mut(&self.session) {
            readers.count -= 1;
            if readers.count == 0 {
                counts.remove(&self.session);
            }
        }
    }
}

/// Whether the session is still there, with the token that the reader showed. A database that does not answer is no
/// reason to end a stream.
pub(crate) async fn still_holds(app: &App, session: &Session) -> bool {
    match app.store.session(session.id).await {
        Ok(Some(now)) => now.token.expose_secret() == session.token.expose_secret(),
        Ok(None) => false,
        Err(_) => true,
    }
}

//! What calls have beyond WhatsApp: the browsers that are in them, and where recordings lie.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::OnceCell;
use wago_calls::{
    AudioFolder,
    turn::IceServers,
    webrtc::{self, Exchange, LegControl},
};
use wago_store::SessionId;

use crate::{app::App, error::ApiError, reply::Result};

/// How calls are reached, and what is played and kept.
#[derive(Clone)]
pub struct CallOptions {
    pub webrtc: webrtc::Options,
    /// What pages are told of.
    pub ice: IceServers,
    pub audio: AudioFolder,
    pub recordings: PathBuf,
    /// After so long a recording is removed; `None`: never.
    pub recording_age: Option<Duration>,
}

/// How often old recordings are looked for.
const PERIOD: Duration = Duration::from_secs(600);

/// Removes recordings that are too old, at once and then every ten minutes. Never ends.
pub async fn forget_recordings(app: App) {
    let Some(age) = app.calls.recording_age else { return std::future::pending().await };
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    loop {
        let before = app.now_ms().saturating_sub(age);
        if let Err(error) = forget(&app, before).await {
            tracing::error!(%error, "old recordings could not be removed");
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn forget(app: &App, before_ms: i64) -> std::result::Result<(), wago_store::Error> {
    loop {
        let old = app.store.old_recordings(before_ms).await?;
        if old.is_empty() {
            return Ok(());
        }
        for recording in old {
            // The file first: without its row nobody would look for it.
            let _ = std::fs::remove_file(app.calls.recordings.join(format!("{}.{}", recording.id, recording.format)));
            app.store.delete_recording(recording.session, &recording.id).await?;
        }
    }
}

/// Browsers in calls. The port is opened for the first of them.
#[derive(Default)]
pub(crate) struct Exchanges {
    exchange: OnceCell<Exchange>,
    legs: Mutex<HashMap<(SessionId, String), LegControl>>,
}

impl Exchanges {
    pub async fn open(&self, options: &webrtc::Options) -> Result<&Exchange> {
        let open = || async {
            Exchange::open(options.clone()).map_err(|error| {
                tracing::error!(%error, "the UDP port for browsers in calls cannot be opened");
                ApiError::no_call_port()
            })
        };
        self.exchange.get_or_try_init(open).await
    }

    pub fn joined(&self, session: SessionId, call: &str, leg: LegControl) {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner).insert((session, call.to_owned()), leg);
    }

    pub fn leg(&self, session: SessionId, call: &str) -> Option<LegControl> {
        let legs = self.legs.lock().unwrap_or_else(PoisonError::into_inner);
        legs.get(&(session, call.to_owned())).cloned()
    }

    /// A newer one in its place stays.
    pub fn gone(&self, session: SessionId, call: &str, leg: &LegControl) {
        let mut legs = self.legs.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (session, call.to_owned());
        if legs.get(&key).is_some_and(|known| known.is(leg)) {
            legs.remove(&key);
        }
    }
}

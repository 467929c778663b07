//! What calls have beyond WhatsApp: the browsers that are in them, and what is set for them.

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

use crate::{error::ApiError, reply::Result};

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

//! WhatsApp sessions: a supervisor that keeps each wanted one connected, and what a session can do.
//!
//! Only this crate knows the protocol engine.

use std::{sync::Arc, time::Duration};

use wago_store::{SessionId, Store};

mod adapter;
mod chain;
mod backend;
mod error;
mod lifecycle;
mod network;
mod record;
mod tasks;
pub use chain::prove_chain_is_checked;
pub use error::Error;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Which network the sessions talk to.
#[derive(Debug, Clone)]
pub enum Network {
    WhatsApp,
    /// A simulated one: its base URL (`http://127.0.0.1:1338`).
    #[cfg(feature = "sandbox")]
    Sandbox {
        url: String,
    },
}

/// A QR code that a session is showing now.
#[derive(Debug, Clone)]
pub struct Qr {
    /// The text to draw.
    pub code: String,
    /// How long WhatsApp accepts it from now.
    pub expires_in: Duration,
}

/// Called whenever a session shows a new QR code, with the session's name (the sandbox's page offers it to its phones).
pub type QrShown = Arc<dyn Fn(&str, &Qr) + Send + Sync>;

#[derive(Clone)]
pub struct Options {
    pub network: Network,
    /// How many sessions may be dialling at once.
    pub dialling_max: usize,
    pub qr_shown: Option<QrShown>,
}

/// All sessions of this process. A cheap handle.
#[derive(Clone)]
pub struct Sessions {}

/// What `/session/status` tells.
#[derive(Debug, Clone)]
pub struct Status {
    /// The socket to WhatsApp is open and answers.
    pub connected: bool,
    pub logged_in: bool,
    /// `user@server` JIDs with device, once linked.
    pub jid: Option<String>,
    pub lid: Option<String>,
    pub health: wago_contract::session::Health,
}

#[derive(Debug, Clone, Default)]
pub struct SendText {
    /// As the user wrote it: digits, JID or LID. Checked by the session crate.
    pub to: String,
    pub body: String,
    pub id: Option<String>,
    pub forward: bool,
    pub quote: Option<Quote>,
    pub mentions: Vec<String>,
    pub expiration: Option<u32>,
}

/// The message being replied to.
#[derive(Debug, Clone)]
pub struct Quote {
    pub stanza_id: String,
    pub participant: Option<String>,
    pub text: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Sent {
    pub id: String,
    /// WhatsApp's time, unix seconds, from its ack.
    pub timestamp: i64,
}

impl Sessions {
    pub fn new(_store: Store, _options: Options) -> Self {
        unreachable!()
    }
    /// Brings back the sessions that were connected, many at a time but bounded. Returns when all were started, not connected.
    pub async fn restore(&self) -> Result<usize> {
        unreachable!()
    }
    /// Starts the session if it is not running. With `wait`, returns once it is connected or shows a QR code, or after that time.
    pub async fn connect(&self, _id: SessionId, _wait: Option<Duration>) -> Result<Status> {
        unreachable!()
    }
    /// Starts the session if need be and asks for a pair code (`ABCD-EFGH`) for the phone number.
    pub async fn pair(&self, _id: SessionId, _phone: &str) -> Result<String> {
        unreachable!()
    }
    /// The QR code shown now; starts a fresh round when the last one ran out.
    pub async fn qr(&self, _id: SessionId) -> Result<Qr> {
        unreachable!()
    }
    pub async fn status(&self, _id: SessionId) -> Result<Status> {
        unreachable!()
    }
    /// Closes the socket; the device stays linked.
    pub async fn disconnect(&self, _id: SessionId) -> Result<()> {
        unreachable!()
    }
    /// Unlinks the device and wipes its keys.
    pub async fn logout(&self, _id: SessionId) -> Result<()> {
        unreachable!()
    }
    /// Logs out when it can, stops the task tree, and removes the row with all that belongs to it.
    pub async fn delete(&self, _id: SessionId) -> Result<()> {
        unreachable!()
    }
    /// Sends and waits for WhatsApp's ack.
    pub async fn send_text(&self, _id: SessionId, _send: SendText) -> Result<Sent> {
        unreachable!()
    }
    /// Stops all sessions; they come back at the next start.
    pub async fn shutdown(&self) {
        unreachable!()
    }
}

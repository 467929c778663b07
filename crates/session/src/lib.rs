//! WhatsApp sessions: a supervisor that keeps each wanted one connected, and what a session can do.
//!
//! Only this crate knows the protocol engine.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use wago_calls::AudioFolder;
use wago_store::Shelf;

mod acks;
mod adapter;
mod app_state;
mod archive;
mod backend;
mod barrier;
mod blocklist;
mod business;
mod calls;
mod catch_up;
mod chain;
mod communities;
mod connection;
mod error;
mod file;
mod groups;
mod history;
mod lifecycle;
mod media;
mod mex;
mod network;
mod newsletters;
mod notes;
mod orders;
mod outbound;
mod passkey;
mod patches;
mod people;
mod pictures;
mod privacy;
mod profile;
mod proxy;
mod recipients;
mod record;
mod sending;
mod sessions;
mod supervisor;
mod tasks;
pub use archive::Chat;
pub use chain::prove_chain_is_checked;
pub use error::Error;
pub use file::{File, Folder};
pub use media::Origin;
pub use sending::kind_of;
pub use sessions::Sessions;

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
    /// Without it no files of inbound messages are fetched.
    pub files: Option<Files>,
    pub keep: Keep,
    /// What callers can be played.
    pub audio: AudioFolder,
    /// At which addresses the proxies of sessions may stand.
    pub proxies: fn(IpAddr) -> bool,
}

/// What is fetched of the files of inbound messages, and where it goes.
#[derive(Debug, Clone)]
pub struct Files {
    /// The folder, which exists, into which they are fetched.
    pub folder: PathBuf,
    /// Webhooks that take files wait for them.
    pub for_webhooks: bool,
    pub kept: Option<Kept>,
}

/// Where files are kept, and how long.
#[derive(Debug, Clone)]
pub struct Kept {
    pub shelf: Shelf,
    /// `None`: for ever.
    pub age: Option<Duration>,
}

/// What of the chats is kept beside the events.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    /// Messages, to be read and searched, and how far each came.
    pub messages: bool,
    /// The folder into which the histories are written that phones send, as they come.
    pub history: Option<PathBuf>,
}

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

#[derive(Debug, Clone)]
pub struct Sent {
    pub id: String,
    /// WhatsApp's time, unix seconds, from its ack.
    pub timestamp: i64,
    /// The pictures of an album, in order.
    pub ids: Vec<String>,
}

//! A WhatsApp network for development and tests: accounts, virtual phones, and the server that linked devices talk to.
//!
//! It speaks the real wire protocol to real clients (WebSocket, Noise, binary nodes, Signal), and refuses what a real
//! server or phone would refuse. [`Network::start`] runs one; many can run in one process.

mod account;
mod business;
mod calls;
mod collections;
mod control;
mod core;
mod device;
mod faults;
mod group;
mod group_calls;
mod journal;
mod link;
mod listener;
mod media;
mod network;
mod newsletter;
mod orders;
mod pairing;
mod passkeys;
mod phone;
mod pictures;
mod privacy;
mod queue;
mod refusal;
mod relay;
mod screens;
mod stanza;
mod state;
mod wire;

use std::path::PathBuf;

pub use account::Number;
pub use network::{Network, Options};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the network did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {address}: {error}")]
    Listen { address: std::net::SocketAddr, error: std::io::Error },
    #[error("cannot keep the network's state in {}: {error}", path.display())]
    Journal { path: PathBuf, error: std::io::Error },
    #[error("what is kept in {} is not this network's: {what}", path.display())]
    Damaged { path: PathBuf, what: &'static str },
    #[error("cannot make a certificate for TLS: {0}")]
    Certificate(String),
    #[error("a field is missing or wrong: {field} {expected}")]
    Invalid { field: &'static str, expected: &'static str },
    #[error("there is a phone with this number already")]
    PhoneExists,
    #[error("there is no phone with this number; POST /phones makes one")]
    UnknownPhone,
    #[error("the phone has no such linked device")]
    UnknownDevice,
    #[error("the phone has no such message")]
    UnknownMessage,
    #[error("the phone has no such call")]
    UnknownCall,
    #[error("{0}")]
    CallState(&'static str),
    #[error("the recipient is not on this network")]
    UnknownRecipient,
    #[error("no device shows this code now: it ran out, or was used")]
    NobodyWaits,
    #[error("no device that asked for a code for this number took this one: it is wrong, or ran out")]
    WrongCode,
    #[error("the device was not linked: {0}")]
    PairingRefused(String),
    #[error("the device did not answer in time")]
    TimedOut,
    #[error("the network refused: code {0}")]
    Refused(u16),
    #[error("the network refused: {code} {word}")]
    RefusedAs { code: u16, word: &'static str },
    #[error("there is no such group")]
    UnknownGroup,
    #[error("no device waits for this phone to agree: GET the same path tells how far linking with a passkey came")]
    NoPasskey,
    #[error("the account is no business; POST to the same path makes it one")]
    NoBusiness,
    #[error("there is no such newsletter")]
    UnknownNewsletter,
    #[error("the network refused that: {code} {word}")]
    NewsletterRefused { code: u16, word: &'static str },
    #[error("the network refused that in this group: {code} {word}")]
    GroupRefused { code: u16, word: &'static str },
    #[error("a field is too large: {field} must have at most 100 MiB")]
    TooLarge { field: &'static str },
    #[error("the message has no file")]
    NoFile,
    #[error("the media host has lost the file, or never had it")]
    FileLost,
    #[error("the file is not what the message says: it is damaged, or was sealed with another key")]
    FileDamaged,
    #[error("the media host's files cannot be used: {0}")]
    Files(std::io::Error),
}

/// The network's clock: unix seconds.
pub(crate) fn now() -> u64 {
    now_ms() / 1000
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

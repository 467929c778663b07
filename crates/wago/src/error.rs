use std::{io, net::SocketAddr, path::PathBuf};

use crate::{admin, config::Problems, secret};

/// The exit code for a command line or a configuration that must be changed.
pub const USAGE: u8 = 2;
/// The exit code for what went wrong although it was asked for rightly.
const RUNTIME: u8 = 1;

/// Why wago stopped, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Configuration(#[from] Problems),
    #[error(transparent)]
    AdminToken(#[from] admin::Error),
    #[error(
        "this build talks to the simulated network only, and does not check WhatsApp's certificates: build without the feature to serve (cargo run --release -p wago -- serve)"
    )]
    NoServe,
    #[error(
        "this build has no simulated network: cargo run -p wago --features sandbox -- {0} (or, in a clone of the project, cargo sandbox)"
    )]
    NoSandbox(&'static str),
    #[error("this build does not refuse a forged WhatsApp certificate chain, so it must not serve: {0}")]
    Chain(String),
    #[error(transparent)]
    SecretKey(#[from] secret::Error),
    #[error("{path} is in use by another wago: stop that one, or give this one a directory with --data")]
    InUse { path: PathBuf },
    #[error("{path}: {source}")]
    Data { path: PathBuf, source: io::Error },
    #[error(
        "this database belongs to {found}, not to {wanted}: its sessions would be lost there; choose another with --data or --database"
    )]
    OtherNetwork { found: String, wanted: &'static str },
    #[error("files cannot be kept: {0}; look at media-storage and what belongs to it")]
    Shelf(wago_store::ShelfError),
    #[error("without a data directory there is no place for files: give one with --media-folder, or use s3")]
    NowhereToKeep,
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Store(#[from] wago_store::Error),
    /// The simulated network did not start, or does not answer as it should.
    #[error("{0}")]
    Network(String),
    #[error("nothing can be shown: {0}")]
    Terminal(#[from] io::Error),
    #[error("no signals can be received: {0}")]
    Signals(io::Error),
    /// There is nothing to listen to, or nobody to forward to.
    #[error("{0}")]
    Listener(String),
    /// Some part ended that should have run on.
    #[error("the server ended by itself; the log says why")]
    Ended,
}

impl Error {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Configuration(_) | Self::AdminToken(_) | Self::NoServe | Self::NoSandbox(_) => USAGE,
            _ => RUNTIME,
        }
    }
}

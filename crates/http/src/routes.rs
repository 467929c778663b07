//! One file a noun, in the order of the contract.

pub(crate) mod qr;
pub(crate) mod queue;
pub(crate) mod send;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod stored;
pub(crate) mod token;
pub(crate) mod webhook;

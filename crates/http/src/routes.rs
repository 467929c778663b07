//! One file a noun, in the order of the contract.

pub(crate) mod message;
pub(crate) mod qr;
pub(crate) mod send;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod webhook;

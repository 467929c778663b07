//! One file a noun, in the order of the contract.

pub(crate) mod business;
pub(crate) mod call;
pub(crate) mod chat;
pub(crate) mod community;
pub(crate) mod contact;
pub(crate) mod event_file;
pub(crate) mod events;
pub(crate) mod group;
pub(crate) mod label;
pub(crate) mod message;
pub(crate) mod newsletter;
pub(crate) mod passkey;
pub(crate) mod qr;
pub(crate) mod queue;
pub(crate) mod send;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod stored;
pub(crate) mod stream;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod webhook;
pub(crate) mod webhooks;
pub(crate) mod ws;

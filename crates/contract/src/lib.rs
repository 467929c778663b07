//! Every JSON shape that WaGo promises. No I/O.

pub mod business;
pub mod call;
pub mod chat;
pub mod community;
pub mod contact;
pub mod delivery;
pub mod envelope;
pub mod error;
pub mod event;
pub mod group;
pub mod history;
pub mod label;
pub mod message;
pub mod newsletter;
pub mod pacing;
pub mod payload;
pub mod phone;
pub mod proxy;
pub mod queue;
pub mod send;
pub mod server;
pub mod session;
pub mod stored;
pub mod subscription;
pub mod user;
pub mod webhook;

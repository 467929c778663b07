//! Between the engine's types and ours. Nothing here waits or writes.

pub mod account;
pub mod app_state;
pub mod business;
pub mod call;
pub mod chats;
pub mod contact;
pub mod enums;
pub mod error;
pub mod event;
pub mod group;
pub mod groups;
pub mod history;
pub mod jid;
pub mod message;
pub mod names;
pub mod newsletter;
pub mod order;
pub mod pairing;
pub mod presence;
pub mod protobuf;
pub mod receipt;
pub mod stored;

#[cfg(test)]
mod tests;

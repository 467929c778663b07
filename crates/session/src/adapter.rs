//! Between the engine's types and ours. Nothing here waits or writes.

pub mod enums;
pub mod error;
pub mod event;
pub mod history;
pub mod jid;
pub mod message;
pub mod protobuf;
pub mod stored;

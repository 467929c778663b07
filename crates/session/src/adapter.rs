//! Between the engine's types and ours. Nothing here waits or writes.

pub mod enums;
pub mod jid;
pub mod protobuf;

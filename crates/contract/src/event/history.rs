//! Chats of before the device was linked.

use serde::Serialize;
use serde_json::Value;

/// A part of the history that the phone sends.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HistorySync {
    /// whatsmeow's `HistorySync`: `syncType`, `chunkOrder`, `progress`, `conversations`, `pushnames`…
    pub data: Value,
    /// A chunk is told in several events if it is large: which of them this is, from 0.
    pub part: u32,
    /// There are no more parts of this chunk.
    pub last_part: bool,
}

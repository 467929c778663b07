//! The life of a session's connection.

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoggedOut {
    /// WhatsApp said so when we connected, not while connected.
    pub on_connect: bool,
    pub reason: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reason {
    pub reason: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TemporaryBan {
    pub reason: String,
    /// Unix seconds.
    pub until: i64,
}

/// What waited at WhatsApp while the session was away. `Total` counts all of it, of these kinds and others.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OfflineSyncPreview {
    pub total: i32,
    pub app_data_changes: i32,
    pub messages: i32,
    pub notifications: i32,
    pub receipts: i32,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OfflineSyncCompleted {
    pub count: i32,
}

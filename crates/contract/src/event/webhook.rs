//! Deliveries themselves.

use serde::Serialize;

/// A webhook gets nothing more until it is resumed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WebhookPaused {
    #[serde(rename = "WebhookID")]
    pub webhook_id: i64,
    #[serde(rename = "URL")]
    pub url: String,
    pub reason: String,
    pub failing_since: String,
}

//! Receipts.

use serde::Serialize;

use super::Source;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Receipt {
    #[serde(flatten)]
    pub source: Source,
    #[serde(rename = "MessageIDs")]
    pub message_ids: Vec<String>,
    pub timestamp: String,
    /// WhatsApp's word for it: empty for delivered, `read`, `read-self`, `played`, `played-self`, `sender`, `inactive`,
    /// `retry`, `server-error`…
    #[serde(rename = "Type")]
    pub kind: String,
    pub message_sender: String,
}

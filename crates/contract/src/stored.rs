//! The stored messages: `GET /messages`, and how far each came: `/message/status`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::payload::{Fields, ID, Payload, Result};

/// Characters in a message's id.
const ID_MAX: usize = 128;

/// `POST /message/status`
pub struct AskStatus {
    pub id: String,
}

impl Payload for AskStatus {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { id: fields.required(ID)?.text(ID_MAX)? })
    }
}

/// `GET /messages`
#[derive(Serialize)]
pub struct Messages {
    /// The newest first.
    pub messages: Vec<Message>,
    /// For `?before=`, if there is more.
    pub next: Option<String>,
}

/// Times in unix seconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// For `?before=` and `?after=`.
    pub cursor: String,
    pub id: String,
    pub chat: String,
    pub sender: String,
    pub from_me: bool,
    /// `text`, `image`, `poll`…
    pub kind: String,
    /// The words in it. Empty once it was revoked.
    pub text: String,
    pub timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub starred: bool,
    /// By who reacted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reactions: BTreeMap<String, String>,
}

/// `GET /messages/{id}`
#[derive(Serialize)]
pub struct WholeMessage {
    #[serde(flatten)]
    pub message: Message,
    /// As the event tells of it; `null` once it was revoked.
    pub event: Value,
}

/// Times in unix seconds.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Status {
    pub id: String,
    pub chat: String,
    pub from_me: bool,
    pub timestamp: i64,
    /// In a group those that are known to have it.
    pub recipients: Vec<Recipient>,
}

#[derive(Serialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub struct Recipient {
    #[serde(rename = "JID")]
    pub jid: String,
    /// How far it came: `sent`, `delivered`, `read` or `played`.
    pub state: &'static str,
    pub sent: i64,
    pub delivered: Option<i64>,
    pub read: Option<i64>,
    pub played: Option<i64>,
}

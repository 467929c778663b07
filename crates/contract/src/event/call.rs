//! Calls.

use serde::Serialize;

use crate::call::{CallState, Direction, Participant};

/// What WhatsApp signals about a call, and how far it has come.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Call {
    pub from: String,
    pub from_alt: String,
    pub timestamp: String,
    #[serde(rename = "CallID")]
    pub call_id: String,
    pub call_creator: String,
    pub call_creator_alt: String,
    #[serde(rename = "GroupJID")]
    pub group_jid: String,
    /// `audio` or `video`, where the signal tells.
    pub media: &'static str,
    /// `group` of a call of many, where the signal tells.
    #[serde(rename = "Type")]
    pub kind: &'static str,
    /// `offer`, `offer_notice`, `preaccept`, `accept`, `reject`, `terminate`, `transport`, `relaylatency`, `missed`…
    /// What WhatsApp signalled; `state` of an event that tells that the call came to its `State`.
    pub signal: String,
    /// WhatsApp's word, or why the call is over.
    pub reason: String,
    /// Who is in a call of many now, or was asked, with the signal `group_update`; without the account itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Participant>,
    /// How far it has come, with the signal `state`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<CallState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Milliseconds for which it lasted since it was answered, once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    pub remote_platform: String,
    pub remote_version: String,
}

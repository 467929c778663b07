//! Calls.

use serde::Serialize;

/// What WhatsApp signals about a call.
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
    /// `group` of a group's call, where the signal tells.
    #[serde(rename = "Type")]
    pub kind: &'static str,
    /// `offer`, `offer_notice`, `preaccept`, `accept`, `reject`, `terminate`, `transport`, `relaylatency`, `missed`…
    pub signal: String,
    pub reason: String,
    pub remote_platform: String,
    pub remote_version: String,
}

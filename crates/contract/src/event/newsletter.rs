//! Newsletters (channels). The first three have WhatsApp's own key names, as in whatsmeow.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// The account follows a newsletter from now on.
#[derive(Debug, Clone, Serialize)]
pub struct NewsletterJoin {
    pub id: String,
    /// `{"type": "active"}`.
    pub state: Value,
    /// Name, description, picture, invite code, number of followers…
    pub thread_metadata: Value,
    /// `mute` and `role` of the account.
    pub viewer_metadata: Value,
}

#[derive(Debug, Clone, Serialize)]
pub struct NewsletterLeave {
    pub id: String,
    pub role: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct NewsletterMuteChange {
    pub id: String,
    /// `on` or `off`.
    pub mute: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewsletterLiveUpdate {
    #[serde(rename = "JID")]
    pub jid: String,
    /// When it was recorded: WhatsApp's own time is not known.
    pub time: String,
    pub messages: Vec<NewsletterMessage>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewsletterMessage {
    #[serde(rename = "MessageServerID")]
    pub message_server_id: u64,
    /// How often each reaction was given.
    pub reaction_counts: BTreeMap<String, u64>,
}

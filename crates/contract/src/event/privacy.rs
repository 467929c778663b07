//! What the account allows whom.

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Blocklist {
    /// Empty: `Changes` says what changed. `modify`: the list has to be fetched again.
    pub action: String,
    #[serde(rename = "DHash")]
    pub dhash: String,
    #[serde(rename = "PrevDHash")]
    pub prev_dhash: String,
    pub changes: Vec<BlocklistChange>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BlocklistChange {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    /// `block` or `unblock`.
    pub action: String,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PrivacySettings {
    /// The new values of what changed. What did not is empty.
    pub new_settings: PrivacyValues,
    pub group_add_changed: bool,
    pub last_seen_changed: bool,
    pub status_changed: bool,
    pub profile_changed: bool,
    pub read_receipts_changed: bool,
    pub online_changed: bool,
    pub call_add_changed: bool,
    pub messages_changed: bool,
    pub defense_changed: bool,
    pub stickers_changed: bool,
}

/// `all`, `contacts`, `contact_blacklist`, `none`, `match_last_seen`, `known`…
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PrivacyValues {
    pub group_add: String,
    pub last_seen: String,
    pub status: String,
    pub profile: String,
    pub read_receipts: String,
    pub call_add: String,
    pub online: String,
    pub messages: String,
    pub defense: String,
    pub stickers: String,
}

//! Other people, as they change.

use serde::Serialize;

/// A picture of a person or group was set or removed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Picture {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub author: String,
    pub author_alt: String,
    pub timestamp: String,
    pub remove: bool,
    #[serde(rename = "PictureID")]
    pub picture_id: String,
}

/// A person's "about" text.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserAbout {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub status: String,
    pub timestamp: String,
}

/// A person's security code changed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct IdentityChange {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub timestamp: String,
    /// Learned from a message rather than told by WhatsApp.
    pub implicit: bool,
}

/// How long messages stay in new chats with a person.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DisappearingMode {
    pub from: String,
    pub from_alt: String,
    /// Seconds; 0 is off.
    pub duration: u32,
    pub timestamp: String,
}

/// A business's verified name.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BusinessName {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub timestamp: String,
    /// Always empty: nothing here remembers names.
    pub old_business_name: String,
    pub new_business_name: String,
}

/// A person has another phone number now.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContactNumberChange {
    #[serde(rename = "OldJID")]
    pub old_jid: String,
    #[serde(rename = "OldLID")]
    pub old_lid: String,
    #[serde(rename = "NewJID")]
    pub new_jid: String,
    #[serde(rename = "NewLID")]
    pub new_lid: String,
    pub timestamp: String,
}

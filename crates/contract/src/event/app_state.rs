//! What the account's other devices changed in its own view of chats: WhatsApp keeps that as "app state".

use serde::Serialize;
use serde_json::Value;

/// `Contact`, `Pin`, `Mute`, `Archive` and `MarkChatAsRead`: something about a chat or person.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChatAction {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub timestamp: String,
    /// As the app state has it.
    pub action: Value,
    /// Part of the whole state that a new device is given, not a change of now.
    pub from_full_sync: bool,
}

/// `Star` and `DeleteForMe`: something about a message.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageAction {
    #[serde(rename = "ChatJID")]
    pub chat_jid: String,
    pub chat_alt: String,
    /// Empty of an own message, or in a chat of two.
    #[serde(rename = "SenderJID")]
    pub sender_jid: String,
    pub sender_alt: String,
    pub is_from_me: bool,
    #[serde(rename = "MessageID")]
    pub message_id: String,
    pub timestamp: String,
    /// As the app state has it.
    pub action: Value,
    /// Part of the whole state that a new device is given, not a change of now.
    pub from_full_sync: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClearChat {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub timestamp: String,
    pub delete_starred: bool,
    pub delete_media: bool,
    /// As the app state has it.
    pub action: Value,
    /// Part of the whole state that a new device is given, not a change of now.
    pub from_full_sync: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteChat {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub timestamp: String,
    pub delete_media: bool,
    /// As the app state has it.
    pub action: Value,
    /// Part of the whole state that a new device is given, not a change of now.
    pub from_full_sync: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserStatusMute {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub timestamp: String,
    pub muted: bool,
    /// As the app state has it.
    pub action: Value,
    /// Part of the whole state that a new device is given, not a change of now.
    pub from_full_sync: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LabelEdit {
    pub timestamp: String,
    #[serde(rename = "LabelID")]
    pub label_id: String,
    /// As the app state has it.
    pub action: Value,
    /// Part of the whole state that a new device is given, not a change of now.
    pub from_full_sync: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LabelAssociationChat {
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub timestamp: String,
    #[serde(rename = "LabelID")]
    pub label_id: String,
    /// As the app state has it.
    pub action: Value,
    /// Part of the whole state that a new device is given, not a change of now.
    pub from_full_sync: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LabelAssociationMessage {
    /// The chat.
    #[serde(rename = "JID")]
    pub jid: String,
    #[serde(rename = "JIDAlt")]
    pub jid_alt: String,
    pub timestamp: String,
    #[serde(rename = "LabelID")]
    pub label_id: String,
    #[serde(rename = "MessageID")]
    pub message_id: String,
    /// As the app state has it.
    pub action: Value,
    /// Part of the whole state that a new device is given, not a change of now.
    pub from_full_sync: bool,
}

/// The account's own name, as others see it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PushNameSetting {
    pub timestamp: String,
    /// `{"name": "Ana"}`.
    pub action: Value,
    /// Empty if it is not known.
    pub old_name: String,
    /// Part of the whole state that a new device is given, not a change of now.
    pub from_full_sync: bool,
}

/// Some of the app state could not be read.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AppStateSyncError {
    /// Collections that WhatsApp refused.
    pub fatal: Vec<String>,
    /// Collections that a later attempt can read.
    pub retryable: Vec<String>,
}

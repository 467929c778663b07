//! Messages.

use serde::Serialize;
use serde_json::Value;

use super::{Source, ZERO_TIME};

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageInfo {
    #[serde(flatten)]
    pub source: Source,
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "ServerID")]
    pub server_id: i64,
    /// `text`, `media`, `reaction`, `poll`…
    #[serde(rename = "Type")]
    pub kind: String,
    pub push_name: String,
    /// RFC 3339, UTC.
    pub timestamp: String,
    pub category: String,
    pub multicast: bool,
    pub media_type: String,
    /// `1` edit, `7` revoked by the sender, `8` revoked by an admin…
    pub edit: String,
    pub msg_bot_info: BotInfo,
    pub msg_meta_info: MetaInfo,
    pub verified_name: Option<Value>,
    pub device_sent_meta: Option<DeviceSentMeta>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BotInfo {
    pub edit_type: String,
    #[serde(rename = "EditTargetID")]
    pub edit_target_id: String,
    #[serde(rename = "EditSenderTimestampMS")]
    pub edit_sender_timestamp_ms: String,
}

impl Default for BotInfo {
    fn default() -> Self {
        Self { edit_type: String::new(), edit_target_id: String::new(), edit_sender_timestamp_ms: ZERO_TIME.to_owned() }
    }
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetaInfo {
    #[serde(rename = "TargetID")]
    pub target_id: String,
    pub target_sender: String,
    pub target_chat: String,
    #[serde(rename = "DeprecatedLIDSession")]
    pub deprecated_lid_session: Option<bool>,
    #[serde(rename = "ThreadMessageID")]
    pub thread_message_id: String,
    #[serde(rename = "ThreadMessageSenderJID")]
    pub thread_message_sender_jid: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceSentMeta {
    #[serde(rename = "DestinationJID")]
    pub destination_jid: String,
    pub phash: String,
}

/// A message, received or sent.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageEvent {
    pub info: MessageInfo,
    /// The content, out of the envelopes that the flags below tell of.
    pub message: Value,
    /// The content as it came, if it was in an envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_message: Option<Value>,
    pub is_ephemeral: bool,
    pub is_view_once: bool,
    pub is_view_once_v2: bool,
    pub is_view_once_v2_extension: bool,
    pub is_document_with_caption: bool,
    pub is_lottie_sticker: bool,
    pub is_bot_invoke: bool,
    pub is_edit: bool,
    pub source_web_msg: Option<Value>,
    #[serde(rename = "UnavailableRequestID")]
    pub unavailable_request_id: String,
    pub retry_count: u32,
    /// Always null.
    pub newsletter_meta: Option<Value>,
}

/// A message whose content could not be had.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Undecryptable {
    pub info: MessageInfo,
    pub is_unavailable: bool,
    /// Empty, `view_once`, `hosted` or `bot`.
    pub unavailable_type: &'static str,
    /// `show` or `hide`: whether a person should see that something is missing.
    pub decrypt_fail_mode: &'static str,
}

/// The phone's answer to a request to upload a file again.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MediaRetry {
    /// Base64 of what the file's media key decrypts; empty if there is an error.
    pub ciphertext: String,
    #[serde(rename = "IV")]
    pub iv: String,
    pub error: Option<MediaRetryError>,
    pub timestamp: String,
    #[serde(rename = "MessageID")]
    pub message_id: String,
    #[serde(rename = "ChatID")]
    pub chat_id: String,
    #[serde(rename = "ChatAlt")]
    pub chat_alt: String,
    #[serde(rename = "SenderID")]
    pub sender_id: String,
    pub sender_alt: String,
    pub from_me: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MediaRetryError {
    pub code: u64,
}

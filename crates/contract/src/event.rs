//! What a webhook, a stream or `GET /events` tells. Names are whatsmeow's, which WaGo's are.
//!
//! As there, the structs of this page write every field, empty or not, while the content of a message
//! ([`MessageEvent::message`]) leaves out what is absent.

use serde::Serialize;
use serde_json::Value;

/// whatsmeow's "no time".
pub const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// One event, as it is recorded and sent.
#[derive(Debug, Clone, Serialize)]
pub struct Event<E> {
    /// A name of [`crate::subscription::NAMES`].
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub event: E,
    /// Stays the same on every attempt and every replay.
    #[serde(rename = "eventId")]
    pub event_id: String,
    pub session: SessionRef,
    /// When it was recorded: RFC 3339, UTC, milliseconds.
    pub timestamp: String,
    /// `Delivered`, `Read`, `ReadSelf`, `Played` of a receipt; `online`, `offline` of a presence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRef {
    pub name: String,
    /// Empty until linked.
    pub jid: String,
}

/// Who sent what where. JIDs are texts; an unknown one is empty.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Source {
    pub chat: String,
    /// With device.
    pub sender: String,
    pub is_from_me: bool,
    pub is_group: bool,
    /// `pn`, `lid` or empty.
    pub addressing_mode: &'static str,
    /// The sender's other identity: the phone number's JID of a LID, or the LID of a phone number.
    pub sender_alt: String,
    /// The same of the chat partner, for messages that we sent.
    pub recipient_alt: String,
    pub broadcast_list_owner: String,
    pub broadcast_recipients: Option<Vec<Value>>,
}

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
    pub newsletter_meta: Option<Value>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Receipt {
    #[serde(flatten)]
    pub source: Source,
    #[serde(rename = "MessageIDs")]
    pub message_ids: Vec<String>,
    pub timestamp: String,
    /// whatsmeow's: empty for delivered, `read`, `read-self`, `played`.
    #[serde(rename = "Type")]
    pub kind: &'static str,
    pub message_sender: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChatPresence {
    #[serde(flatten)]
    pub source: Source,
    /// `composing` or `paused`.
    pub state: &'static str,
    /// Empty, or `audio` while recording.
    pub media: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Presence {
    pub from: String,
    pub unavailable: bool,
    pub last_seen: String,
}

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

/// A QR code to scan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Qr {
    /// The text to draw.
    pub code: String,
    /// Seconds.
    pub expires_in: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Paired {
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "LID")]
    pub lid: String,
    #[serde(rename = "BusinessName")]
    pub business_name: String,
    #[serde(rename = "Platform")]
    pub platform: String,
    /// Only of a `PairError`.
    #[serde(rename = "Error", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoggedOut {
    /// WhatsApp said so when we connected, not while connected.
    pub on_connect: bool,
    pub reason: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reason {
    pub reason: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TemporaryBan {
    pub reason: String,
    /// Unix seconds.
    pub until: i64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OfflineSync {
    pub count: i32,
}

/// What WhatsApp signals about a call.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Call {
    pub from: String,
    pub timestamp: String,
    #[serde(rename = "CallID")]
    pub call_id: String,
    pub call_creator: String,
    #[serde(rename = "GroupJID")]
    pub group_jid: String,
    /// `audio` or `video`, where the signal tells.
    pub media: &'static str,
    /// `offer`, `accept`, `reject`, `terminate`, `missed`…
    pub signal: String,
    pub reason: String,
}

/// An event with nothing to say beside its type.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Nothing {}

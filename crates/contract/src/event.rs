//! What a webhook, a stream or `GET /events` tells. Names are whatsmeow's, which WaGo's are.
//!
//! As there, the structs of this page write every field, empty or not, while the content of a message
//! ([`MessageEvent::message`]) leaves out what is absent.

use serde::Serialize;

mod app_state;
mod call;
mod catalogue;
mod connection;
mod contact;
mod group;
mod history;
mod message;
mod newsletter;
mod order;
mod pairing;
mod presence;
mod privacy;
mod receipt;
mod webhook;

pub use app_state::{
    AppStateSyncError, ChatAction, ClearChat, DeleteChat, LabelAssociationChat, LabelAssociationMessage, LabelEdit,
    MessageAction, PushNameSetting, UserStatusMute,
};
pub use call::Call;
pub use catalogue::{Entry, Way, catalogue, document};
pub use connection::{LoggedOut, OfflineSyncCompleted, OfflineSyncPreview, Reason, TemporaryBan};
pub use contact::{BusinessName, ContactNumberChange, DisappearingMode, IdentityChange, Picture, UserAbout};
pub use group::{
    GroupAnnounce, GroupDelete, GroupEphemeral, GroupInfo, GroupLink, GroupLinkTarget, GroupLocked, GroupName,
    GroupParticipant, GroupTopic, JoinApproval, JoinedGroup, UnknownChange,
};
pub use history::HistorySync;
pub use message::{
    BotInfo, DeviceSentMeta, MediaRetry, MediaRetryError, MessageEvent, MessageInfo, MetaInfo, Undecryptable,
};
pub use newsletter::{NewsletterJoin, NewsletterLeave, NewsletterLiveUpdate, NewsletterMessage, NewsletterMuteChange};
pub use order::{OrderDetails, OrderPrice, OrderedProduct};
pub use pairing::{Paired, PairingCode, PairingCodeRefresh, PasskeyConfirmation, PasskeyError, PasskeyRequest, Qr};
pub use presence::{ChatPresence, Presence};
pub use privacy::{Blocklist, BlocklistChange, PrivacySettings, PrivacyValues};
pub use receipt::Receipt;
pub use webhook::WebhookPaused;

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
    /// Of a message that is a vote, if its poll is known.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub vote: Option<Vote>,
    /// Of a message that is an order, if WhatsApp said what is in it.
    #[serde(rename = "orderDetails", skip_serializing_if = "Option::is_none")]
    pub order_details: Option<OrderDetails>,
}

/// What a vote is for, opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Vote {
    /// SHA-256 of each option in hex, with commas between; empty when the vote is taken back.
    pub decrypt_vote: String,
    /// The options in words, in the poll's order.
    pub vote_options: Vec<String>,
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
    pub broadcast_recipients: Option<Vec<BroadcastRecipient>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BroadcastRecipient {
    #[serde(rename = "LID")]
    pub lid: String,
    #[serde(rename = "PN")]
    pub pn: String,
}

/// An event with nothing to say beside its type.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Nothing {}

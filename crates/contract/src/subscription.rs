//! The event types that a session can subscribe to.

use crate::payload::{Fields, Invalid, Name, Result};

/// Everything. Also what a new session subscribes to.
pub const ALL: &str = "All";

/// WaGo's nine names, then finer ones, as `docs/events.md` explains them.
pub const NAMES: &[&str] = &[
    ALL,
    "Message",
    "Newsletter",
    "ReadReceipt",
    "Presence",
    "ChatPresence",
    "HistorySync",
    "Call",
    "LoggedOut",
    "AppState",
    "AppStateSyncComplete",
    "AppStateSyncError",
    "Archive",
    "Blocklist",
    "BlocklistChange",
    "BusinessName",
    "CATRefreshError",
    "CallAccept",
    "CallOffer",
    "CallOfferNotice",
    "CallPreAccept",
    "CallReject",
    "CallRelayLatency",
    "CallTerminate",
    "CallTransport",
    "ClearChat",
    "ClientOutdated",
    "ConnectFailure",
    "Connected",
    "Contact",
    "ContactNumberChange",
    "DeleteChat",
    "DeleteForMe",
    "DisappearingMode",
    "Disconnected",
    "FBMessage",
    "GroupInfo",
    "IdentityChange",
    "JoinedGroup",
    "KeepAliveRestored",
    "KeepAliveTimeout",
    "LabelAssociationChat",
    "LabelAssociationMessage",
    "LabelEdit",
    "MarkChatAsRead",
    "MediaRetry",
    "Mute",
    "NewsletterJoin",
    "NewsletterLeave",
    "NewsletterLiveUpdate",
    "NewsletterMuteChange",
    "OfflineSyncCompleted",
    "OfflineSyncPreview",
    "PairError",
    "PairPasskeyError",
    "PairSuccess",
    "PairingCode",
    "PairingCodeRefresh",
    "PasskeyConfirmation",
    "PasskeyRequest",
    "Picture",
    "Pin",
    "PrivacySettings",
    "PushName",
    "PushNameSetting",
    "QR",
    "QRScannedWithoutMultidevice",
    "QRTimeout",
    "QueuedSendFailed",
    "Receipt",
    "Star",
    "StreamError",
    "StreamReplaced",
    "TemporaryBan",
    "Test",
    "UndecryptableMessage",
    "UserAbout",
    "UserStatusMute",
    "WebhookPaused",
];

/// Names of at most this many characters are looked up at all.
const NAME_MAX: usize = 64;

/// Reads `Subscribe` or `Events`: a list of names, or one text with commas, in any letter case. `None` if it names
/// nothing, which keeps what is stored.
pub fn read(fields: &mut Fields, name: Name) -> Result<Option<Vec<String>>> {
    let Some(given) = fields.optional(name) else {
        return Ok(None);
    };
    let names = known(given.words(2 * NAMES.len(), NAME_MAX)?, name.field)?;
    Ok((!names.is_empty()).then_some(names))
}

/// The names as they are known, each once; empty words count for nothing.
pub fn known(words: impl IntoIterator<Item = impl AsRef<str>>, field: &str) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for word in words {
        let word = word.as_ref().trim();
        if word.is_empty() {
            continue;
        }
        let Some(known) = NAMES.iter().find(|known| known.eq_ignore_ascii_case(word)) else {
            return Err(Invalid::field(field, format!("a list of event types; known are {}", NAMES.join(", "))));
        };
        if !names.iter().any(|named| named == known) {
            names.push((*known).to_owned());
        }
    }
    Ok(names)
}

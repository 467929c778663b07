//! The event types that a session can subscribe to.

use crate::payload::{Fields, Invalid, Name, Result};

/// Everything. Also what a new session subscribes to.
pub const ALL: &str = "All";

/// WaGo's nine names, then the finer ones of its sibling.
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
    "Blocklist",
    "BlocklistChange",
    "CATRefreshError",
    "CallAccept",
    "CallOffer",
    "CallOfferNotice",
    "CallRelayLatency",
    "CallTerminate",
    "ClientOutdated",
    "ConnectFailure",
    "Connected",
    "Disconnected",
    "FBMessage",
    "GroupInfo",
    "IdentityChange",
    "JoinedGroup",
    "KeepAliveRestored",
    "KeepAliveTimeout",
    "MediaRetry",
    "NewsletterJoin",
    "NewsletterLeave",
    "NewsletterLiveUpdate",
    "NewsletterMuteChange",
    "OfflineSyncCompleted",
    "OfflineSyncPreview",
    "PairError",
    "PairSuccess",
    "Picture",
    "PrivacySettings",
    "PushNameSetting",
    "QR",
    "QRScannedWithoutMultidevice",
    "QRTimeout",
    "QueuedSendFailed",
    "Receipt",
    "StreamError",
    "StreamReplaced",
    "TemporaryBan",
    "UndecryptableMessage",
    "UserAbout",
];

/// Names of at most this many characters are looked up at all.
const NAME_MAX: usize = 64;

/// Reads `Subscribe` or `Events`: a list of names, or one text with commas, in any letter case. `None` if it names
/// nothing, which keeps what is stored.
pub fn read(fields: &mut Fields, name: Name) -> Result<Option<Vec<String>>> {
    let Some(given) = fields.optional(name) else {
        return Ok(None);
    };
    let mut names: Vec<String> = Vec::new();
    for word in given.words(2 * NAMES.len(), NAME_MAX)? {
        let word = word.trim();
        if word.is_empty() {
            continue;
        }
        let Some(known) = NAMES.iter().find(|known| known.eq_ignore_ascii_case(word)) else {
            return Err(Invalid::field(name.field, format!("a list of event types; known are {}", NAMES.join(", "))));
        };
        if !names.iter().any(|named| named == known) {
            names.push((*known).to_owned());
        }
    }
    Ok((!names.is_empty()).then_some(names))
}

//! Who is there, and who is writing.

use serde::Serialize;

use super::Source;

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
    pub from_alt: String,
    pub unavailable: bool,
    pub last_seen: String,
}

//! Calls on the phones of the simulated network.

use serde::{Deserialize, Serialize};

/// `POST /phones/{number}/call/{action}`.
#[derive(Serialize, Deserialize, Default)]
pub struct Act {
    /// Whom to call, or to ask to join: a number or a JID. A group's calls its members.
    pub to: Option<String>,
    /// Of the call; the latest that goes on if absent.
    pub id: Option<String>,
    #[serde(default)]
    pub video: bool,
    /// What the phone says: `silence`, `echo`, or a tone, `tone:440` in Hz or `tone:440:-12` with its level in dB.
    pub play: Option<String>,
    /// What the phone shows in a video call: `off`, `echo`, or a grey as people see it, `grey:180`; `grey:128` if absent.
    pub show: Option<String>,
    /// The sampling rates that the phone's client offers for its sound; 16000 alone if absent.
    pub rates: Option<Vec<u32>>,
    /// What the phone's client speaks: `opus`, as negotiated (if absent), or `mlow`, whatever was negotiated.
    pub codec: Option<String>,
    /// With the action `auto`, what is done when it rings: `answer`, `reject`, `busy` or `ring`.
    pub then: Option<String>,
}

/// A call, as a phone shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    pub id: String,
    /// The other end's number; of a call of many, that of who made it.
    pub with: String,
    /// The JID of the group that is called; empty if none is.
    pub group: String,
    /// Of a call of many: who is in it, and who was asked.
    pub participants: Vec<Participant>,
    /// The other end's device; 0 is its phone.
    pub device: u16,
    pub outgoing: bool,
    pub video: bool,
    /// `ringing`, `active` or `ended`.
    pub state: String,
    /// Why it ended, as it was signalled.
    pub reason: String,
    /// The other end says that it is muted.
    pub peer_muted: bool,
    /// Its sound has found the relay.
    pub connected: bool,
    pub heard: Heard,
    /// Of a video call.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen: Option<Seen>,
}

/// What a phone saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Those that can be drawn, and how many of them are key frames.
    pub pictures: u64,
    pub key_frames: u64,
    /// Those that cannot, as one that they are drawn on did not come.
    pub lost: u64,
    /// In pixels; 0 before the first.
    pub width: u32,
    pub height: u32,
}

/// Somebody in a call of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    pub number: String,
    /// `invited`, `ringing`, `connected`, `rejected` or `left`.
    pub state: String,
}

/// What a phone heard.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    pub packets: u64,
    /// Those that did not come, or too late, and were made up.
    pub lost: u64,
    /// Of the last second: its loudest frequency in Hz, and its level in dB of the loudest there is.
    pub peak_hz: f32,
    pub level: f32,
    /// Of the packets since a tone was expected: how many had it within 3 dB of its level, and how many there were.
    pub good: u64,
    pub expected: u64,
}

/// `POST /relay`: trouble on the way of the sound.
#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Trouble {
    /// The call; all of them if absent.
    pub call: Option<String>,
    /// Of 1.
    pub loss: f64,
    pub duplicates: f64,
    /// Each packet comes later by 0 to so much.
    pub jitter_ms: u64,
    /// For so long nothing comes through.
    pub silent_ms: u64,
    pub seed: u64,
}

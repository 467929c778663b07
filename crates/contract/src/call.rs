//! `/call/*`: calls.

use serde::{Deserialize, Serialize};

use crate::{
    payload::{Fields, Invalid, Name, PHONE, Payload, Result},
    session::PHONE_MAX,
};

/// WhatsApp's are of 32 characters.
const CALL_ID_MAX: usize = 128;
const CALL_ID: Name = Name { field: "CallID", aliases: &["call_id"] };

/// `POST /call/make`
pub struct MakeCall {
    /// As written.
    pub phone: String,
    /// Whether it rings as a video call. There is no picture from here in any case.
    pub video: bool,
}

impl Payload for MakeCall {
    fn read(mut fields: Fields) -> Result<Self> {
        let phone = fields.required(PHONE)?.text(PHONE_MAX)?;
        Ok(Self { phone, video: fields.flag("Video")? })
    }
}

/// `POST /call/answer`, `/call/reject`, `/call/hangup`, and others that name a call.
pub struct NameCall {
    pub call: String,
}

impl Payload for NameCall {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { call: call_id(&mut fields)? })
    }
}

/// `POST /call/mute`
pub struct MuteCall {
    pub call: String,
    /// True unless given.
    pub muted: bool,
}

impl Payload for MuteCall {
    fn read(mut fields: Fields) -> Result<Self> {
        let call = call_id(&mut fields)?;
        let muted = fields.optional("Muted").map_or(Ok(true), |given| given.flag())?;
        Ok(Self { call, muted })
    }
}

/// The id of the call that a request is about.
pub(crate) fn call_id(fields: &mut Fields) -> Result<String> {
    fields.required(CALL_ID)?.text(CALL_ID_MAX)
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallState {
    /// Here, or at the other end.
    Ringing,
    /// Answered; its sound is being connected.
    Accepted,
    /// People hear each other.
    Active,
    /// Over, because one did not want it.
    Rejected,
    /// Over.
    Ended,
}

impl CallState {
    pub fn is_over(self) -> bool {
        matches!(self, Self::Rejected | Self::Ended)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Incoming,
    Outgoing,
}

/// A call, as `/call/status` tells of it. Times are RFC 3339 with milliseconds, in UTC.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    #[serde(rename = "callID")]
    pub call_id: String,
    /// The other end's JID.
    pub peer: String,
    /// Its other one, if it is known: the LID of a phone number, or the other way round.
    pub peer_alt: String,
    pub direction: Direction,
    pub state: CallState,
    pub started_at: String,
    pub answered_at: Option<String>,
    pub ended_at: Option<String>,
    /// Why it is over: see the table in the documentation of calls. Empty until then.
    pub reason: &'static str,
    /// Milliseconds since it was answered, or for which it lasted.
    pub duration_ms: u64,
    /// `audio` or `video`: as what it rang.
    pub media: &'static str,
    pub muted: bool,
    /// While it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<CallStats>,
}

/// What has gone over the line of a call so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallStats {
    /// Packets of 60 ms from WhatsApp, of those that did not come, and of those that came too late to be heard.
    pub heard_packets: u64,
    pub lost_packets: u64,
    pub late_packets: u64,
    /// Packets of 60 ms to WhatsApp: in all, of a browser's sound as it came, and of sound that was encoded here.
    pub said_packets: u64,
    pub passed_packets: u64,
    pub encoded_packets: u64,
    /// How long sound waits here for what is late, where it is decoded.
    pub jitter_ms: u32,
    /// How loud it was last, in dB of the loudest there is; where it is decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_level: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said_level: Option<f32>,
    /// What is joined to it: `browser`, `player`, `recorder`, `stream`, `echo`, `tone`.
    pub legs: Vec<String>,
}

/// The `data` of `POST /call/make` and `/call/answer`.
#[derive(Debug, Serialize)]
pub struct Made {
    #[serde(rename = "callID")]
    pub call_id: String,
    pub call: Call,
}

/// The `data` of `GET /call/status`: the newest first.
#[derive(Debug, Serialize)]
pub struct Calls {
    pub calls: Vec<Call>,
}

/// The `data` of what was done to a call.
#[derive(Debug, Serialize)]
pub struct Acted {
    #[serde(rename = "Details")]
    pub details: &'static str,
    #[serde(rename = "CallID")]
    pub call_id: String,
}

const REJECT_TEXT_MAX: usize = 4_096;
/// Characters of the name of an audio file.
const AUDIO_FILE_MAX: usize = 1_024;

/// `GET` and `POST /call/settings`: what a session does by itself when it is called. What is not named is off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CallSettings {
    /// Declines all calls.
    pub auto_reject: bool,
    /// What the caller of a declined call is sent; nothing if empty.
    pub reject_text: String,
    /// Takes all calls.
    pub auto_answer: bool,
    /// The audio file that the caller of a call that was taken hears; none if empty.
    pub announce: String,
    /// Whether it hangs up after that.
    pub hang_up: bool,
}

impl Payload for CallSettings {
    fn read(mut fields: Fields) -> Result<Self> {
        let settings = Self {
            auto_reject: fields.flag("AutoReject")?,
            reject_text: fields.text("RejectText", REJECT_TEXT_MAX)?.unwrap_or_default(),
            auto_answer: fields.flag("AutoAnswer")?,
            announce: fields.text("Announce", AUDIO_FILE_MAX)?.unwrap_or_default(),
            hang_up: fields.flag("HangUp")?,
        };
        if settings.auto_reject && settings.auto_answer {
            return Err(Invalid::field("AutoAnswer", "false while AutoReject is true"));
        }
        if settings.hang_up && settings.announce.is_empty() {
            return Err(fields.missing("Announce"));
        }
        Ok(settings)
    }
}

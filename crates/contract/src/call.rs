//! `/call/*`: calls.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    payload::{Fields, Invalid, Name, PHONE, Payload, Result},
    send::media::{Files, Kind, Media, WithFiles},
    session::PHONE_MAX,
};

/// WhatsApp's are of 32 characters.
const CALL_ID_MAX: usize = 128;
/// WhatsApp's own clients give up earlier.
const RING_SECONDS_MAX: i64 = 75;
const CALL_ID: Name = Name { field: "CallID", aliases: &["call_id"] };

/// `POST /call/make`
pub struct MakeCall {
    pub whom: Whom,
    /// Whether it rings as a video call. The picture is that of a browser, if one is joined.
    pub video: bool,
    /// How long it rings at most.
    pub rings: Duration,
}

/// Who is called, as written.
pub enum Whom {
    /// A person, or a group: then its members are.
    One(String),
    /// Several people at once.
    Many(Vec<String>),
}

/// People beside the account itself in a call of many.
const OTHERS_MIN: usize = 2;
const OTHERS_MAX: usize = 31;

impl Payload for MakeCall {
    fn read(mut fields: Fields) -> Result<Self> {
        let whom = match fields.optional("Phones") {
            None => Whom::One(fields.required(PHONE)?.text(PHONE_MAX)?),
            Some(_) if fields.optional(PHONE).is_some() => {
                return Err(Invalid::field("Phones", "absent if Phone is given"));
            }
            Some(phones) => {
                let phones = phones.words(OTHERS_MAX, PHONE_MAX)?;
                if phones.len() < OTHERS_MIN {
                    return Err(Invalid::field("Phones", "a list of 2 to 31 people; Phone calls one"));
                }
                Whom::Many(phones)
            }
        };
        let video = fields.flag("Video")?;
        let seconds = fields.integer("RingSeconds", 1..=RING_SECONDS_MAX)?.unwrap_or(RING_SECONDS_MAX);
        Ok(Self { whom, video, rings: Duration::from_secs(seconds.unsigned_abs()) })
    }
}

/// `POST /call/invite`
pub struct Invite {
    pub call: String,
    /// As written.
    pub phone: String,
}

impl Payload for Invite {
    fn read(mut fields: Fields) -> Result<Self> {
        let call = call_id(&mut fields)?;
        Ok(Self { call, phone: fields.required(PHONE)?.text(PHONE_MAX)? })
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
    /// The other end's JID; of a call of many that was made here the group's, or nothing.
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
    /// The JID of the group that is called; empty if none is.
    pub group: String,
    /// Of a call of many: who is in it or was asked, without the account itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Participant>,
    /// While it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<CallStats>,
}

/// Somebody in a call of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Participant {
    pub jid: String,
    /// The other JID, if it is known.
    pub alt: String,
    /// WhatsApp's word: `connected` of who is in it.
    pub state: String,
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
    /// Of a video call: pictures from WhatsApp, and to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_pictures: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown_pictures: Option<u64>,
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

/// `POST /call/player/play`
pub struct Play {
    pub call: String,
    /// A name in the audio folder or of an upload, or an `http(s)` URL.
    pub file: String,
    pub looped: bool,
}

impl Payload for Play {
    fn read(mut fields: Fields) -> Result<Self> {
        let call = call_id(&mut fields)?;
        let file = fields.required("AudioFile")?.text(AUDIO_FILE_MAX)?;
        Ok(Self { call, file, looped: fields.flag("Loop")? })
    }
}

/// The `data` of `GET /call/player/status` and of what is done to a player.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Player {
    #[serde(rename = "callID")]
    pub call_id: String,
    pub file: String,
    pub looped: bool,
    pub paused: bool,
    /// Of what was said of it, in all rounds.
    pub position_ms: u64,
}

/// `POST /call/dtmf`
pub struct Press {
    pub call: String,
    /// `0`-`9`, `*`, `#`, `A`-`D`.
    pub keys: String,
}

impl Payload for Press {
    fn read(mut fields: Fields) -> Result<Self> {
        let call = call_id(&mut fields)?;
        Ok(Self { call, keys: fields.required("Keys")?.text(32)? })
    }
}

/// `POST /call/test`: what is not named is off.
pub struct TestLine {
    pub call: String,
    pub echo: bool,
    /// In Hz.
    pub tone: Option<f64>,
}

impl Payload for TestLine {
    fn read(mut fields: Fields) -> Result<Self> {
        let call = call_id(&mut fields)?;
        Ok(Self { call, echo: fields.flag("Echo")?, tone: fields.decimal("Tone", 50.0..=7_000.0)? })
    }
}

/// `POST /call/recording/start`
pub struct StartRecording {
    pub call: String,
    /// `inbound`, `outbound` or `mixed`, which it is unless given.
    pub what: &'static str,
    /// `ogg` or `wav`; `ogg` unless given.
    pub format: &'static str,
}

impl Payload for StartRecording {
    fn read(mut fields: Fields) -> Result<Self> {
        let call = call_id(&mut fields)?;
        let one_of = |given: Option<String>, all: &[&'static str], field: &str, expected: &str| match given {
            None => Ok(all[0]),
            Some(given) => {
                let found = all.iter().find(|one| one.eq_ignore_ascii_case(&given)).copied();
                found.ok_or_else(|| Invalid::field(field, expected))
            }
        };
        let what = fields.text("What", 16)?;
        let what = one_of(what, &["mixed", "inbound", "outbound"], "What", "inbound, outbound or mixed")?;
        let format = fields.text("Format", 16)?;
        let format = one_of(format, &["ogg", "wav"], "Format", "ogg or wav")?;
        Ok(Self { call, what, format })
    }
}

/// A recording of a call. Times are RFC 3339 with milliseconds, in UTC.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    pub id: String,
    #[serde(rename = "callID")]
    pub call_id: String,
    pub peer: String,
    pub what: String,
    pub format: String,
    pub started_at: String,
    /// Absent while it goes on, and of one that was cut off: the file is whole up to then.
    pub ended_at: Option<String>,
    pub duration_ms: u64,
    pub bytes: u64,
    /// Where it can be had.
    pub path: String,
}

/// The `data` of `GET /call/recordings`: the newest first.
#[derive(Debug, Serialize)]
pub struct Recordings {
    pub recordings: Vec<Recording>,
}

/// `POST /call/webrtc/offer`, and the answer, which is not in the envelope.
pub struct Offer {
    pub call: String,
    pub sdp: String,
}

/// Characters of an offer. Browsers' have a tenth of that.
const SDP_MAX: usize = 65_536;
const CANDIDATE_MAX: usize = 1_024;

impl Payload for Offer {
    fn read(mut fields: Fields) -> Result<Self> {
        let call = call_id(&mut fields)?;
        let kind = fields.text("type", 16)?;
        if kind.is_some_and(|kind| kind != "offer") {
            return Err(Invalid::field("type", "offer"));
        }
        Ok(Self { call, sdp: fields.required("sdp")?.text(SDP_MAX)? })
    }
}

/// `POST /call/webrtc/candidate`
pub struct Candidate {
    pub call: String,
    /// Empty: there are no more.
    pub candidate: String,
}

impl Payload for Candidate {
    fn read(mut fields: Fields) -> Result<Self> {
        let call = call_id(&mut fields)?;
        let given = fields.given("candidate").ok_or_else(|| fields.missing("candidate"))?;
        let candidate = if given.is_object() {
            // As a browser's RTCIceCandidate is written.
            given.object()?.text("candidate", CANDIDATE_MAX)?.unwrap_or_default()
        } else {
            given.text(CANDIDATE_MAX)?
        };
        Ok(Self { call, candidate })
    }
}

/// What a page is told of TURN.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TurnStatus {
    pub enabled: bool,
    /// `enabled` or `not_configured`.
    pub status: &'static str,
}

/// An audio file of the session's own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AudioFile {
    pub name: String,
    pub bytes: u64,
}

/// The `data` of `GET /call/audio`: what can be played by its name.
#[derive(Debug, Serialize)]
pub struct AudioFiles {
    pub files: Vec<AudioFile>,
}

/// `POST /call/audio`
pub struct UploadAudio {
    pub name: String,
    pub audio: Media,
}

impl WithFiles for UploadAudio {
    const FILES: Files = Files::one("Audio", Kind::Audio);
}

impl Payload for UploadAudio {
    fn read(mut fields: Fields) -> Result<Self> {
        let name = fields.required("Name")?.text(AUDIO_FILE_MAX)?;
        Ok(Self { name, audio: Media::required(&mut fields, "Audio", Kind::Audio)? })
    }
}

//! `/message/*`: what can be done with a message that exists.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;

use crate::{
    payload::{Fields, Given, ID, Invalid, Name, PHONE, Payload, Result},
    send::{BODY_MAX, Message, check_id, media, message_id},
    session::PHONE_MAX,
};

/// Bytes of an emoji: families with skin tones are long.
const EMOJI_MAX: usize = 64;
/// Messages that are marked as read at once.
const READ_MAX: usize = 1_000;
/// Options of a poll.
const OPTIONS_MAX: usize = 12;
const PATH_MAX: usize = 2_048;

const CHAT: Name = Name { field: "Chat", aliases: &["Phone", "ChatPhone", "number", "to", "jid"] };
const SENDER: Name = Name { field: "Sender", aliases: &["SenderPhone", "Participant"] };
const MESSAGE_ID: Name = Name { field: "MessageID", aliases: &["Id"] };
const MESSAGE: Name = Name { field: "Message", aliases: &["Body", "Text"] };
const STAR: Name = Name { field: "Star", aliases: &["Starred"] };
const PIN: Name = Name { field: "Pin", aliases: &["Pinned"] };

/// A message, as one names it from one's own side.
pub struct Target {
    /// The chat as written.
    pub chat: String,
    pub id: String,
    pub from_me: bool,
    /// Who wrote it. Needed in a group unless it is one's own.
    pub participant: Option<String>,
}

impl Target {
    /// `own`: whether it is one's own unless the caller says otherwise.
    fn read(fields: &mut Fields, chat: Name, id: Name, own: bool) -> Result<Self> {
        let chat = fields.required(chat)?.text(PHONE_MAX)?;
        let given = message_id(fields, id)?.ok_or_else(|| fields.missing(id))?;
        let participant = fields.text("Participant", PHONE_MAX)?;
        let from_me = fields.optional("IsFromMe").map(Given::flag).transpose()?;
        // WuzAPI marks one's own messages so.
        let (marked, bare) = match given.strip_prefix("me:") {
            Some(bare) => (true, bare),
            None => (false, given.as_str()),
        };
        check_id(id.field, bare)?;
        let from_me = marked || from_me.unwrap_or(own && participant.is_none());
        if !from_me && participant.is_none() && chat.trim().ends_with("@g.us") {
            return Err(fields.missing("Participant"));
        }
        Ok(Self { chat, id: bare.to_owned(), from_me, participant })
    }
}

/// `POST /message/react`
pub struct React {
    pub target: Target,
    /// Empty takes the reaction back.
    pub emoji: String,
    pub id: Option<String>,
}

impl Payload for React {
    fn read(mut fields: Fields) -> Result<Self> {
        let target = Target::read(&mut fields, PHONE, ID, false)?;
        let emoji = match fields.given("Body") {
            Some(given) => given.text(EMOJI_MAX)?,
            None => return Err(fields.missing("Body")),
        };
        let emoji = match emoji.trim() {
            "remove" => String::new(),
            emoji if emoji.len() > EMOJI_MAX || emoji.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
                return Err(Invalid::field("Body", "one emoji, or remove"));
            }
            emoji => emoji.to_owned(),
        };
        Ok(Self { target, emoji, id: None })
    }
}

impl Message for React {
    fn id(&mut self) -> &mut Option<String> {
        &mut self.id
    }
}

/// `POST /message/edit`: new words for an own message.
pub struct Edit {
    pub target: Target,
    pub text: String,
    pub id: Option<String>,
}

impl Payload for Edit {
    fn read(mut fields: Fields) -> Result<Self> {
        let target = Target::read(&mut fields, CHAT, MESSAGE_ID, true)?;
        if !target.from_me {
            return Err(Invalid::field("IsFromMe", "true: only one's own messages can be edited"));
        }
        Ok(Self { target, text: fields.required(MESSAGE)?.text(BODY_MAX)?, id: None })
    }
}

impl Message for Edit {
    fn id(&mut self) -> &mut Option<String> {
        &mut self.id
    }
}

/// `POST /message/delete`
pub struct Delete {
    pub target: Target,
    /// From one's own devices alone.
    pub for_me: bool,
    pub id: Option<String>,
}

impl Payload for Delete {
    fn read(mut fields: Fields) -> Result<Self> {
        let target = Target::read(&mut fields, CHAT, MESSAGE_ID, true)?;
        let for_me = fields.flag("ForMe")?;
        if !for_me && !target.from_me && !target.chat.trim().ends_with("@g.us") {
            return Err(Invalid::field("IsFromMe", "true: others' messages are deleted for all only in a group"));
        }
        Ok(Self { target, for_me, id: None })
    }
}

impl Message for Delete {
    fn id(&mut self) -> &mut Option<String> {
        &mut self.id
    }
}

/// `POST /message/markread`
pub struct MarkRead {
    pub chat: String,
    pub sender: Option<String>,
    pub ids: Vec<String>,
}

impl Payload for MarkRead {
    fn read(mut fields: Fields) -> Result<Self> {
        let ids = fields.required(ID)?.words(READ_MAX, 128)?;
        if ids.is_empty() {
            return Err(fields.missing(ID));
        }
        for id in &ids {
            check_id(ID.field, id)?;
        }
        let chat = fields.required(CHAT)?.text(PHONE_MAX)?;
        let sender = fields.text(SENDER, PHONE_MAX)?;
        if sender.is_none() && chat.trim().ends_with("@g.us") {
            return Err(fields.missing(SENDER));
        }
        Ok(Self { chat, sender, ids })
    }
}

/// `POST /message/presence`
pub struct Presence {
    pub phone: String,
    pub state: PresenceState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresenceState {
    Composing,
    Recording,
    Paused,
}

impl Payload for Presence {
    fn read(mut fields: Fields) -> Result<Self> {
        let phone = fields.required(PHONE)?.text(PHONE_MAX)?;
        let state = fields.required("State")?.text(16)?.to_ascii_lowercase();
        let media = fields.text("Media", 16)?.unwrap_or_default();
        let audio = match media.as_str() {
            "audio" => true,
            "" | "text" => fields.flag("IsAudio")?,
            _ => return Err(Invalid::field("Media", "audio or empty")),
        };
        let state = match state.as_str() {
            "composing" if audio => PresenceState::Recording,
            "composing" => PresenceState::Composing,
            "recording" => PresenceState::Recording,
            "paused" => PresenceState::Paused,
            _ => return Err(Invalid::field("State", "composing, recording or paused")),
        };
        Ok(Self { phone, state })
    }
}

/// `POST /message/star`
pub struct Star {
    pub target: Target,
    pub on: bool,
}

impl Payload for Star {
    fn read(mut fields: Fields) -> Result<Self> {
        let target = Target::read(&mut fields, CHAT, MESSAGE_ID, false)?;
        Ok(Self { target, on: fields.optional(STAR).map_or(Ok(true), Given::flag)? })
    }
}

/// `POST /message/pin`: for everyone in the chat.
pub struct Pin {
    pub target: Target,
    /// Seconds; `None` unpins.
    pub duration: Option<u32>,
    pub id: Option<String>,
}

impl Payload for Pin {
    fn read(mut fields: Fields) -> Result<Self> {
        let target = Target::read(&mut fields, CHAT, MESSAGE_ID, false)?;
        let on = fields.optional(PIN).map_or(Ok(true), Given::flag)?;
        let duration = match fields.integer("Duration", 0..=i64::MAX)?.unwrap_or(604_800) {
            86_400 => 86_400,
            604_800 => 604_800,
            2_592_000 => 2_592_000,
            _ => return Err(Invalid::field("Duration", "86400, 604800 or 2592000 seconds")),
        };
        Ok(Self { target, duration: on.then_some(duration), id: None })
    }
}

impl Message for Pin {
    fn id(&mut self) -> &mut Option<String> {
        &mut self.id
    }
}

/// `POST /message/vote`
pub struct Vote {
    /// The poll.
    pub target: Target,
    /// None takes the vote back.
    pub options: Vec<String>,
    pub id: Option<String>,
}

impl Payload for Vote {
    fn read(mut fields: Fields) -> Result<Self> {
        let target = Target::read(&mut fields, CHAT, ID, false)?;
        let options = match fields.given("Options") {
            Some(given) => given.texts(OPTIONS_MAX, 100)?,
            None => return Err(fields.missing("Options")),
        };
        let options: Vec<String> = options.iter().map(|option| option.trim().to_owned()).collect();
        if options.iter().enumerate().any(|(at, option)| options[..at].contains(option)) {
            return Err(Invalid::field("Options", "all different"));
        }
        Ok(Self { target, options, id: None })
    }
}

impl Message for Vote {
    fn id(&mut self) -> &mut Option<String> {
        &mut self.id
    }
}

/// `POST /message/download/*`
pub enum Wanted {
    Described(Download),
    /// The file of a stored message. The chat tells it from one of the same id in another.
    Stored {
        id: String,
        chat: Option<String>,
    },
}

impl Payload for Wanted {
    /// What describes the file goes before an id, which may have come along.
    fn read(mut fields: Fields) -> Result<Self> {
        let id = message_id(&mut fields, ID)?;
        let chat = fields.text(CHAT, PHONE_MAX)?;
        match (Download::of(&mut fields)?, id) {
            (Some(described), _) => Ok(Self::Described(described)),
            (None, Some(id)) => Ok(Self::Stored { id, chat }),
            (None, None) => Err(fields.missing("DirectPath")),
        }
    }
}

/// A file as a webhook's message describes it.
pub struct Download {
    /// Below WhatsApp's media hosts.
    pub direct_path: String,
    /// `None`: it lies there in the clear, as the files of newsletters do.
    pub sealed: Option<Seal>,
    pub file_sha256: [u8; 32],
    pub file_length: Option<u64>,
    pub mimetype: Option<String>,
    pub file_name: Option<String>,
}

/// What opens an encrypted file.
pub struct Seal {
    pub media_key: [u8; 32],
    pub file_enc_sha256: [u8; 32],
}

impl Payload for Download {
    fn read(mut fields: Fields) -> Result<Self> {
        Self::of(&mut fields)?.ok_or_else(|| fields.missing("DirectPath"))
    }
}

impl Download {
    /// `None`: it is not said where the file is.
    fn of(fields: &mut Fields) -> Result<Option<Self>> {
        let direct_path = match fields.text("DirectPath", PATH_MAX)? {
            Some(path) if path.starts_with('/') && !path.contains(char::is_whitespace) => path,
            Some(_) => return Err(Invalid::field("DirectPath", "a path that begins with /")),
            None => match path_of_url(fields)? {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        let file_length = fields.integer("FileLength", 0..=i64::MAX)?.and_then(|length| u64::try_from(length).ok());
        let given =
            |name| move |fields: &mut Fields| fields.optional(name).map(|given| of_32_bytes(given, name)).transpose();
        let (key, enc) = (given("MediaKey")(fields)?, given("FileEncSHA256")(fields)?);
        let file_sha256 = given("FileSHA256")(fields)?;
        let sealed = match (key, enc, file_sha256) {
            (Some(media_key), Some(file_enc_sha256), _) => Some(Seal { media_key, file_enc_sha256 }),
            (None, None, Some(_)) => None,
            (None, ..) => return Err(fields.missing("MediaKey")),
            (Some(_), None, _) => return Err(fields.missing("FileEncSHA256")),
        };
        Ok(Some(Self {
            direct_path,
            sealed,
            file_sha256: file_sha256.ok_or_else(|| fields.missing("FileSHA256"))?,
            file_length,
            mimetype: media::mimetype(fields, Name { field: "Mimetype", aliases: &[] })?,
            file_name: fields.text("FileName", 255)?,
        }))
    }
}

/// What follows the host.
fn path_of_url(fields: &mut Fields) -> Result<Option<String>> {
    let Some(url) = fields.text("URL", PATH_MAX)? else { return Ok(None) };
    let path = url.strip_prefix("https://").and_then(|rest| rest.find('/').map(|at| rest[at..].to_owned()));
    path.map(Some).ok_or_else(|| Invalid::field("URL", "a URL that begins with https:// and has a path"))
}

fn of_32_bytes(given: Given, name: &'static str) -> Result<[u8; 32]> {
    let text = given.text(64)?;
    let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Invalid::field(name, "base64 of 32 bytes"))
}

/// The reply to a download.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Downloaded {
    pub mimetype: String,
    /// A data URL.
    pub data: String,
    pub file_name: String,
    /// Where it is kept on the gateway's host; empty if it is not.
    pub path: String,
}

/// The reply to what sends no message.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Done {
    pub details: &'static str,
}

#[cfg(test)]
mod tests;

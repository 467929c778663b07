//! `/chat/*`: what the account's person sets of a chat, and the list of chats.

use serde::Serialize;

use crate::{
    payload::{Fields, Given, Invalid, Name, PHONE, Payload, Result},
    session::PHONE_MAX,
};

/// Ten years.
const MUTE_MAX: i64 = 3_650 * 86_400;

/// `POST /chat/pin`, `/chat/unpin`, `/chat/unmute`, `/chat/unarchive`
pub struct Which {
    /// As written.
    pub chat: String,
}

impl Payload for Which {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { chat: chat(&mut fields)? })
    }
}

/// `POST /chat/archive`
pub struct Archive {
    pub chat: String,
    pub on: bool,
}

impl Payload for Archive {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { chat: chat(&mut fields)?, on: on(&mut fields, "Archive")? })
    }
}

/// `POST /chat/markunread`
pub struct MarkUnread {
    pub chat: String,
    /// False marks it as read.
    pub on: bool,
}

impl Payload for MarkUnread {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { chat: chat(&mut fields)?, on: on(&mut fields, "Unread")? })
    }
}

/// `POST /chat/mute`
pub struct Mute {
    pub chat: String,
    /// Seconds from now; `None`: always.
    pub duration: Option<i64>,
}

impl Payload for Mute {
    fn read(mut fields: Fields) -> Result<Self> {
        let chat = chat(&mut fields)?;
        let duration = match fields.optional("Duration") {
            None => None,
            Some(given) if given.is_number() => Some(given.integer(0..=MUTE_MAX)?).filter(|seconds| *seconds > 0),
            Some(given) => match given.text(16)?.to_ascii_lowercase().as_str() {
                "8h" => Some(8 * 3_600),
                "1w" => Some(7 * 86_400),
                "always" => None,
                text => match text.parse() {
                    Ok(seconds) if (0..=MUTE_MAX).contains(&seconds) => Some(seconds).filter(|seconds| *seconds > 0),
                    _ => return Err(Invalid::field("Duration", "seconds, 8h, 1w or always")),
                },
            },
        };
        Ok(Self { chat, duration })
    }
}

/// `POST /chat/clear`: its messages go, from the account's own devices.
pub struct Clear {
    pub chat: String,
    /// Those too.
    pub starred: bool,
}

impl Payload for Clear {
    fn read(mut fields: Fields) -> Result<Self> {
        let starred = Name { field: "DeleteStarred", aliases: &["Starred"] };
        Ok(Self { chat: chat(&mut fields)?, starred: fields.flag(starred)? })
    }
}

/// `POST /chat/ephemeral`: how long new messages stay.
pub struct Timer {
    pub chat: String,
    /// 0: for good.
    pub seconds: u32,
}

impl Payload for Timer {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { chat: chat(&mut fields)?, seconds: disappearing(fields.required("Duration")?)? })
    }
}

/// The times that WhatsApp has for messages that disappear, in seconds.
pub fn disappearing(given: Given) -> Result<u32> {
    let text = if given.is_number() { given.integer(0..=i64::MAX)?.to_string() } else { given.text(16)? };
    match text.trim().to_ascii_lowercase().as_str() {
        "0" | "off" => Ok(0),
        "86400" | "24h" => Ok(86_400),
        "604800" | "7d" => Ok(604_800),
        "7776000" | "90d" => Ok(7_776_000),
        _ => Err(Invalid::field("Duration", "24h, 7d, 90d or off, or as many seconds")),
    }
}

fn chat(fields: &mut Fields) -> Result<String> {
    fields.required(PHONE)?.text(PHONE_MAX)
}

/// True unless it says otherwise.
fn on(fields: &mut Fields, name: &'static str) -> Result<bool> {
    fields.optional(name).map_or(Ok(true), Given::flag)
}

/// `GET /chat/list`
#[derive(Serialize)]
pub struct Chats {
    /// Pinned ones first, then those with the newest messages.
    pub chats: Vec<Chat>,
    /// For `?page=`, if there is more.
    pub next: Option<u64>,
}

/// Times in unix seconds.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Chat {
    #[serde(rename = "JID")]
    pub jid: String,
    /// The person's other address, where it is known.
    #[serde(rename = "LID", skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// Empty where none is known.
    pub name: String,
    pub is_group: bool,
    /// Of the newest message that is known.
    pub last_message_at: Option<i64>,
    /// Messages that came and were not read on any device, as far as is known.
    pub unread_count: u64,
    /// A person marked it so.
    pub marked_unread: bool,
    pub pinned: bool,
    pub muted: bool,
    /// -1: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
    pub archived: bool,
    /// Their ids.
    pub labels: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Payload>(body: &str) -> Result<T> {
        T::read(Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn a_mute_lasts_as_long_as_it_says() {
        let duration = |given: &str| {
            read::<Mute>(&format!(r#"{{"jid":"1"{given}}}"#))
                .map(|mute| mute.duration)
                .map_err(|error| error.to_string())
        };
        assert_eq!(duration(""), Ok(None));
        assert_eq!(duration(r#","Duration":0"#), Ok(None));
        assert_eq!(duration(r#","Duration":60"#), Ok(Some(60)));
        assert_eq!(duration(r#","Duration":"60""#), Ok(Some(60)));
        assert_eq!(duration(r#","Duration":"8h""#), Ok(Some(28_800)));
        assert_eq!(duration(r#","Duration":"always""#), Ok(None));
        for bad in [r#","Duration":"soon""#, r#","Duration":-1"#, r#","Duration":true"#, r#","Duration":99999999999"#] {
            assert!(duration(bad).unwrap_err().starts_with("Duration should be "), "{bad}");
        }
    }

    #[test]
    fn messages_disappear_in_whatsapps_times() {
        let seconds =
            |given: &str| read::<Timer>(&format!(r#"{{"phone":"1","duration":{given}}}"#)).map(|timer| timer.seconds);
        for (given, expected) in
            [("0", 0), (r#""off""#, 0), (r#""24h""#, 86_400), ("604800", 604_800), (r#""90D""#, 7_776_000)]
        {
            assert_eq!(seconds(given), Ok(expected));
        }
        assert!(seconds("60").is_err());
        assert_eq!(read::<Timer>(r#"{"phone":"1"}"#).err(), Some(Invalid::Missing { field: "Duration".into() }));
    }

    #[test]
    fn a_flag_takes_back() {
        assert!(read::<Archive>(r#"{"jid":"1"}"#).unwrap().on);
        assert!(!read::<Archive>(r#"{"jid":"1","archive":false}"#).unwrap().on);
        assert!(!read::<MarkUnread>(r#"{"jid":"1","unread":false}"#).unwrap().on);
        assert!(read::<Clear>(r#"{"jid":"1","deletestarred":true}"#).unwrap().starred);
        assert!(read::<Which>("{}").is_err());
    }
}

//! `/newsletter/*`: newsletters, which people call channels.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{
    payload::{Fields, Given, Invalid, Name, Payload, Result},
    send::media::{Files, Kind, Media, WithFiles},
    session::PHONE_MAX,
};

/// Characters in a name.
const NAME_MAX: usize = 100;
/// Characters in a description.
const DESCRIPTION_MAX: usize = 2_048;
/// Posts in one answer.
pub const COUNT_MAX: i64 = 100;
/// Bytes of an emoji: families with skin tones are long.
const EMOJI_MAX: usize = 64;
const LINK_MAX: usize = 256;

const NEWSLETTER: Name = Name { field: "NewsletterJID", aliases: &["jid", "newsletter", "channel", "Phone"] };
const LINK: Name = Name { field: "Link", aliases: &["Invite", "InviteLink", "Key", "Code"] };
const POST: Name = Name { field: "ServerID", aliases: &["MessageServerID", "server_id"] };
const REACTION: Name = Name { field: "Reaction", aliases: &["Body", "Emoji"] };
const IMAGE: Name = Name { field: "Image", aliases: &["Picture", "Photo"] };

fn newsletter(fields: &mut Fields) -> Result<String> {
    fields.required(NEWSLETTER)?.text(PHONE_MAX)
}

fn name(given: Given) -> Result<String> {
    let name = given.text(NAME_MAX)?.trim().to_owned();
    if name.is_empty() { Err(Invalid::Missing { field: "Name".to_owned() }) } else { Ok(name) }
}

/// `POST /newsletter/create`
pub struct Create {
    pub name: String,
    pub description: String,
    pub image: Option<Media>,
}

impl Payload for Create {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self {
            name: name(fields.required("Name")?)?,
            description: fields.text("Description", DESCRIPTION_MAX)?.unwrap_or_default(),
            image: Media::optional(&mut fields, IMAGE, Kind::Image)?,
        })
    }
}

impl WithFiles for Create {
    const FILES: Files = Files::one("Image", Kind::Image);
}

/// `POST /newsletter/update`: what is not named stays.
pub struct Update {
    pub newsletter: String,
    pub name: Option<String>,
    /// Empty takes it away.
    pub description: Option<String>,
    pub image: Option<Media>,
    pub remove_image: bool,
}

impl Payload for Update {
    fn read(mut fields: Fields) -> Result<Self> {
        let update = Self {
            newsletter: newsletter(&mut fields)?,
            name: fields.given("Name").map(name).transpose()?,
            description: fields.given("Description").map(|given| given.text(DESCRIPTION_MAX)).transpose()?,
            image: Media::optional(&mut fields, IMAGE, Kind::Image)?,
            remove_image: fields.flag("RemoveImage")?,
        };
        let nothing = update.name.is_none() && update.description.is_none() && update.image.is_none();
        if nothing && !update.remove_image { Err(fields.missing("Name")) } else { Ok(update) }
    }
}

impl WithFiles for Update {
    const FILES: Files = Files::one("Image", Kind::Image);
}

/// `/newsletter/info`
pub enum Ask {
    Newsletter(String),
    /// An invite link, or what it ends with.
    Link(String),
}

impl Payload for Ask {
    fn read(mut fields: Fields) -> Result<Self> {
        match fields.text(LINK, LINK_MAX)? {
            Some(link) => Ok(Self::Link(link)),
            None => newsletter(&mut fields).map(Self::Newsletter),
        }
    }
}

/// `/newsletter/link`, `/newsletter/unsubscribe`, `/newsletter/mute`, `/newsletter/unmute`, `/newsletter/delete`
pub struct Which {
    /// As written.
    pub newsletter: String,
}

impl Payload for Which {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { newsletter: newsletter(&mut fields)? })
    }
}

/// `POST /newsletter/subscribe`
pub struct Subscribe {
    pub newsletter: String,
    /// Reactions are told as they come, for some minutes.
    pub live: bool,
}

impl Payload for Subscribe {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { newsletter: newsletter(&mut fields)?, live: fields.flag("Live")? })
    }
}

/// `/newsletter/messages`
pub struct AskPosts {
    pub newsletter: String,
    pub count: i64,
    /// Those before the post with this number.
    pub before: Option<u64>,
}

impl Payload for AskPosts {
    fn read(mut fields: Fields) -> Result<Self> {
        let before = Name { field: "Before", aliases: &["BeforeServerID"] };
        Ok(Self {
            newsletter: newsletter(&mut fields)?,
            count: fields.integer("Count", 1..=COUNT_MAX)?.unwrap_or(50),
            before: fields.integer(before, 1..=i64::MAX)?.map(i64::unsigned_abs),
        })
    }
}

/// `POST /newsletter/react`
pub struct React {
    pub newsletter: String,
    pub server_id: u64,
    /// Empty takes the reaction back.
    pub emoji: String,
}

impl Payload for React {
    fn read(mut fields: Fields) -> Result<Self> {
        let newsletter = newsletter(&mut fields)?;
        let server_id = fields.required(POST)?.integer(1..=i64::MAX)?.unsigned_abs();
        let emoji = fields.given(REACTION).ok_or_else(|| fields.missing(REACTION))?.text(EMOJI_MAX)?;
        let emoji = match emoji.trim() {
            "remove" => String::new(),
            emoji if emoji.len() > EMOJI_MAX || emoji.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
                return Err(Invalid::field(REACTION.field, "one emoji, or remove"));
            }
            emoji => emoji.to_owned(),
        };
        Ok(Self { newsletter, server_id, emoji })
    }
}

/// `GET /newsletter/list`
#[derive(Serialize)]
pub struct Newsletters {
    /// As WhatsApp tells of them.
    #[serde(rename = "Newsletter")]
    pub newsletters: Vec<Value>,
    /// For `?page=`, if there is more.
    #[serde(rename = "Next", skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

#[derive(Serialize)]
pub struct InviteLink {
    #[serde(rename = "InviteLink")]
    pub link: String,
}

/// The answer to `/newsletter/subscribe`.
#[derive(Serialize)]
pub struct Subscribed {
    #[serde(rename = "Details")]
    pub details: &'static str,
    /// As WhatsApp tells of it.
    #[serde(rename = "Newsletter")]
    pub newsletter: Value,
    /// How long reactions are told as they come, in seconds.
    #[serde(rename = "LiveFor", skip_serializing_if = "Option::is_none")]
    pub live_for: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Posts {
    /// The oldest first.
    pub messages: Vec<Post>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Post {
    #[serde(rename = "MessageServerID")]
    pub server_id: u64,
    #[serde(rename = "MessageID")]
    pub id: String,
    /// `text`, `media`…
    #[serde(rename = "Type")]
    pub kind: String,
    pub timestamp: String,
    pub is_from_me: bool,
    pub views_count: u64,
    /// How often each reaction was given.
    pub reaction_counts: BTreeMap<String, u64>,
    /// `null` of one that was taken back.
    pub message: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Payload>(body: &str) -> Result<T> {
        T::read(Fields::parse(body.as_bytes()).unwrap())
    }

    fn error<T: Payload>(body: &str) -> String {
        read::<T>(body).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_newsletter_has_a_name() {
        assert_eq!(read::<Create>(r#"{"name":" News "}"#).unwrap().name, "News");
        assert_eq!(error::<Create>("{}"), "missing Name in payload");
        assert_eq!(error::<Create>(r#"{"name":" "}"#), "missing Name in payload");
        let long = "x".repeat(101);
        let said = error::<Create>(&format!(r#"{{"name":"{long}"}}"#));
        assert_eq!(said, "Name should be at most 100 characters long");
    }

    #[test]
    fn an_update_names_what_changes() {
        let update = read::<Update>(r#"{"jid":"1@newsletter","description":""}"#).unwrap();
        assert_eq!((update.name, update.description.as_deref()), (None, Some("")));
        assert_eq!(error::<Update>(r#"{"jid":"1@newsletter"}"#), "missing Name in payload");
        assert_eq!(error::<Update>(r#"{"name":"x"}"#), "missing NewsletterJID in payload");
    }

    #[test]
    fn a_newsletter_is_asked_for_by_its_jid_or_its_link() {
        assert!(matches!(read::<Ask>(r#"{"jid":"1@newsletter"}"#), Ok(Ask::Newsletter(_))));
        assert!(matches!(read::<Ask>(r#"{"link":"https://whatsapp.com/channel/0029"}"#), Ok(Ask::Link(_))));
        assert_eq!(error::<Ask>("{}"), "missing NewsletterJID in payload");
    }

    #[test]
    fn posts_have_numbers() {
        let react = read::<React>(r#"{"jid":"1@newsletter","serverId":100,"reaction":"👍"}"#).unwrap();
        assert_eq!((react.server_id, react.emoji.as_str()), (100, "👍"));
        assert_eq!(read::<React>(r#"{"jid":"1@newsletter","serverId":100,"reaction":"remove"}"#).unwrap().emoji, "");
        let said = error::<React>(r#"{"jid":"1@newsletter","serverId":100,"reaction":"ok"}"#);
        assert_eq!(said, "Reaction should be one emoji, or remove");
        assert_eq!(error::<React>(r#"{"jid":"1@newsletter","reaction":"👍"}"#), "missing ServerID in payload");
        assert!(error::<React>(r#"{"jid":"1@newsletter","serverId":0,"reaction":""}"#).starts_with("ServerID should"));
        assert!(error::<AskPosts>(r#"{"jid":"1@newsletter","count":101}"#).starts_with("Count should be"));
        assert_eq!(read::<AskPosts>(r#"{"jid":"1@newsletter","before":7}"#).unwrap().before, Some(7));
    }
}

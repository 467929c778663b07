//! `/send/*`: a file a noun, and here what all sends have.

use serde::Serialize;

use crate::{
    payload::{Fields, ID, Invalid, Name, PHONE, Payload, Result},
    session::PHONE_MAX,
};

pub mod album;
pub mod carousel;
pub mod contact;
pub mod event;
pub mod interactive;
pub mod invite;
pub mod list;
pub mod location;
pub mod media;
pub mod payment;
pub mod poll;
pub mod preview;
pub mod status;
pub mod text;

use media::{Files, Media};

/// Characters in a text message.
pub(crate) const BODY_MAX: usize = 65_536;
/// Characters under a picture.
pub(crate) const CAPTION_MAX: usize = 4_096;
/// Characters in a URL.
pub(crate) const URL_MAX: usize = 4_096;
/// Characters in a message's id.
const ID_MAX: usize = 128;
/// People mentioned in one message: more than a group can hold.
const MENTIONS_MAX: usize = 2_048;

const MENTIONED: Name = Name { field: "MentionedJID", aliases: &["MentionedJIDs", "Mentions"] };
const EXPIRATION: &str = "Expiration";

/// The body of a route that sends a message.
pub trait Message: Payload {
    /// The files that it may carry.
    const FILES: Files = Files::NONE;

    /// The id of the message that will be sent, if the caller chooses it.
    fn id(&mut self) -> &mut Option<String>;

    /// The files that this one carries, in the order in which they are handed on.
    fn media(&mut self) -> Vec<&mut Media> {
        Vec::new()
    }
}

/// What one route of `/send/*` sends.
pub trait Part: Sized {
    const FILES: Files = Files::NONE;
    /// The recipient, where the route leaves no choice.
    const TO: Option<&'static str> = None;

    /// Reads what the envelope has not.
    fn read(fields: &mut Fields, envelope: &Envelope) -> Result<Self>;

    fn media(&mut self) -> Vec<&mut Media> {
        Vec::new()
    }

    fn content(self) -> Content;
}

/// The body of a route of `/send/*`.
pub struct Outgoing<P> {
    pub envelope: Envelope,
    pub part: P,
}

impl<P: Part> Payload for Outgoing<P> {
    fn read(mut fields: Fields) -> Result<Self> {
        let envelope = Envelope::read(&mut fields, P::TO)?;
        let part = P::read(&mut fields, &envelope)?;
        Ok(Self { envelope, part })
    }
}

impl<P: Part> Message for Outgoing<P> {
    const FILES: Files = P::FILES;

    fn id(&mut self) -> &mut Option<String> {
        &mut self.envelope.id
    }

    fn media(&mut self) -> Vec<&mut Media> {
        self.part.media()
    }
}

/// What can be sent.
pub enum Content {
    Text(text::Text),
    Image(media::Image),
    Video(media::Video),
    Audio(media::Audio),
    Document(media::Document),
    Sticker(media::Sticker),
    Poll(poll::Poll),
    Location(location::Location),
    Contacts(contact::Contacts),
    Invite(invite::Invite),
    Event(event::Event),
    Album(album::Album),
    Status(status::Status),
    Interactive(interactive::Interactive),
    List(list::List),
    Carousel(carousel::Carousel),
}

/// What every send has.
#[derive(Default)]
pub struct Envelope {
    /// The recipient as written.
    pub phone: String,
    /// The message's id, if the caller chooses it.
    pub id: Option<String>,
    pub forward: bool,
    pub quote: Option<Quote>,
    pub mentions: Vec<String>,
    /// Seconds after which the message disappears.
    pub expiration: Option<u32>,
}

/// The message that is replied to.
pub struct Quote {
    pub stanza_id: String,
    /// Who wrote it. In a one-to-one chat it can be left out.
    pub participant: Option<String>,
    pub text: Option<String>,
}

/// WuzAPI's name of a poll's recipient is `group`.
const TO: Name = Name { field: PHONE.field, aliases: &["number", "to", "jid", "chat", "group"] };

impl Envelope {
    /// To somebody, with nothing else about it.
    pub fn to(phone: String) -> Self {
        Self { phone, id: None, forward: false, quote: None, mentions: Vec::new(), expiration: None }
    }

    fn read(fields: &mut Fields, to: Option<&str>) -> Result<Self> {
        let phone = match to {
            Some(to) => to.to_owned(),
            None => fields.required(TO)?.text(PHONE_MAX)?,
        };
        let mut context = fields.object("ContextInfo")?;
        let stanza_id = message_id(&mut context, "StanzaID".into())?;
        let participant = context.text("Participant", PHONE_MAX)?;
        if stanza_id.is_some() && participant.is_none() && phone.trim().ends_with("@g.us") {
            return Err(context.missing("Participant"));
        }
        let text = fields.text("QuotedText", BODY_MAX)?;
        let mentions = match context.optional(MENTIONED) {
            Some(given) => given.texts(MENTIONS_MAX, PHONE_MAX)?,
            None => Vec::new(),
        };
        let expiration = context.integer(EXPIRATION, 0..=u32::MAX.into())?;
        Ok(Self {
            phone,
            id: message_id(fields, ID)?,
            forward: fields.flag("Forward")? | context.flag("IsForwarded")?,
            quote: stanza_id.map(|stanza_id| Quote { stanza_id, participant, text }),
            mentions,
            expiration: expiration.and_then(|seconds| u32::try_from(seconds).ok()),
        })
    }
}

/// The id of a message: printable ASCII.
pub(crate) fn message_id(fields: &mut Fields, name: Name) -> Result<Option<String>> {
    let id = fields.text(name, ID_MAX)?;
    if let Some(id) = &id {
        check_id(&fields.path_of(name.field), id)?;
    }
    Ok(id)
}

pub(crate) fn check_id(field: &str, id: &str) -> Result<()> {
    if id.is_empty() || id.len() > ID_MAX || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Invalid::field(field, "printable ASCII without spaces"));
    }
    Ok(())
}

/// A text that is more than spaces.
pub(crate) fn words(fields: &mut Fields, name: impl Into<Name>, max: usize) -> Result<String> {
    let name = name.into();
    let text = fields.required(name)?.text(max)?;
    if text.trim().is_empty() {
        return Err(fields.missing(name));
    }
    Ok(text)
}

/// A URL that begins with `http://` or `https://`.
pub(crate) fn web_url(fields: &mut Fields, name: impl Into<Name>) -> Result<Option<String>> {
    let name = name.into();
    let Some(url) = fields.text(name, URL_MAX)? else {
        return Ok(None);
    };
    if media::is_web_url(&url) && !url.contains(char::is_whitespace) {
        return Ok(Some(url));
    }
    Err(Invalid::field(fields.path_of(name.field), "a URL that begins with http:// or https://"))
}

/// The reply to every send.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Sent {
    pub details: &'static str,
    /// WhatsApp's time, unix seconds.
    pub timestamp: i64,
    pub id: String,
    /// The pictures of an album, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
}

#[cfg(test)]
mod tests;

//! `/send/*`.

use serde::Serialize;

use crate::{
    payload::{Fields, ID, Invalid, Name, PHONE, Payload, Result},
    session::PHONE_MAX,
};

/// Characters in a text message.
const BODY_MAX: usize = 65_536;
/// Characters in a message's id.
const ID_MAX: usize = 128;
/// People mentioned in one message: more than a group can hold.
const MENTIONS_MAX: usize = 2_048;

const MENTIONED: Name = Name { field: "MentionedJID", aliases: &["MentionedJIDs", "Mentions"] };
const EXPIRATION: &str = "Expiration";

/// The body of a route that sends a message.
pub trait Message: Payload {
    fn envelope(&mut self) -> &mut Envelope;
}

/// `POST /send/text`
pub struct Text {
    pub envelope: Envelope,
    pub body: String,
}

impl Payload for Text {
    fn read(mut fields: Fields) -> Result<Self> {
        Ok(Self { envelope: Envelope::read(&mut fields)?, body: fields.required("Body")?.text(BODY_MAX)? })
    }
}

impl Message for Text {
    fn envelope(&mut self) -> &mut Envelope {
        &mut self.envelope
    }
}

/// What every send has.
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

impl Envelope {
    fn read(fields: &mut Fields) -> Result<Self> {
        let phone = fields.required(PHONE)?.text(PHONE_MAX)?;
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

fn message_id(fields: &mut Fields, name: Name) -> Result<Option<String>> {
    let id = fields.text(name, ID_MAX)?;
    if id.as_deref().is_some_and(|id| !id.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(Invalid::field(name.field, "printable ASCII without spaces"));
    }
    Ok(id)
}

/// The reply to every send.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Sent {
    pub details: &'static str,
    /// WhatsApp's time, unix seconds.
    pub timestamp: i64,
    pub id: String,
}

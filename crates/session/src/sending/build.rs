//! What is sent, as the message that WhatsApp's own clients would make of it.

use std::vec::IntoIter;

use wacore::proto_helpers::MessageExt as _;
use wacore_binary::{Jid, JidExt as _, Node};
use wago_contract::send::{
    Content, Envelope,
    album::{Album, Item},
    interactive::Interactive,
    media::Kind,
    status::{Status, Story},
};
use waproto::{buffa::MessageField, whatsapp as wa};

use super::{
    context,
    prepare::Purpose,
    timer,
    upload::{Readers, Ready, ready},
};
use crate::{Error, File, Result, supervisor::Live};

mod carousel;
mod contact;
mod event;
mod interactive;
mod invite;
mod list;
mod location;
mod media;
mod payment;
mod poll;
mod text;

/// A message, and what its stanza carries beside it.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub message: wa::Message,
    pub nodes: Vec<Node>,
    /// What the post of a newsletter names its file by.
    pub handle: Option<String>,
}

impl From<wa::Message> for Built {
    fn from(message: wa::Message) -> Self {
        Self { message, ..Self::default() }
    }
}

/// What a message is made from besides its content.
pub(super) struct Build {
    /// In the content's order.
    pub files: IntoIter<Ready>,
    pub context: Option<wa::ContextInfo>,
    pub to_group: bool,
    pub handle: Option<String>,
    /// Random. Votes and answers to what has a secret are encrypted with it.
    pub secret: [u8; 32],
    /// Unix seconds.
    pub now: i64,
}

impl Build {
    /// Uploads the files.
    pub async fn begin(
        live: &Live,
        to: &Jid,
        envelope: &Envelope,
        content: &Content,
        files: Vec<File>,
    ) -> Result<Self> {
        let timer = timer::of_chat(live, to).await?;
        let context = context::context(envelope, to, timer)?;
        let mut files = upload(live, to, purposes(content), files).await?;
        let handle = files.as_mut_slice().iter_mut().find_map(|file| file.place.as_mut()?.handle.take());
        Ok(Self { files, context, to_group: to.is_group(), handle, secret: rand::random(), now: super::now() })
    }

    pub fn finish(mut self, content: Content) -> Result<Built> {
        let handle = self.handle.take();
        let built: Built = match content {
            Content::Text(text) => text::text(&mut self, text)?.into(),
            Content::Image(image) => media::image(&mut self, image)?.into(),
            Content::Video(video) => media::video(&mut self, video)?.into(),
            Content::Audio(audio) => media::audio(&mut self, audio)?.into(),
            Content::Document(document) => media::document(&mut self, document)?.into(),
            Content::Sticker(sticker) => media::sticker(&mut self, sticker)?.into(),
            Content::Poll(poll) => poll::poll(&mut self, poll).into(),
            Content::Location(location) => location::location(&mut self, location).into(),
            Content::Contacts(contacts) => contact::contacts(&mut self, contacts).into(),
            Content::Invite(invite) => invite::invite(&mut self, invite)?.into(),
            Content::Event(event) => event::event(&mut self, event).into(),
            Content::Interactive(message) => interactive::interactive(&mut self, message)?.into(),
            Content::List(list) => list::list(&mut self, list),
            Content::Carousel(carousel) => carousel::carousel(&mut self, carousel)?.into(),
            Content::Status(Status { story, .. }) => match story {
                Story::Text { text, background, color, font } => text::story(text, background, color, font).into(),
                Story::Image(image) => media::image(&mut self, image)?.into(),
                Story::Video(video) => media::video(&mut self, video)?.into(),
            },
            Content::Album(_) => return Err(Error::Internal("an album is several messages".to_owned())),
        };
        Ok(Built { handle, ..built })
    }

    pub fn file(&mut self) -> Result<Ready> {
        self.files.next().ok_or_else(|| Error::Internal("a file is missing".to_owned()))
    }

    /// The context goes with the first message that has a place for it.
    fn in_context(&mut self, mut message: wa::Message) -> wa::Message {
        if let Some(context) = self.context.take() {
            message.set_context_info(context);
        }
        message
    }
}

pub(super) async fn upload(live: &Live, to: &Jid, purposes: Vec<Purpose>, files: Vec<File>) -> Result<IntoIter<Ready>> {
    let readers = if to.is_newsletter() { Readers::Newsletter } else { Readers::Chat };
    if readers == Readers::Newsletter && files.len() > 1 {
        return Err(Error::Invalid {
            field: "Phone",
            reason: "Phone should not be a newsletter: a post has one file".to_owned(),
        });
    }
    let mut uploaded = Vec::with_capacity(files.len());
    for (file, purpose) in files.into_iter().zip(purposes) {
        uploaded.push(ready(live, file, purpose, readers).await?);
    }
    Ok(uploaded.into_iter())
}

/// What the files of a content are for, in its order.
fn purposes(content: &Content) -> Vec<Purpose> {
    match content {
        Content::Image(_) => vec![Purpose::Image],
        Content::Video(_) => vec![Purpose::Video],
        Content::Audio(audio) => vec![if audio.voice { Purpose::Voice } else { Purpose::Audio }],
        Content::Document(_) => vec![Purpose::Document],
        Content::Sticker(sticker) => vec![Purpose::Sticker(media::pack(sticker))],
        Content::Invite(_) => vec![Purpose::Inline],
        Content::Text(text) => match &text.preview {
            Some(preview) if preview.as_ad => vec![Purpose::Inline],
            _ => vec![Purpose::LinkImage { found: text.look_up }],
        },
        Content::Status(Status { story: Story::Video(_), .. }) => vec![Purpose::Video],
        Content::Status(_) => vec![Purpose::Image],
        Content::Interactive(message) => of_header(message).collect(),
        Content::Carousel(carousel) => carousel.cards.iter().flat_map(of_header).collect(),
        Content::Album(album) => of_album(album),
        Content::Poll(_) | Content::Location(_) | Content::Contacts(_) | Content::Event(_) | Content::List(_) => {
            Vec::new()
        }
    }
}

pub(super) fn of_album(album: &Album) -> Vec<Purpose> {
    let purpose = |item: &Item| match item {
        Item::Image(_) => Purpose::Image,
        Item::Video(_) => Purpose::Video,
    };
    album.0.iter().map(purpose).collect()
}

fn of_header(message: &Interactive) -> impl Iterator<Item = Purpose> + '_ {
    message.header.iter().map(|(kind, _)| match kind {
        Kind::Video => Purpose::Video,
        Kind::Document => Purpose::Document,
        _ => Purpose::Image,
    })
}

/// Puts a message into one of WhatsApp's envelopes.
fn wrapped(message: wa::Message) -> MessageField<wa::message::FutureProofMessage> {
    MessageField::some(wa::message::FutureProofMessage { message: MessageField::some(message) })
}

/// The secret with which answers to a message are encrypted.
fn with_secret(message: wa::Message, secret: [u8; 32]) -> wa::Message {
    let context = wa::MessageContextInfo { message_secret: Some(secret.to_vec()), ..Default::default() };
    wa::Message { message_context_info: MessageField::some(context), ..message }
}

#[cfg(test)]
mod tests;

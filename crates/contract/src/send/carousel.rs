//! `/send/carousel` and `/send/carouselmedia`: cards side by side.

use super::{
    BODY_MAX, CAPTION_MAX, Content, Envelope, Part,
    interactive::{BODY, FOOTER, Interactive, TITLE_MAX, buttons},
    media::{Files, Kind, Media},
    words,
};
use crate::payload::{Fields, Invalid, Name, Result};

const CARDS: std::ops::RangeInclusive<usize> = 1..=10;
const CAROUSEL: Name = Name { field: "Carousel", aliases: &["Cards"] };
const CARD_TEXT: Name = Name { field: "Text", aliases: &["Body", "Message", "Caption"] };
const MEDIA: Name = Name { field: "media_url", aliases: &["MediaUrl", "Media"] };
const MEDIA_TYPE: Name = Name { field: "media_type", aliases: &["MediaType"] };

pub struct Carousel {
    pub body: String,
    pub footer: Option<String>,
    pub cards: Vec<Interactive>,
}

/// `POST /send/carousel`
pub struct Plain(Carousel);
/// `POST /send/carouselmedia`
pub struct WithMedia(Carousel);

fn read(fields: &mut Fields, card: fn(&mut Fields) -> Result<Interactive>) -> Result<Carousel> {
    let cards = fields.required(CAROUSEL)?.objects(CARDS)?.iter_mut().map(card).collect::<Result<_>>()?;
    Ok(Carousel { body: words(fields, BODY, BODY_MAX)?, footer: fields.text(FOOTER, TITLE_MAX)?, cards })
}

fn plain_card(fields: &mut Fields) -> Result<Interactive> {
    Ok(Interactive {
        title: fields.text("Title", TITLE_MAX)?,
        body: words(fields, CARD_TEXT, CAPTION_MAX)?,
        footer: fields.text(FOOTER, TITLE_MAX)?,
        header: None,
        buttons: buttons(fields)?,
    })
}

fn media_card(fields: &mut Fields) -> Result<Interactive> {
    let kind = match fields.text(MEDIA_TYPE, 16)?.as_deref() {
        None | Some("image") => Kind::Image,
        Some("video") => Kind::Video,
        Some("document") => Kind::Document,
        Some(_) => return Err(Invalid::field(fields.path_of(MEDIA_TYPE.field), "image, video or document")),
    };
    let media = Media::required(fields, MEDIA, kind)?;
    Ok(Interactive { header: Some((kind, media)), ..plain_card(fields)? })
}

impl Part for Plain {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        read(fields, plain_card).map(Self)
    }
    fn content(self) -> Content {
        Content::Carousel(self.0)
    }
}

impl Part for WithMedia {
    const FILES: Files = Files { field: "media_url", kind: Kind::Video, count: *CARDS.end() };

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        read(fields, media_card).map(Self)
    }
    fn media(&mut self) -> Vec<&mut Media> {
        self.0.cards.iter_mut().filter_map(|card| card.header.as_mut()).map(|(_, media)| media).collect()
    }
    fn content(self) -> Content {
        Content::Carousel(self.0)
    }
}

//! `/send/status`: a story.

use super::{
    BODY_MAX, CAPTION_MAX, Content, Envelope, Part,
    media::{Files, Image, Kind, Media, Video},
};
use crate::{
    payload::{Fields, Given, Invalid, Name, Result},
    session::PHONE_MAX,
};

/// People who are shown a story; WhatsApp's own clients send to all contacts.
const AUDIENCE_MAX: usize = 5_000;
/// The fonts that WhatsApp's protocol knows.
const FONTS: &[i64] = &[0, 1, 2, 6, 7, 8, 9, 10];

const TEXT: Name = Name { field: "Text", aliases: &["Body"] };
const BACKGROUND: Name = Name { field: "BackgroundColor", aliases: &["Background"] };
const TEXT_COLOR: Name = Name { field: "TextColor", aliases: &["Color"] };
const AUDIENCE: Name = Name { field: "Audience", aliases: &["Recipients"] };

/// `POST /send/status`
pub struct Status {
    pub story: Story,
    /// Who is shown it, as written.
    pub audience: Vec<String>,
}

pub enum Story {
    Text {
        text: String,
        /// 0xAARRGGBB.
        background: u32,
        color: u32,
        font: i32,
    },
    Image(Image),
    Video(Video),
}

impl Part for Status {
    const FILES: Files = Files::one("Video", Kind::Video);
    const TO: Option<&'static str> = Some("status@broadcast");

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let image = Media::optional(fields, "Image", Kind::Image)?;
        let video = Media::optional(fields, "Video", Kind::Video)?;
        let story = match (image, video) {
            (Some(_), Some(_)) => return Err(Invalid::field("Video", "absent where there is an Image")),
            (Some(file), None) => {
                Story::Image(Image { file, caption: fields.text("Caption", CAPTION_MAX)?, view_once: false })
            }
            (None, Some(file)) => Story::Video(Video {
                file,
                caption: fields.text("Caption", CAPTION_MAX)?,
                view_once: false,
                gif: false,
                note: false,
            }),
            (None, None) => Story::Text {
                text: fields.required(TEXT)?.text(BODY_MAX)?,
                background: color(fields, BACKGROUND, 0xff1e_6e4f)?,
                color: color(fields, TEXT_COLOR, 0xffff_ffff)?,
                font: font(fields)?,
            },
        };
        let audience = fields.required(AUDIENCE)?.words(AUDIENCE_MAX, PHONE_MAX)?;
        if audience.is_empty() {
            return Err(fields.missing(AUDIENCE));
        }
        Ok(Self { story, audience })
    }
    fn media(&mut self) -> Vec<&mut Media> {
        match &mut self.story {
            Story::Text { .. } => Vec::new(),
            Story::Image(image) => vec![&mut image.file],
            Story::Video(video) => vec![&mut video.file],
        }
    }
    fn content(self) -> Content {
        Content::Status(self)
    }
}

/// `#rrggbb` or `#aarrggbb`.
fn color(fields: &mut Fields, name: Name, default: u32) -> Result<u32> {
    let Some(text) = fields.text(name, 16)? else {
        return Ok(default);
    };
    let digits = text.trim().trim_start_matches('#');
    let read = digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten();
    match (digits.len(), read) {
        (6, Some(rgb)) => Ok(0xff00_0000 | rgb),
        (8, Some(argb)) => Ok(argb),
        _ => Err(Invalid::field(name.field, "a color such as #1e6e4f")),
    }
}

fn font(fields: &mut Fields) -> Result<i32> {
    let font = fields.optional("Font").map(|given: Given| given.integer(0..=10)).transpose()?.unwrap_or(0);
    if !FONTS.contains(&font) {
        return Err(Invalid::field("Font", "one of 0, 1, 2, 6, 7, 8, 9 and 10"));
    }
    Ok(i32::try_from(font).unwrap_or(0))
}

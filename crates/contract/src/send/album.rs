//! `/send/album`: pictures and videos that are shown together.

use super::{
    CAPTION_MAX, Content, Envelope, Part,
    media::{Files, Image, Kind, Media, Video},
};
use crate::payload::{Fields, Invalid, Name, Result};

/// WhatsApp's own bounds; one is a picture, not an album.
const ITEMS: std::ops::RangeInclusive<usize> = 2..=30;
const MEDIA: Name = Name { field: "Media", aliases: &["Items", "Album"] };

/// `POST /send/album`
pub struct Album(pub Vec<Item>);

pub enum Item {
    Image(Image),
    Video(Video),
}

impl Part for Album {
    const FILES: Files = Files { field: MEDIA.field, kind: Kind::Video, count: *ITEMS.end() };

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let mut items = Vec::new();
        for mut item in fields.required(MEDIA)?.objects(ITEMS)? {
            let image = Media::optional(&mut item, "Image", Kind::Image)?;
            let video = Media::optional(&mut item, "Video", Kind::Video)?;
            let caption = item.text("Caption", CAPTION_MAX)?;
            items.push(match (image, video) {
                (Some(file), None) => Item::Image(Image { file, caption, view_once: false }),
                (None, Some(file)) => Item::Video(Video { file, caption, view_once: false, gif: false, note: false }),
                (None, None) => return Err(item.missing("Image")),
                (Some(_), Some(_)) => {
                    return Err(Invalid::field(item.path_of("Video"), "absent where there is an Image"));
                }
            });
        }
        Ok(Self(items))
    }
    fn media(&mut self) -> Vec<&mut Media> {
        let file = |item| match item {
            &mut Item::Image(Image { ref mut file, .. }) | &mut Item::Video(Video { ref mut file, .. }) => file,
        };
        self.0.iter_mut().map(file).collect()
    }
    fn content(self) -> Content {
        Content::Album(self)
    }
}

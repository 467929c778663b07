//! `/send/preview` and `/send/preview2`: a text with a link's picture and title, which the caller gives.

use super::{
    BODY_MAX, Content, Envelope, Part,
    media::{Files, Kind, Media},
    text::Text,
    web_url,
};
use crate::payload::{Fields, Name, Result};

/// Characters that clients show of each.
const TITLE_MAX: usize = 256;
const DESCRIPTION_MAX: usize = 1_024;
const URL: Name = Name { field: "URL", aliases: &["Link"] };

/// How a link is shown.
pub struct Preview {
    /// As it stands in the text.
    pub url: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub image: Option<Media>,
    /// Like an advertisement above the text, not below it.
    pub as_ad: bool,
}

/// `POST /send/preview`
pub struct Below(Text);
/// `POST /send/preview2`
pub struct AsAd(Text);

fn read(fields: &mut Fields, as_ad: bool) -> Result<Text> {
    let mut body = fields.required("Body")?.text(BODY_MAX)?;
    let url = match web_url(fields, URL)? {
        Some(url) => url,
        None => first_link(&body).ok_or_else(|| fields.missing(URL))?.to_owned(),
    };
    // Clients show a preview only of a link that is in the text.
    if !as_ad && !body.contains(&url) {
        body = format!("{body}\n{url}");
    }
    let preview = Preview {
        url,
        title: fields.text("Title", TITLE_MAX)?,
        description: fields.text("Description", DESCRIPTION_MAX)?,
        image: Media::optional(fields, "Image", Kind::Image)?,
        as_ad,
    };
    Ok(Text { body, preview: Some(preview), look_up: false })
}

fn image(text: &mut Text) -> Vec<&mut Media> {
    text.preview.iter_mut().filter_map(|preview| preview.image.as_mut()).collect()
}

impl Part for Below {
    const FILES: Files = Files::one("Image", Kind::Image);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        read(fields, false).map(Self)
    }
    fn media(&mut self) -> Vec<&mut Media> {
        image(&mut self.0)
    }
    fn content(self) -> Content {
        Content::Text(self.0)
    }
}

impl Part for AsAd {
    const FILES: Files = Files::one("Image", Kind::Image);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        read(fields, true).map(Self)
    }
    fn media(&mut self) -> Vec<&mut Media> {
        image(&mut self.0)
    }
    fn content(self) -> Content {
        Content::Text(self.0)
    }
}

/// The first `http(s)` link of a text, without the punctuation after it.
pub fn first_link(text: &str) -> Option<&str> {
    let word = text.split_whitespace().find_map(|word| {
        let at = word.find("https://").into_iter().chain(word.find("http://")).min()?;
        Some(&word[at..])
    })?;
    let link = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '>', '"', '\'', '*', '_', '~']);
    (link.len() > "https://".len()).then_some(link)
}

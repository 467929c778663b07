//! Files: `/send/image`, `/send/video`, `/send/ptv`, `/send/audio`, `/send/document`, `/send/sticker`, `/send/mediaurl`.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{CAPTION_MAX, Content, Envelope, Part, URL_MAX};
use crate::payload::{self, Fields, Given, Invalid, Name, Payload, Result};

/// Characters in a media type.
const TYPE_MAX: usize = 128;
/// Characters in a file's name.
const FILE_NAME_MAX: usize = 255;
/// Characters before the comma of a data URL.
pub const DATA_URL_HEAD_MAX: usize = 1_024;
/// Bars of a voice message's picture.
const WAVEFORM: usize = 64;
/// Emojis by which a sticker is found.
const EMOJIS_MAX: usize = 16;

const MIME_TYPE: Name = Name { field: "MimeType", aliases: &[] };
const PUBLISHER: Name = Name { field: "Publisher", aliases: &["PackPublisher"] };
const GIF: Name = Name { field: "GifPlayback", aliases: &["Gif"] };

/// What a file is to WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Image,
    Video,
    Audio,
    Document,
    Sticker,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "image" => Self::Image,
            "video" => Self::Video,
            "audio" | "ptt" => Self::Audio,
            "document" | "file" => Self::Document,
            "sticker" => Self::Sticker,
            _ => return None,
        })
    }
}

/// What files a route takes, which bounds its body.
#[derive(Clone, Copy)]
pub struct Files {
    /// The field that is named when they are too large.
    pub field: &'static str,
    /// The largest kind among them.
    pub kind: Kind,
    pub count: usize,
}

impl Files {
    pub const NONE: Self = Self { field: "", kind: Kind::Image, count: 0 };

    pub const fn one(field: &'static str, kind: Kind) -> Self {
        Self { field, kind, count: 1 }
    }
}

/// A body that may carry files, on a route that does not send a message.
pub trait WithFiles: Payload {
    const FILES: Files;
}

/// A file as the caller gave it.
pub struct Media {
    /// Where it stood, to be named in an error.
    pub field: String,
    /// `None`: its content decides.
    pub kind: Option<Kind>,
    pub source: Source,
    /// The type that the caller or the data URL says it has.
    pub mimetype: Option<String>,
}

pub enum Source {
    /// A data URL or base64.
    Text(String),
    /// An `http(s)` URL to fetch it from.
    Url(String),
    /// It lies with whoever read the body, under this number.
    Blob(usize),
}

impl Media {
    /// One that is fetched from an `http(s)` URL.
    pub fn at(field: &str, kind: Kind, url: String) -> Self {
        Self { field: field.to_owned(), kind: Some(kind), source: Source::Url(url), mimetype: None }
    }

    pub(crate) fn required(fields: &mut Fields, name: impl Into<Name>, kind: Kind) -> Result<Self> {
        let given = fields.required(name)?;
        Self::read(given, Some(kind))
    }

    pub(crate) fn optional(fields: &mut Fields, name: impl Into<Name>, kind: Kind) -> Result<Option<Self>> {
        fields.optional(name).map(|given| Self::read(given, Some(kind))).transpose()
    }

    fn read(given: Given, kind: Option<Kind>) -> Result<Self> {
        let field = given.field().to_owned();
        let (source, mimetype) = match given.content()? {
            payload::Content::Blob(number) => (Source::Blob(number), None),
            payload::Content::Text(text) if is_web_url(&text) => {
                if text.len() > URL_MAX {
                    return Err(Invalid::field(field, format!("a URL of at most {URL_MAX} characters")));
                }
                (Source::Url(text.trim().to_owned()), None)
            }
            payload::Content::Text(text) => {
                let mimetype = match data_url(&text) {
                    Ok(Some(head)) if head.length == text.len() => return Err(empty(field)),
                    Ok(head) => head.and_then(|head| head.mimetype),
                    Err(NotDataUrl) => return Err(wrong_data_url(field)),
                };
                (Source::Text(text), mimetype)
            }
        };
        Ok(Self { field, kind, source, mimetype })
    }

    /// Takes the type that the caller names, if one is named.
    fn typed(mut self, fields: &mut Fields) -> Result<Self> {
        if let Some(named) = mimetype(fields, MIME_TYPE)? {
            self.mimetype = Some(named);
        }
        Ok(self)
    }
}

pub fn empty(field: impl Into<String>) -> Invalid {
    Invalid::field(field, "a file that is not empty")
}

pub fn wrong_data_url(field: impl Into<String>) -> Invalid {
    Invalid::field(field, "a data URL (data:image/png;base64,…), base64 or an http(s) URL")
}

pub fn is_web_url(text: &str) -> bool {
    let begins = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

/// What stands before the base64 of a data URL.
pub struct DataUrlHead {
    pub mimetype: Option<String>,
    /// Bytes, with the comma.
    pub length: usize,
}

pub struct NotDataUrl;

/// Reads the beginning of a text. `None` if it is no data URL at all, so that it may be base64.
pub fn data_url(text: &str) -> Result<Option<DataUrlHead>, NotDataUrl> {
    if !text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Ok(None);
    }
    let bytes = &text.as_bytes()[..text.len().min(DATA_URL_HEAD_MAX)];
    let comma = bytes.iter().position(|byte| *byte == b',').ok_or(NotDataUrl)?;
    let head = text.get(5..comma).ok_or(NotDataUrl)?;
    let (kind, encoding) = head.rsplit_once(';').ok_or(NotDataUrl)?;
    if !encoding.trim().eq_ignore_ascii_case("base64") {
        return Err(NotDataUrl);
    }
    let mimetype = match kind.trim() {
        "" => None,
        kind if is_mimetype(kind) => Some(kind.to_ascii_lowercase()),
        _ => return Err(NotDataUrl),
    };
    Ok(Some(DataUrlHead { mimetype, length: comma + 1 }))
}

/// `type/subtype`, perhaps with parameters.
fn is_mimetype(text: &str) -> bool {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    text.len() <= TYPE_MAX
        && parameters.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && essence.trim().split_once('/').is_some_and(|(kind, subtype)| word(kind) && word(subtype))
}

pub(crate) fn mimetype(fields: &mut Fields, name: Name) -> Result<Option<String>> {
    match fields.text(name, TYPE_MAX)? {
        Some(text) if is_mimetype(&text) => Ok(Some(text)),
        Some(_) => Err(Invalid::field(fields.path_of(name.field), "a media type, such as image/jpeg")),
        None => Ok(None),
    }
}

/// The last part of a path, without control characters.
fn file_name(fields: &mut Fields) -> Result<Option<String>> {
    let Some(name) = fields.text("FileName", FILE_NAME_MAX)? else {
        return Ok(None);
    };
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if last.is_empty() || last.contains(char::is_control) {
        return Err(Invalid::field(fields.path_of("FileName"), "a file's name"));
    }
    Ok(Some(last.to_owned()))
}

/// `POST /send/image`
pub struct Image {
    pub file: Media,
    pub caption: Option<String>,
    pub view_once: bool,
}

impl Part for Image {
    const FILES: Files = Files::one("Image", Kind::Image);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        Ok(Self {
            file: Media::required(fields, "Image", Kind::Image)?.typed(fields)?,
            caption: fields.text("Caption", CAPTION_MAX)?,
            view_once: fields.flag("ViewOnce")?,
        })
    }
    fn media(&mut self) -> Vec<&mut Media> {
        vec![&mut self.file]
    }
    fn content(self) -> Content {
        Content::Image(self)
    }
}

/// `POST /send/video`
pub struct Video {
    pub file: Media,
    pub caption: Option<String>,
    pub view_once: bool,
    /// It plays by itself, over and over, without sound.
    pub gif: bool,
    /// A round video note.
    pub note: bool,
}

impl Part for Video {
    const FILES: Files = Files::one("Video", Kind::Video);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        Ok(Self {
            file: Media::required(fields, "Video", Kind::Video)?.typed(fields)?,
            caption: fields.text("Caption", CAPTION_MAX)?,
            view_once: fields.flag("ViewOnce")?,
            gif: fields.flag(GIF)?,
            note: false,
        })
    }
    fn media(&mut self) -> Vec<&mut Media> {
        vec![&mut self.file]
    }
    fn content(self) -> Content {
        Content::Video(self)
    }
}

/// `POST /send/ptv`
pub struct VideoNote(Video);

impl Part for VideoNote {
    const FILES: Files = Files::one("Video", Kind::Video);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let file = Media::required(fields, "Video", Kind::Video)?.typed(fields)?;
        Ok(Self(Video { file, caption: None, view_once: fields.flag("ViewOnce")?, gif: false, note: true }))
    }
    fn media(&mut self) -> Vec<&mut Media> {
        vec![&mut self.0.file]
    }
    fn content(self) -> Content {
        Content::Video(self.0)
    }
}

/// `POST /send/audio`
pub struct Audio {
    pub file: Media,
    /// A voice message.
    pub voice: bool,
    pub seconds: Option<u32>,
    /// 64 bars from 0 to 100.
    pub waveform: Option<Vec<u8>>,
    pub view_once: bool,
}

impl Part for Audio {
    const FILES: Files = Files::one("Audio", Kind::Audio);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        Ok(Self {
            file: Media::required(fields, "Audio", Kind::Audio)?.typed(fields)?,
            voice: fields.optional("PTT").map_or(Ok(true), Given::flag)?,
            seconds: fields.integer("Seconds", 0..=86_400)?.and_then(|seconds| u32::try_from(seconds).ok()),
            waveform: waveform(fields)?,
            view_once: fields.flag("ViewOnce")?,
        })
    }
    fn media(&mut self) -> Vec<&mut Media> {
        vec![&mut self.file]
    }
    fn content(self) -> Content {
        Content::Audio(self)
    }
}

fn waveform(fields: &mut Fields) -> Result<Option<Vec<u8>>> {
    let Some(text) = fields.text("Waveform", 4 * WAVEFORM)? else {
        return Ok(None);
    };
    match STANDARD.decode(text.trim()) {
        Ok(bars) if (1..=WAVEFORM).contains(&bars.len()) && bars.iter().all(|bar| *bar <= 100) => Ok(Some(bars)),
        _ => Err(Invalid::field("Waveform", format!("base64 of 1 to {WAVEFORM} bytes from 0 to 100"))),
    }
}

/// `POST /send/document`
pub struct Document {
    pub file: Media,
    pub file_name: Option<String>,
    pub caption: Option<String>,
}

impl Part for Document {
    const FILES: Files = Files::one("Document", Kind::Document);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        Ok(Self {
            file: Media::required(fields, "Document", Kind::Document)?.typed(fields)?,
            file_name: file_name(fields)?,
            caption: fields.text("Caption", CAPTION_MAX)?,
        })
    }
    fn media(&mut self) -> Vec<&mut Media> {
        vec![&mut self.file]
    }
    fn content(self) -> Content {
        Content::Document(self)
    }
}

/// `POST /send/sticker`
pub struct Sticker {
    pub file: Media,
    pub pack_id: Option<String>,
    pub pack_name: Option<String>,
    pub publisher: Option<String>,
    pub emojis: Vec<String>,
}

impl Part for Sticker {
    const FILES: Files = Files::one("Sticker", Kind::Sticker);

    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        Ok(Self {
            file: Media::required(fields, "Sticker", Kind::Sticker)?.typed(fields)?,
            pack_id: fields.text("PackId", 128)?,
            pack_name: fields.text("PackName", 128)?,
            publisher: fields.text(PUBLISHER, 128)?,
            emojis: match fields.optional("Emojis") {
                Some(given) => given.words(EMOJIS_MAX, 16)?,
                None => Vec::new(),
            },
        })
    }
    fn media(&mut self) -> Vec<&mut Media> {
        vec![&mut self.file]
    }
    fn content(self) -> Content {
        Content::Sticker(self)
    }
}

/// `POST /send/mediaurl`: a file from the web, sent as what it is.
pub struct MediaUrl {
    pub file: Media,
    pub caption: Option<String>,
    pub file_name: Option<String>,
}

impl Part for MediaUrl {
    fn read(fields: &mut Fields, _: &Envelope) -> Result<Self> {
        let kind = match fields.text("Type", 16)? {
            Some(name) => Some(
                Kind::named(&name).ok_or_else(|| Invalid::field("Type", "image, video, audio, document or sticker"))?,
            ),
            None => None,
        };
        let file = Media::read(fields.required("URL")?, kind)?;
        if !matches!(file.source, Source::Url(_)) {
            return Err(Invalid::field("URL", "a URL that begins with http:// or https://"));
        }
        Ok(Self {
            file: file.typed(fields)?,
            caption: fields.text("Caption", CAPTION_MAX)?,
            file_name: file_name(fields)?,
        })
    }
    fn media(&mut self) -> Vec<&mut Media> {
        vec![&mut self.file]
    }
    /// As what its kind says, which is known once the file is here.
    fn content(self) -> Content {
        let Self { file, caption, file_name } = self;
        match file.kind {
            Some(Kind::Image) => Content::Image(Image { file, caption, view_once: false }),
            Some(Kind::Video) => Content::Video(Video { file, caption, view_once: false, gif: false, note: false }),
            Some(Kind::Audio) => {
                Content::Audio(Audio { file, voice: false, seconds: None, waveform: None, view_once: false })
            }
            Some(Kind::Sticker) => {
                Content::Sticker(Sticker { file, pack_id: None, pack_name: None, publisher: None, emojis: Vec::new() })
            }
            Some(Kind::Document) | None => Content::Document(Document { file, file_name, caption }),
        }
    }
}

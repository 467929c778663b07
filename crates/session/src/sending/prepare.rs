//! A file as WhatsApp's clients would send it: its type by its content, converted where they would convert it, and what
//! can be told of it.

use std::io::{BufReader, BufWriter, Cursor, Read as _, Seek as _, SeekFrom, Write as _};

use tempfile::SpooledTempFile;
use wago_contract::send::media::Kind as Sent;
use wago_media::{
    Family, INLINE_SIDE, Kind, PREVIEW_SIDE, Pack, Picture, SNIFF_BYTES, STICKER_SIDE, Sticker, Video, Voice,
    pdf_pages, sniff,
};

use crate::{Error, File, Result};

#[cfg(test)]
mod tests;

const OPUS: &str = "audio/ogg; codecs=opus";

/// What a file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    Image,
    Video,
    Audio,
    /// A voice message.
    Voice,
    Document,
    Sticker(Pack),
    /// The picture of a link, uploaded. One that was found on a page is left out if it is of no use.
    LinkImage {
        found: bool,
    },
    /// A picture that goes along inside of a message.
    Inline,
}

/// A file, ready to go.
pub(super) struct Prepared {
    pub file: File,
    pub facts: Facts,
}

/// What a message tells of its file. What is not known is left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts {
    pub mimetype: String,
    pub name: Option<String>,
    /// A small JPEG.
    pub thumbnail: Option<Vec<u8>>,
    /// Pixels, as shown.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub seconds: Option<u32>,
    pub waveform: Option<Vec<u8>>,
    pub pages: Option<u32>,
    pub animated: bool,
}

/// Reads all it needs of the file and may convert it, for up to minutes.
pub(super) fn prepare(mut file: File, purpose: &Purpose) -> Result<Prepared> {
    let kind = match head(&mut file)? {
        head if head.is_empty() => return Err(wrong(&file, "should be a file that is not empty")),
        head => sniff(&head),
    };
    let name = file.name.clone();
    let (file, facts) = match purpose {
        Purpose::Image => image(file, kind),
        Purpose::Video => video(file, kind),
        Purpose::Audio => sound(file, kind),
        Purpose::Voice => voice(file, kind),
        Purpose::Document => document(file, kind),
        Purpose::Sticker(pack) => sticker(file, kind, pack),
        Purpose::LinkImage { .. } => link_image(file, kind),
        Purpose::Inline => inline(file, kind),
    }?;
    Ok(Prepared { file, facts: Facts { name, ..facts } })
}

/// What a file that begins so is sent as, unless the sender says otherwise.
pub fn kind_of(head: &[u8]) -> Sent {
    match sniff(head) {
        Some(kind) if is_picture(kind) => Sent::Image,
        Some(kind) if is_video(kind) => Sent::Video,
        Some(kind) if kind.family() == Family::Audio => Sent::Audio,
        _ => Sent::Document,
    }
}

/// The pictures that WhatsApp's clients show.
fn is_picture(kind: Kind) -> bool {
    matches!(kind, Kind::Jpeg | Kind::Png | Kind::WebP | Kind::AnimatedWebP | Kind::Gif)
}

fn is_video(kind: Kind) -> bool {
    matches!(kind, Kind::Mp4 | Kind::ThreeGp | Kind::Mov)
}

fn picture(file: &File, kind: Option<Kind>) -> Result<Kind> {
    kind.filter(|kind| is_picture(*kind)).ok_or_else(|| wrong(file, "should be a JPEG, PNG, WebP or GIF picture"))
}

fn image(mut file: File, kind: Option<Kind>) -> Result<(File, Facts)> {
    let kind = picture(&file, kind)?;
    let facts = Facts { mimetype: kind.mime().to_owned(), ..Facts::default() };
    let seen = match Picture::read(BufReader::new(&mut file.content), INLINE_SIDE) {
        Ok(seen) => seen,
        // It is what it should be, only too large to be looked at.
        Err(wago_media::Error::TooManyBytes { .. } | wago_media::Error::TooManyPixels { .. }) => {
            return Ok((file, facts));
        }
        Err(error) => return Err(unusable(&file, error)),
    };
    let facts =
        Facts { thumbnail: seen.jpeg_thumbnail.ok(), width: Some(seen.width), height: Some(seen.height), ..facts };
    Ok((file, facts))
}

fn video(mut file: File, kind: Option<Kind>) -> Result<(File, Facts)> {
    let Some(kind) = kind.filter(|kind| is_video(*kind)) else {
        return Err(wrong(&file, "should be an MP4, 3GP or MOV video"));
    };
    let seen = rewound(&mut file).and_then(|content| Video::read(BufReader::new(content), INLINE_SIDE));
    let seen = seen.map_err(|error| unusable(&file, error))?;
    let facts = Facts {
        mimetype: kind.mime().to_owned(),
        thumbnail: seen.jpeg_thumbnail,
        width: Some(seen.width),
        height: Some(seen.height),
        seconds: u32::try_from(seen.duration.as_millis().div_ceil(1_000)).ok().filter(|seconds| *seconds > 0),
        ..Facts::default()
    };
    Ok((file, facts))
}

fn sound(mut file: File, kind: Option<Kind>) -> Result<(File, Facts)> {
    let mimetype = match kind {
        Some(Kind::OggOpus) => OPUS,
        // A brand of MP4 says little about what is in it.
        Some(Kind::Mp4) => Kind::M4a.mime(),
        Some(kind) if kind.family() == Family::Audio => kind.mime(),
        _ => return Err(wrong(&file, "should be an Ogg, MP3, M4A, AAC, AMR, WAV or FLAC sound")),
    };
    // Phones can play more than can be measured here.
    let seconds = match Voice::measure(&mut file.content) {
        Ok(voice) => Some(voice.seconds),
        Err(wago_media::Error::Io(_)) => return Err(unreadable()),
        Err(_) => None,
    };
    Ok((file, Facts { mimetype: mimetype.to_owned(), seconds, ..Facts::default() }))
}

fn voice(mut file: File, kind: Option<Kind>) -> Result<(File, Facts)> {
    if !kind.is_some_and(|kind| kind.family() == Family::Audio || is_video(kind)) {
        return Err(wrong(&file, "should be an Ogg, MP3, M4A, AAC, WAV or FLAC sound"));
    }
    let mut note = BufWriter::new(file.folder.file());
    let told = Voice::convert(&mut file.content, &mut note).map_err(|error| unusable(&file, error))?;
    let note = note.into_inner().map_err(|_| unreadable())?;
    let facts = Facts {
        mimetype: OPUS.to_owned(),
        seconds: Some(told.seconds),
        waveform: Some(told.waveform.to_vec()),
        ..Facts::default()
    };
    Ok((with_content(file, note)?, facts))
}

/// Whatever it is, its receiver is told what the sender says of it, and sees of it what can be seen.
fn document(mut file: File, kind: Option<Kind>) -> Result<(File, Facts)> {
    const OCTETS: &str = "application/octet-stream";
    let said = file.mimetype.clone().filter(|said| said != OCTETS);
    let mut facts =
        Facts { mimetype: said.unwrap_or_else(|| kind.map_or(OCTETS, Kind::mime).to_owned()), ..Facts::default() };
    match kind {
        Some(kind) if is_picture(kind) => {
            let seen = Picture::read(BufReader::new(&mut file.content), INLINE_SIDE);
            facts.thumbnail = seen.ok().and_then(|picture| picture.jpeg_thumbnail.ok());
        }
        Some(kind) if is_video(kind) => {
            let seen = rewound(&mut file).and_then(|content| Video::read(BufReader::new(content), INLINE_SIDE));
            facts.thumbnail = seen.ok().and_then(|video| video.jpeg_thumbnail);
        }
        Some(Kind::Pdf) => facts.pages = rewound(&mut file).and_then(pdf_pages).ok().flatten(),
        _ => {}
    }
    Ok((file, facts))
}

fn sticker(mut file: File, kind: Option<Kind>, pack: &Pack) -> Result<(File, Facts)> {
    picture(&file, kind)?;
    let Sticker { webp, animated } = {
        let source = whole(&mut file)?;
        Sticker::make(&source, pack).map_err(|error| unusable(&file, error))?
    };
    let facts = Facts {
        mimetype: Kind::WebP.mime().to_owned(),
        width: Some(STICKER_SIDE),
        height: Some(STICKER_SIDE),
        animated,
        ..Facts::default()
    };
    Ok((replaced(file, &webp)?, facts))
}

/// A smaller one, to be uploaded, and a tiny one.
fn link_image(file: File, kind: Option<Kind>) -> Result<(File, Facts)> {
    let (file, preview) = small(file, kind)?;
    let seen = Picture::read(Cursor::new(&preview), INLINE_SIDE).map_err(|error| unusable(&file, error))?;
    let facts = Facts {
        mimetype: Kind::Jpeg.mime().to_owned(),
        thumbnail: seen.jpeg_thumbnail.ok(),
        width: Some(seen.width),
        height: Some(seen.height),
        ..Facts::default()
    };
    Ok((replaced(file, &preview)?, facts))
}

fn inline(file: File, kind: Option<Kind>) -> Result<(File, Facts)> {
    let (file, preview) = small(file, kind)?;
    Ok((file, Facts { mimetype: Kind::Jpeg.mime().to_owned(), thumbnail: Some(preview), ..Facts::default() }))
}

fn small(mut file: File, kind: Option<Kind>) -> Result<(File, Vec<u8>)> {
    picture(&file, kind)?;
    let seen =
        Picture::read(BufReader::new(&mut file.content), PREVIEW_SIDE).map_err(|error| unusable(&file, error))?;
    match seen.jpeg_thumbnail {
        Ok(preview) => Ok((file, preview)),
        Err(_) => Err(wrong(&file, "should be a picture that can be made smaller: it is damaged or too large")),
    }
}

fn head(file: &mut File) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    file.content.seek(SeekFrom::Start(0)).map_err(|_| unreadable())?;
    (&mut file.content).take(SNIFF_BYTES as u64).read_to_end(&mut head).map_err(|_| unreadable())?;
    Ok(head)
}

fn rewound(file: &mut File) -> Result<&mut SpooledTempFile, wago_media::Error> {
    file.content.rewind()?;
    Ok(&mut file.content)
}

/// A picture, which is bounded by what its kind may have.
fn whole(file: &mut File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.content.rewind().map_err(|_| unreadable())?;
    file.content.read_to_end(&mut bytes).map_err(|_| unreadable())?;
    Ok(bytes)
}

fn replaced(file: File, bytes: &[u8]) -> Result<File> {
    let mut content = file.folder.file();
    content.write_all(bytes).map_err(|_| unreadable())?;
    with_content(file, content)
}

fn with_content(file: File, mut content: SpooledTempFile) -> Result<File> {
    let length = content.seek(SeekFrom::End(0)).map_err(|_| unreadable())?;
    Ok(File { content, length, ..file })
}

fn unreadable() -> Error {
    Error::Internal("a file could not be read back or written".to_owned())
}

fn wrong(file: &File, reason: &str) -> Error {
    Error::File { field: file.field.clone(), reason: reason.to_owned() }
}

fn unusable(file: &File, error: wago_media::Error) -> Error {
    match error {
        wago_media::Error::Io(_) => unreadable(),
        error => wrong(file, &format!("cannot be used: {error}")),
    }
}

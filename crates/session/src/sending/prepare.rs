//! A file as WhatsApp's clients would send it: its type by its content, and what can be told of it.
//!
//! The narrow door to all work on pictures, sounds and videos.

use std::io::{Read as _, Seek as _, SeekFrom};

use wago_contract::send::media::Kind;

use crate::{Error, File, Result};

/// Bytes from which a type is told.
const HEAD: usize = 4_100;
/// Bytes of a picture that is small enough to go along inside of a message.
const INLINE_MAX: u64 = 48 << 10;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Image,
    Video,
    Audio,
    /// A voice message.
    Voice,
    Document,
    Sticker,
    /// The picture of a link, uploaded.
    LinkImage,
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
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub seconds: Option<u32>,
    pub waveform: Option<Vec<u8>>,
    pub animated: bool,
}

/// Reads all it needs of the file, so it may wait for the disk.
pub(super) fn prepare(mut file: File, purpose: Purpose) -> Result<Prepared> {
    let head = head(&mut file)?;
    if head.is_empty() {
        return Err(wrong(&file, "should be a file that is not empty"));
    }
    let found = sniff(&head);
    let mimetype = match purpose {
        Purpose::Image | Purpose::LinkImage | Purpose::Inline => match found {
            Some(found @ ("image/jpeg" | "image/png" | "image/webp" | "image/gif")) => found.to_owned(),
            _ => return Err(wrong(&file, "should be a JPEG, PNG, WebP or GIF picture")),
        },
        Purpose::Sticker => match found {
            Some("image/webp") => "image/webp".to_owned(),
            _ => return Err(wrong(&file, "should be a WebP picture")),
        },
        Purpose::Video => match found {
            Some(found @ ("video/mp4" | "video/3gpp" | "video/quicktime")) => found.to_owned(),
            _ => return Err(wrong(&file, "should be an MP4, 3GP or MOV video")),
        },
        Purpose::Audio | Purpose::Voice => match found {
            Some("audio/ogg") => "audio/ogg; codecs=opus".to_owned(),
            Some("video/mp4" | "audio/mp4") => "audio/mp4".to_owned(),
            Some(found @ ("audio/mpeg" | "audio/aac" | "audio/amr" | "audio/wav" | "audio/flac")) => found.to_owned(),
            _ => return Err(wrong(&file, "should be an Ogg, MP3, M4A, AAC, AMR, WAV or FLAC sound")),
        },
        // Whatever it is, its receiver is told what the sender says of it.
        Purpose::Document => match &file.mimetype {
            Some(said) if said != "application/octet-stream" => said.clone(),
            _ => found.unwrap_or("application/octet-stream").to_owned(),
        },
    };
    let thumbnail = match purpose {
        Purpose::LinkImage | Purpose::Inline if mimetype == "image/jpeg" && file.length <= INLINE_MAX => {
            let mut bytes = Vec::new();
            file.content.seek(SeekFrom::Start(0)).map_err(|_| unreadable())?;
            file.content.read_to_end(&mut bytes).map_err(|_| unreadable())?;
            Some(bytes)
        }
        _ => None,
    };
    let animated = purpose == Purpose::Sticker && is_animated_webp(&head);
    let facts = Facts { mimetype, name: file.name.clone(), thumbnail, animated, ..Facts::default() };
    Ok(Prepared { file, facts })
}

/// What a file that begins so is sent as, unless the sender says otherwise.
pub fn kind_of(head: &[u8]) -> Kind {
    match sniff(head) {
        Some("image/jpeg" | "image/png" | "image/gif" | "image/webp") => Kind::Image,
        Some("video/mp4" | "video/3gpp" | "video/quicktime") => Kind::Video,
        Some(kind) if kind.starts_with("audio/") => Kind::Audio,
        _ => Kind::Document,
    }
}

fn head(file: &mut File) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    file.content.seek(SeekFrom::Start(0)).map_err(|_| unreadable())?;
    file.content.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(|_| unreadable())?;
    Ok(head)
}

fn unreadable() -> Error {
    Error::Internal("a file could not be read back".to_owned())
}

fn wrong(file: &File, reason: &str) -> Error {
    Error::File { field: file.field.clone(), reason: reason.to_owned() }
}

/// The type of what begins so.
fn sniff(head: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, bytes: &[u8]| head.get(offset..offset + bytes.len()) == Some(bytes);
    Some(match head {
        _ if at(0, b"\xff\xd8\xff") => "image/jpeg",
        _ if at(0, b"\x89PNG\r\n\x1a\n") => "image/png",
        _ if at(0, b"GIF87a") || at(0, b"GIF89a") => "image/gif",
        _ if at(0, b"RIFF") && at(8, b"WEBP") => "image/webp",
        _ if at(0, b"RIFF") && at(8, b"WAVE") => "audio/wav",
        _ if at(0, b"OggS") => "audio/ogg",
        _ if at(0, b"fLaC") => "audio/flac",
        _ if at(0, b"ID3") => "audio/mpeg",
        _ if at(0, b"#!AMR") => "audio/amr",
        _ if at(4, b"ftypM4A") || at(4, b"ftypM4B") => "audio/mp4",
        _ if at(4, b"ftyp3g") => "video/3gpp",
        _ if at(4, b"ftypqt") => "video/quicktime",
        _ if at(4, b"ftyp") => "video/mp4",
        _ if at(0, b"%PDF-") => "application/pdf",
        _ if at(0, b"PK\x03\x04") => "application/zip",
        // An MPEG audio frame: eleven bits, and a layer that says whether it is MP3 or AAC.
        [0xff, second, ..] if second & 0xf6 == 0xf0 => "audio/aac",
        [0xff, second, ..] if second & 0xe6 == 0xe2 => "audio/mpeg",
        _ => return None,
    })
}

fn is_animated_webp(head: &[u8]) -> bool {
    head.get(12..16) == Some(b"VP8X") && head.get(20).is_some_and(|flags| flags & 0b10 != 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::Folder;

    fn file(bytes: &[u8], mimetype: Option<&str>) -> File {
        let folder = Folder::new(std::env::temp_dir());
        let mut content = folder.file();
        content.write_all(bytes).unwrap();
        File {
            field: "Image".into(),
            content,
            length: bytes.len() as u64,
            kind: Kind::Image,
            mimetype: mimetype.map(str::to_owned),
            name: None,
            folder,
        }
    }

    fn mimetype(bytes: &[u8], said: Option<&str>, purpose: Purpose) -> String {
        match prepare(file(bytes, said), purpose) {
            Ok(prepared) => prepared.facts.mimetype,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_file_is_what_it_contains() {
        let jpeg = b"\xff\xd8\xff\xe0 and so on";
        assert_eq!(mimetype(jpeg, Some("image/png"), Purpose::Image), "image/jpeg");
        assert_eq!(mimetype(jpeg, Some("text/plain"), Purpose::Document), "text/plain");
        assert_eq!(mimetype(b"%PDF-1.7", Some("application/octet-stream"), Purpose::Document), "application/pdf");
        assert_eq!(mimetype(b"hello", None, Purpose::Document), "application/octet-stream");
        assert_eq!(mimetype(b"OggS", None, Purpose::Voice), "audio/ogg; codecs=opus");
        assert_eq!(mimetype(b"\xff\xfb\x90\x00", None, Purpose::Audio), "audio/mpeg");
        assert_eq!(mimetype(b"\xff\xf1\x50\x80", None, Purpose::Audio), "audio/aac");
        assert_eq!(mimetype(b"\0\0\0\x20ftypisom", None, Purpose::Video), "video/mp4");
        for (bytes, purpose, error) in [
            (&b"hello"[..], Purpose::Image, "Image should be a JPEG, PNG, WebP or GIF picture"),
            (jpeg, Purpose::Video, "Image should be an MP4, 3GP or MOV video"),
            (jpeg, Purpose::Audio, "Image should be an Ogg, MP3, M4A, AAC, AMR, WAV or FLAC sound"),
            (jpeg, Purpose::Sticker, "Image should be a WebP picture"),
            (b"", Purpose::Document, "Image should be a file that is not empty"),
        ] {
            assert_eq!(mimetype(bytes, Some("image/jpeg"), purpose), error);
        }
    }

    #[test]
    fn an_animated_sticker_is_known() {
        let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0".to_vec();
        assert!(prepare(file(&webp, None), Purpose::Sticker).unwrap().facts.animated);
        webp[20] = 0;
        assert!(!prepare(file(&webp, None), Purpose::Sticker).unwrap().facts.animated);
    }

    #[test]
    fn a_kind_follows_from_the_content() {
        for (head, kind) in [
            (&b"\x89PNG\r\n\x1a\n"[..], Kind::Image),
            (b"\0\0\0\x20ftypisom", Kind::Video),
            (b"OggS", Kind::Audio),
            (b"%PDF-", Kind::Document),
            (b"", Kind::Document),
        ] {
            assert_eq!(kind_of(head), kind);
        }
    }
}

//! Files that phones send and get: sealed with a key of their own, put on the media host, and fetched from it.

use std::io::{self, Write};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use buffa::{Message as _, MessageField};
use sha2::{Digest as _, Sha256};
use wacore::{
    download::{DownloadUtils, Downloadable, MediaType},
    proto_helpers::MessageExt as _,
    upload::MediaEncryptor,
};
use wago_contract::phone as contract;
use waproto::whatsapp as wa;

use super::picture;
use crate::{
    Error, Result,
    media::{self, Blob, CONTENT_BYTES_MAX, Found, Hash, Media, Refused},
};

const MIMETYPE_BYTES_MAX: usize = 200;
const FILENAME_CHARACTERS_MAX: usize = 255;
const CHUNK_BYTES: usize = 64 << 10;

/// A file as a person picked it.
pub(crate) struct Picked {
    kind: contract::Kind,
    field: &'static str,
    mimetype: String,
    /// Its bytes in base64.
    encoded: String,
    filename: Option<String>,
    ptt: bool,
}

/// A file that is on the media host, and what a message must say about it.
pub(crate) struct Sealed {
    pub kind: contract::Kind,
    pub media: contract::Media,
    /// Where it lies on the host.
    pub hash: Hash,
    direct_path: String,
    key: [u8; 32],
    sha256: Vec<u8>,
    enc_sha256: Vec<u8>,
    sidecar: Option<Vec<u8>>,
}

/// Takes the file out of a request, if it has one.
pub(crate) fn pick(request: &mut contract::Send) -> Result<Option<Picked>> {
    use contract::Kind;
    let fields = [
        (Kind::Image, "image", request.image.take()),
        (Kind::Video, "video", request.video.take()),
        (Kind::Audio, "audio", request.audio.take()),
        (Kind::Document, "document", request.document.take()),
        (Kind::Sticker, "sticker", request.sticker.take()),
    ];
    let mut fields = fields.into_iter().filter_map(|(kind, field, url)| Some((kind, field, url?)));
    let picked = fields.next();
    if let Some((_, field, _)) = fields.next() {
        return Err(Error::Invalid { field, expected: "is one too many: a message has one file" });
    }
    let kind = picked.as_ref().map(|(kind, ..)| *kind);
    let stray = |there: bool, field, expected| if there { Err(Error::Invalid { field, expected }) } else { Ok(()) };
    let captioned = matches!(kind, Some(Kind::Image | Kind::Video | Kind::Document));
    stray(request.caption.is_some() && !captioned, "caption", "goes with an image, a video or a document")?;
    let named = kind == Some(Kind::Document);
    stray(request.filename.is_some() && !named, "filename", "goes with a document")?;
    stray(request.ptt.is_some() && kind != Some(Kind::Audio), "ptt", "goes with an audio")?;
    stray(kind.is_some() && request.text.is_some(), "text", "does not go with a file; its words are the caption")?;
    let Some((kind, field, url)) = picked else { return Ok(None) };
    let filename = request.filename.take().filter(|name| !name.is_empty());
    if filename.as_ref().is_some_and(|name| name.chars().count() > FILENAME_CHARACTERS_MAX) {
        return Err(Error::Invalid { field: "filename", expected: "must have at most 255 characters" });
    }
    let (mimetype, encoded) = data_url(field, url)?;
    let fits = match kind {
        Kind::Image => mimetype.starts_with("image/"),
        Kind::Video => mimetype.starts_with("video/"),
        Kind::Audio => mimetype.starts_with("audio/"),
        Kind::Sticker => mimetype == "image/webp",
        _ => true,
    };
    if !fits {
        let expected =
            if kind == Kind::Sticker { "must be image/webp" } else { "must be of a type that its name says" };
        return Err(Error::Invalid { field, expected });
    }
    Ok(Some(Picked { kind, field, mimetype, encoded, filename, ptt: request.ptt.unwrap_or(false) }))
}

/// Type and base64 of a data URL.
fn data_url(field: &'static str, mut url: String) -> Result<(String, String)> {
    let expected = "must be a data URL like data:image/png;base64,iVBORw0K";
    let invalid = Error::Invalid { field, expected };
    let Some((head, content)) = url.split_once(',') else { return Err(invalid) };
    let Some(mimetype) = head.strip_prefix("data:").and_then(|head| head.strip_suffix(";base64")) else {
        return Err(invalid);
    };
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    let sound = mimetype.split(';').next().and_then(|kind| kind.split_once('/'));
    if mimetype.len() > MIMETYPE_BYTES_MAX || !sound.is_some_and(|(kind, sub)| plain(kind) && plain(sub)) {
        return Err(invalid);
    }
    if !plain(mimetype) {
        return Err(invalid);
    }
    if content.is_empty() {
        return Err(Error::Invalid { field, expected: "must not be an empty file" });
    }
    if content.len() as u64 / 4 * 3 > CONTENT_BYTES_MAX + 2 {
        return Err(Error::TooLarge { field });
    }
    let (mimetype, start) = (mimetype.to_owned(), url.len() - content.len());
    url.drain(..start);
    Ok((mimetype, url))
}

impl Picked {
    /// Seals it with a fresh key, and puts it on the host. Takes as long as the file is large.
    pub fn seal(self, media: &Media) -> Result<Sealed> {
        let field = self.field;
        let expected = "must be a data URL with base64 behind the comma";
        let bytes = BASE64_STANDARD.decode(&self.encoded).map_err(|_| Error::Invalid { field, expected })?;
        drop(self.encoded);
        if bytes.is_empty() {
            return Err(Error::Invalid { field, expected: "must not be an empty file" });
        }
        if bytes.len() as u64 > CONTENT_BYTES_MAX {
            return Err(Error::TooLarge { field });
        }
        let (codec, path) = match self.kind {
            contract::Kind::Image => (MediaType::Image, "image"),
            contract::Kind::Video => (MediaType::Video, "video"),
            contract::Kind::Audio => (MediaType::Audio, "audio"),
            contract::Kind::Sticker => (MediaType::Sticker, "sticker"),
            _ => (MediaType::Document, "document"),
        };
        let streamed = matches!(codec, MediaType::Video | MediaType::Audio);
        let broken = |_| Error::Files(io::Error::other("the file cannot be encrypted"));
        let mut encryptor = MediaEncryptor::new_with_sidecar(codec, streamed).map_err(broken)?;
        let mut incoming = media.begin().map_err(Error::Files)?;
        let mut sealed = Vec::with_capacity(CHUNK_BYTES + 16);
        let refused = |refused| match refused {
            Refused::Disk(error) => Error::Files(error),
            Refused::TooLarge | Refused::Mismatch => Error::TooLarge { field },
        };
        for chunk in bytes.chunks(CHUNK_BYTES) {
            encryptor.update(chunk, &mut sealed);
            incoming.write(&sealed).map_err(refused)?;
            sealed.clear();
        }
        let info = encryptor.finalize(&mut sealed).map_err(broken)?;
        incoming.write(&sealed).map_err(refused)?;
        let hash = media.finish(incoming, None).map_err(refused)?;
        let (width, height) =
            picture::size(&bytes).filter(|_| matches!(codec, MediaType::Image | MediaType::Sticker)).unzip();
        Ok(Sealed {
            kind: self.kind,
            media: contract::Media {
                mimetype: self.mimetype,
                size: info.file_length,
                sha256: hex(&info.file_sha256),
                filename: self.filename,
                ptt: self.ptt,
                width,
                height,
            },
            hash,
            direct_path: media::direct_path(path, hash),
            key: info.media_key,
            sha256: info.file_sha256.to_vec(),
            enc_sha256: info.file_enc_sha256.to_vec(),
            sidecar: info.streaming_sidecar,
        })
    }
}

impl Sealed {
    /// The message that brings it.
    pub fn message(&self, caption: Option<String>, context: Option<wa::ContextInfo>) -> wa::Message {
        let context_info = context.map(MessageField::some).unwrap_or_default();
        let url = Some(media::url(&self.direct_path));
        let direct_path = Some(self.direct_path.clone());
        let mimetype = Some(self.media.mimetype.clone());
        let (media_key, file_sha256) = (Some(self.key.to_vec()), Some(self.sha256.clone()));
        let (file_enc_sha256, file_length) = (Some(self.enc_sha256.clone()), Some(self.media.size));
        let media_key_timestamp = i64::try_from(crate::now()).ok();
        let (width, height) = (self.media.width, self.media.height);
        let streaming_sidecar = self.sidecar.clone();
        let mut message = wa::Message::default();
        match self.kind {
            contract::Kind::Image => {
                message.image_message = MessageField::some(wa::message::ImageMessage {
                    url,
                    direct_path,
                    mimetype,
                    media_key,
                    file_sha256,
                    file_enc_sha256,
                    file_length,
                    media_key_timestamp,
                    width,
                    height,
                    caption,
                    context_info,
                    ..Default::default()
                });
            }
            contract::Kind::Video => {
                message.video_message = MessageField::some(wa::message::VideoMessage {
                    url,
                    direct_path,
                    mimetype,
                    media_key,
                    file_sha256,
                    file_enc_sha256,
                    file_length,
                    media_key_timestamp,
                    streaming_sidecar,
                    caption,
                    context_info,
                    ..Default::default()
                });
            }
            contract::Kind::Audio => {
                message.audio_message = MessageField::some(wa::message::AudioMessage {
                    url,
                    direct_path,
                    mimetype,
                    media_key,
                    file_sha256,
                    file_enc_sha256,
                    file_length,
                    media_key_timestamp,
                    streaming_sidecar,
                    ptt: Some(self.media.ptt),
                    context_info,
                    ..Default::default()
                });
            }
            contract::Kind::Sticker => {
                message.sticker_message = MessageField::some(wa::message::StickerMessage {
                    url,
                    direct_path,
                    mimetype,
                    media_key,
                    file_sha256,
                    file_enc_sha256,
                    file_length,
                    media_key_timestamp,
                    width,
                    height,
                    context_info,
                    ..Default::default()
                });
            }
            _ => {
                let captioned = caption.is_some();
                message.document_message = MessageField::some(wa::message::DocumentMessage {
                    url,
                    direct_path,
                    mimetype,
                    media_key,
                    file_sha256,
                    file_enc_sha256,
                    file_length,
                    media_key_timestamp,
                    title: self.media.filename.clone(),
                    file_name: self.media.filename.clone(),
                    caption,
                    context_info,
                    ..Default::default()
                });
                // Phones put an envelope around a document with words.
                if captioned {
                    let envelope = wa::message::FutureProofMessage { message: MessageField::some(message) };
                    message = wa::Message {
                        document_with_caption_message: MessageField::some(envelope),
                        ..Default::default()
                    };
                }
            }
        }
        message
    }
}

/// What a message that brings a file says about it.
pub(super) struct Described {
    pub kind: contract::Kind,
    pub media: contract::Media,
    pub caption: Option<String>,
    pub context: Option<wa::ContextInfo>,
}

/// `None`: it brings none.
pub(super) fn describe(message: &wa::Message) -> Option<Described> {
    use contract::Kind;
    let message = message.get_base_message();
    let media = |file: &dyn Downloadable, mimetype: &Option<String>| contract::Media {
        mimetype: mimetype.clone().unwrap_or_else(|| "application/octet-stream".to_owned()),
        size: file.file_length().unwrap_or_default(),
        sha256: hex(file.file_sha256().unwrap_or_default()),
        filename: None,
        ptt: false,
        width: None,
        height: None,
    };
    let context = |context: &MessageField<wa::ContextInfo>| context.as_option().cloned();
    if let Some(image) = message.image_message.as_option() {
        return Some(Described {
            kind: Kind::Image,
            media: contract::Media { width: image.width, height: image.height, ..media(image, &image.mimetype) },
            caption: image.caption.clone(),
            context: context(&image.context_info),
        });
    }
    if let Some(video) = message.video_message.as_option().or(message.ptv_message.as_option()) {
        return Some(Described {
            kind: Kind::Video,
            media: contract::Media { width: video.width, height: video.height, ..media(video, &video.mimetype) },
            caption: video.caption.clone(),
            context: context(&video.context_info),
        });
    }
    if let Some(audio) = message.audio_message.as_option() {
        return Some(Described {
            kind: Kind::Audio,
            media: contract::Media { ptt: audio.ptt == Some(true), ..media(audio, &audio.mimetype) },
            caption: None,
            context: context(&audio.context_info),
        });
    }
    if let Some(document) = message.document_message.as_option() {
        return Some(Described {
            kind: Kind::Document,
            media: contract::Media {
                filename: document.file_name.clone().or_else(|| document.title.clone()),
                ..media(document, &document.mimetype)
            },
            caption: document.caption.clone(),
            context: context(&document.context_info),
        });
    }
    let sticker = message.sticker_message.as_option()?;
    Some(Described {
        kind: Kind::Sticker,
        media: contract::Media { width: sticker.width, height: sticker.height, ..media(sticker, &sticker.mimetype) },
        caption: None,
        context: context(&sticker.context_info),
    })
}

/// A file on the host, with what it takes to open it.
pub(crate) struct Stored {
    pub hash: Hash,
    pub key: Vec<u8>,
    pub codec: MediaType,
    sha256: Vec<u8>,
}

/// Where a message's file is. `None`: it has none. A path that is not of this network's host leads nowhere.
pub(crate) fn stored(raw: &[u8]) -> Option<Result<Stored>> {
    let message = wa::Message::decode_from_slice(raw).ok()?;
    let message = message.get_base_message();
    let file: &dyn Downloadable = if let Some(image) = message.image_message.as_option() {
        image
    } else if let Some(video) = message.video_message.as_option().or(message.ptv_message.as_option()) {
        video
    } else if let Some(audio) = message.audio_message.as_option() {
        audio
    } else if let Some(document) = message.document_message.as_option() {
        document
    } else {
        message.sticker_message.as_option()?
    };
    Some(file.direct_path().and_then(Hash::of_path).ok_or(Error::FileLost).map(|hash| Stored {
        hash,
        key: file.media_key().unwrap_or_default().to_vec(),
        codec: file.app_info(),
        sha256: file.file_sha256().unwrap_or_default().to_vec(),
    }))
}

impl Stored {
    /// The encrypted file, which was opened once to see that it is what the message says.
    pub fn fetch(&self, media: &Media) -> Result<Blob> {
        let Found::Here(blob) = media.find(self.hash).map_err(Error::Files)? else { return Err(Error::FileLost) };
        let mut seen = Hashing(Sha256::new());
        self.open(&blob, &mut seen)?;
        if seen.0.finalize().as_slice() == self.sha256 { Ok(blob) } else { Err(Error::FileDamaged) }
    }

    /// Writes the file's own bytes.
    pub fn open(&self, blob: &Blob, to: &mut impl Write) -> Result<()> {
        let reader = blob.reader(0).map_err(Error::Files)?;
        DownloadUtils::decrypt_stream_to_writer(reader, &self.key, self.codec, to)
            .map(|_| ())
            .map_err(|_| Error::FileDamaged)
    }
}

struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Files of inbound messages, for the webhooks that take them.

mod again;
mod downloads;
mod fetch;
mod keeper;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use wacore::download::{Downloadable, MediaType};
use waproto::whatsapp as wa;

pub use again::Origin;
pub(crate) use again::Phones;
pub(crate) use downloads::{Downloads, Ways};
pub(crate) use fetch::{Failure, Hosts};
pub(crate) use keeper::Keeper;

/// Envelopes within envelopes that are opened at most; WhatsApp nests two or three.
const ENVELOPES_MAX: usize = 8;
/// A name is for people; a longer one is cut off.
const NAME_CHARACTERS_MAX: usize = 200;

#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Image,
    Video,
    Audio,
    Document,
    Sticker,
}

impl Kind {
    fn codec(self) -> MediaType {
        match self {
            Self::Image => MediaType::Image,
            Self::Video => MediaType::Video,
            Self::Audio => MediaType::Audio,
            Self::Document => MediaType::Document,
            Self::Sticker => MediaType::Sticker,
        }
    }
}

/// What it takes to fetch a file and to open it. It has the file's key, so it does not print.
#[derive(Serialize, Deserialize, Clone)]
struct Descriptor {
    kind: Kind,
    /// Below the name of a media host, with its query.
    path: String,
    /// Empty for what lies there in the clear, as the files of newsletters do; then the next is too.
    #[serde(with = "in_base64")]
    key: Vec<u8>,
    #[serde(with = "in_base64")]
    sha256: Vec<u8>,
    #[serde(with = "in_base64")]
    enc_sha256: Vec<u8>,
    /// Bytes, as the sender announced them.
    length: u64,
    mimetype: String,
    /// As the sender called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whoever wrote the descriptor before there was one cannot have the phone asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
}

mod in_base64 {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// What a file of the message can be fetched by later. `None`: it has none, or none that could ever be had.
pub(crate) fn descriptor(message: &wa::Message, origin: Option<Origin>) -> Option<Vec<u8>> {
    let message = opened(message);
    let descriptor = if let Some(image) = message.image_message.as_option() {
        describe(Kind::Image, image, image.url.as_deref(), image.mimetype.as_deref())
    } else if let Some(video) = message.video_message.as_option().or(message.ptv_message.as_option()) {
        describe(Kind::Video, video, video.url.as_deref(), video.mimetype.as_deref())
    } else if let Some(audio) = message.audio_message.as_option() {
        describe(Kind::Audio, audio, audio.url.as_deref(), audio.mimetype.as_deref())
    } else if let Some(document) = message.document_message.as_option() {
        let name = document.file_name.as_deref().or(document.title.as_deref());
        describe(Kind::Document, document, document.url.as_deref(), document.mimetype.as_deref())
            .map(|descriptor| Descriptor { name: name.and_then(plain), ..descriptor })
    } else {
        let sticker = message.sticker_message.as_option()?;
        describe(Kind::Sticker, sticker, sticker.url.as_deref(), sticker.mimetype.as_deref())
    };
    Some(Descriptor { origin, ..descriptor? }.bytes())
}

fn opened(mut message: &wa::Message) -> &wa::Message {
    for _ in 0..ENVELOPES_MAX {
        let envelopes = [
            &message.ephemeral_message,
            &message.view_once_message,
            &message.view_once_message_v2,
            &message.view_once_message_v2_extension,
            &message.document_with_caption_message,
            &message.lottie_sticker_message,
        ];
        let inner = envelopes.into_iter().find_map(|envelope| envelope.as_option()?.message.as_option());
        let Some(inner) = inner else { break };
        message = inner;
    }
    message
}

fn describe(kind: Kind, file: &dyn Downloadable, url: Option<&str>, mimetype: Option<&str>) -> Option<Descriptor> {
    let path = file.direct_path().or_else(|| url.and_then(path_at_whatsapp))?;
    let key = file.media_key().filter(|key| !key.is_empty());
    // What is not encrypted has nothing but its hash to be known by.
    if key.is_none() && file.file_sha256().is_none_or(<[u8]>::is_empty) {
        return None;
    }
    Some(Descriptor {
        kind,
        // The sender wrote it: with anything before the slash it could lead to another host.
        path: path.starts_with('/').then(|| path.to_owned())?,
        key: key.unwrap_or_default().to_vec(),
        sha256: file.file_sha256().unwrap_or_default().to_vec(),
        enc_sha256: key.and(file.file_enc_sha256()).unwrap_or_default().to_vec(),
        length: file.file_length().unwrap_or_default(),
        mimetype: mimetype.filter(|kind| !kind.is_empty()).unwrap_or("application/octet-stream").to_owned(),
        name: None,
        origin: None,
    })
}

/// The path of an address that leads to WhatsApp. To others nothing goes: the sender chose the address.
fn path_at_whatsapp(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://")?;
    let (host, path) = rest.split_at_checked(rest.find('/')?)?;
    host.ends_with(".whatsapp.net").then_some(path)
}

/// A file's name without folders and without what could break a line.
fn plain(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let name: String = name.chars().filter(|character| !character.is_control()).take(NAME_CHARACTERS_MAX).collect();
    (!name.is_empty() && name != "." && name != "..").then_some(name)
}

impl Descriptor {
    /// `None`: it is none of ours.
    fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a descriptor is plain data")
    }

    fn is_encrypted(&self) -> bool {
        !self.key.is_empty()
    }

    /// Of the bytes as they lie there.
    fn sha256_there(&self) -> &[u8] {
        if self.is_encrypted() { &self.enc_sha256 } else { &self.sha256 }
    }

    /// As the sender called it, or the event's id with the ending of its type.
    fn file_name(&self, event_id: &str) -> String {
        self.name.clone().unwrap_or_else(|| format!("{event_id}.{}", self.ending()))
    }

    fn ending(&self) -> &'static str {
        let kind = self.mimetype.split(';').next().unwrap_or_default().trim();
        match kind {
            "image/jpeg" => "jpg",
            "image/png" => "png",
            "image/gif" => "gif",
            "image/webp" => "webp",
            "video/mp4" => "mp4",
            "video/3gpp" => "3gp",
            "video/quicktime" => "mov",
            "audio/ogg" => "ogg",
            "audio/mpeg" => "mp3",
            "audio/mp4" => "m4a",
            "audio/aac" => "aac",
            "audio/amr" => "amr",
            "audio/wav" | "audio/x-wav" => "wav",
            "application/pdf" => "pdf",
            "text/plain" => "txt",
            _ => "bin",
        }
    }
}

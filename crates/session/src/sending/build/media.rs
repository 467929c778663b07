use sha2::{Digest as _, Sha256};
use wago_contract::send::media::{Audio, Document, Image, Sticker, Video};
use waproto::{
    buffa::MessageField,
    whatsapp::{
        self as wa,
        message::{AudioMessage, DocumentMessage, ImageMessage, StickerMessage, VideoMessage},
    },
};

use super::{
    super::{prepare::Facts, upload::Place},
    Build, Ready, wrapped,
};
use crate::Result;

/// The fields that every kind of file has, by the same names.
macro_rules! placed {
    ($message:ident, $place:expr, $facts:expr) => {{
        let place: Option<Place> = $place;
        let place = place.unwrap_or_default();
        let facts: &Facts = $facts;
        $message {
            url: Some(place.url),
            direct_path: Some(place.direct_path),
            media_key_timestamp: (!place.media_key.is_empty()).then_some(place.media_key_timestamp),
            media_key: Some(place.media_key).filter(|key| !key.is_empty()),
            file_sha256: Some(place.file_sha256),
            file_enc_sha256: Some(place.file_enc_sha256).filter(|hash| !hash.is_empty()),
            file_length: Some(place.file_length),
            mimetype: Some(facts.mimetype.clone()),
            ..Default::default()
        }
    }};
}

pub fn image_part(Ready { facts, place }: Ready) -> ImageMessage {
    let message = placed!(ImageMessage, place, &facts);
    ImageMessage { jpeg_thumbnail: facts.thumbnail, width: facts.width, height: facts.height, ..message }
}

pub fn video_part(Ready { facts, place }: Ready) -> VideoMessage {
    let sidecar = place.as_ref().and_then(|place| place.streaming_sidecar.clone());
    let message = placed!(VideoMessage, place, &facts);
    VideoMessage {
        streaming_sidecar: sidecar,
        jpeg_thumbnail: facts.thumbnail,
        width: facts.width,
        height: facts.height,
        seconds: facts.seconds,
        ..message
    }
}

pub fn document_part(Ready { facts, place }: Ready, name: Option<String>) -> DocumentMessage {
    let message = placed!(DocumentMessage, place, &facts);
    let name = name.or(facts.name).unwrap_or_else(|| "document".to_owned());
    DocumentMessage {
        title: Some(name.clone()),
        file_name: Some(name),
        jpeg_thumbnail: facts.thumbnail,
        thumbnail_width: facts.width,
        thumbnail_height: facts.height,
        page_count: facts.pages,
        ..message
    }
}

pub fn image(build: &mut Build, Image { caption, view_once, .. }: Image) -> Result<wa::Message> {
    let part = ImageMessage { caption, view_once: view_once.then_some(true), ..image_part(build.file()?) };
    let message = wa::Message { image_message: MessageField::some(part), ..Default::default() };
    Ok(sealed(build.in_context(message), view_once))
}

pub fn video(build: &mut Build, Video { caption, view_once, gif, note, .. }: Video) -> Result<wa::Message> {
    let part = VideoMessage {
        caption,
        view_once: view_once.then_some(true),
        gif_playback: gif.then_some(true),
        ..video_part(build.file()?)
    };
    let part = MessageField::some(part);
    let message = if note {
        wa::Message { ptv_message: part, ..Default::default() }
    } else {
        wa::Message { video_message: part, ..Default::default() }
    };
    Ok(sealed(build.in_context(message), view_once))
}

pub fn audio(build: &mut Build, Audio { voice, seconds, waveform, view_once, .. }: Audio) -> Result<wa::Message> {
    let Ready { facts, place } = build.file()?;
    let sidecar = place.as_ref().and_then(|place| place.streaming_sidecar.clone());
    let part = AudioMessage {
        ptt: Some(voice),
        seconds: seconds.or(facts.seconds),
        waveform: waveform.or_else(|| facts.waveform.clone()),
        streaming_sidecar: sidecar,
        view_once: view_once.then_some(true),
        ..placed!(AudioMessage, place, &facts)
    };
    let message = wa::Message { audio_message: MessageField::some(part), ..Default::default() };
    let message = build.in_context(message);
    if !view_once {
        return Ok(message);
    }
    Ok(wa::Message { view_once_message_v2_extension: wrapped(message), ..Default::default() })
}

pub fn document(build: &mut Build, Document { file_name, caption, .. }: Document) -> Result<wa::Message> {
    let captioned = caption.is_some();
    let part = DocumentMessage { caption, ..document_part(build.file()?, file_name) };
    let message = wa::Message { document_message: MessageField::some(part), ..Default::default() };
    let message = build.in_context(message);
    if !captioned {
        return Ok(message);
    }
    Ok(wa::Message { document_with_caption_message: wrapped(message), ..Default::default() })
}

pub fn sticker(build: &mut Build, Sticker { emojis, .. }: Sticker) -> Result<wa::Message> {
    let Ready { facts, place } = build.file()?;
    let part = StickerMessage {
        width: facts.width,
        height: facts.height,
        is_animated: Some(facts.animated),
        sticker_sent_ts: Some(build.now * 1_000),
        emojis: (!emojis.is_empty()).then(|| emojis.join(",")),
        ..placed!(StickerMessage, place, &facts)
    };
    let message = wa::Message { sticker_message: MessageField::some(part), ..Default::default() };
    Ok(build.in_context(message))
}

/// A pack without an id is known by its name and publisher.
pub fn pack(Sticker { pack_id, pack_name, publisher, emojis, .. }: &Sticker) -> wago_media::Pack {
    let (name, publisher) = (pack_name.clone().unwrap_or_default(), publisher.clone().unwrap_or_default());
    let id = pack_id.clone().unwrap_or_else(|| {
        let hash = Sha256::digest(format!("{name}\n{publisher}"));
        hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    });
    wago_media::Pack { id, name, publisher, emojis: emojis.clone() }
}

fn sealed(message: wa::Message, view_once: bool) -> wa::Message {
    if !view_once {
        return message;
    }
    wa::Message { view_once_message_v2: wrapped(message), ..Default::default() }
}

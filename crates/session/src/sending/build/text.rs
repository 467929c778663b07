use wago_contract::send::{preview::Preview, text::Text};
use waproto::{
    buffa::MessageField,
    whatsapp::{self as wa, context_info::external_ad_reply_info, message::extended_text_message},
};

use super::{Build, Ready};
use crate::Result;

pub fn text(build: &mut Build, Text { body, preview, .. }: Text) -> Result<wa::Message> {
    let Some(preview) = preview else {
        let message = wa::Message { conversation: Some(body), ..Default::default() };
        return Ok(build.in_context(message));
    };
    let image = preview.image.is_some().then(|| build.file()).transpose()?;
    let mut extended = wa::message::ExtendedTextMessage { text: Some(body), ..Default::default() };
    if preview.as_ad {
        let context = build.context.get_or_insert_default();
        context.external_ad_reply = MessageField::some(ad(preview, image));
    } else {
        below(&mut extended, preview, image);
    }
    let message = wa::Message { extended_text_message: MessageField::some(extended), ..Default::default() };
    Ok(build.in_context(message))
}

fn below(extended: &mut wa::message::ExtendedTextMessage, preview: Preview, image: Option<Ready>) {
    let Preview { url, title, description, .. } = preview;
    extended.matched_text = Some(url);
    extended.title = title;
    extended.description = description;
    extended.preview_type = Some(extended_text_message::PreviewType::NONE);
    let Some(Ready { facts, place }) = image else { return };
    extended.jpeg_thumbnail = facts.thumbnail;
    if let Some(place) = place {
        extended.thumbnail_direct_path = Some(place.direct_path);
        extended.thumbnail_sha256 = Some(place.file_sha256);
        extended.thumbnail_enc_sha256 = Some(place.file_enc_sha256);
        extended.media_key = Some(place.media_key);
        extended.media_key_timestamp = Some(place.media_key_timestamp);
        extended.thumbnail_width = facts.width;
        extended.thumbnail_height = facts.height;
    }
}

fn ad(preview: Preview, image: Option<Ready>) -> wa::context_info::ExternalAdReplyInfo {
    let Preview { url, title, description, .. } = preview;
    let thumbnail = image.and_then(|image| image.facts.thumbnail);
    wa::context_info::ExternalAdReplyInfo {
        title,
        body: description,
        media_type: Some(external_ad_reply_info::MediaType::IMAGE),
        render_larger_thumbnail: Some(thumbnail.is_some()),
        thumbnail,
        source_url: Some(url),
        show_ad_attribution: Some(false),
        ..Default::default()
    }
}

pub fn story(text: String, background: u32, color: u32, font: i32) -> wa::Message {
    use extended_text_message::FontType;
    let font = match font {
        1 => FontType::SYSTEM_TEXT,
        2 => FontType::FB_SCRIPT,
        6 => FontType::SYSTEM_BOLD,
        7 => FontType::MORNINGBREEZE_REGULAR,
        8 => FontType::CALISTOGA_REGULAR,
        9 => FontType::EXO2_EXTRABOLD,
        10 => FontType::COURIERPRIME_BOLD,
        _ => FontType::SYSTEM,
    };
    let extended = wa::message::ExtendedTextMessage {
        text: Some(text),
        background_argb: Some(background),
        text_argb: Some(color),
        font: Some(font),
        ..Default::default()
    };
    wa::Message { extended_text_message: MessageField::some(extended), ..Default::default() }
}

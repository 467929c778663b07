//! Native flows: the one form of buttons that WhatsApp's clients still show. The stanza needs a `<biz>` beside it,
//! which the engine adds.

use serde_json::{Value, json};
use wago_contract::send::{
    interactive::{Action, Button, Interactive},
    media::Kind,
};
use waproto::{
    buffa::MessageField,
    whatsapp::{
        self as wa,
        message::{
            InteractiveMessage,
            interactive_message::{
                Body, Footer, Header, InteractiveMessage as Payload, NativeFlowMessage, header::Media,
                native_flow_message::NativeFlowButton,
            },
        },
    },
};

use super::{Build, media, payment};
use crate::Result;

pub fn interactive(build: &mut Build, message: Interactive) -> Result<wa::Message> {
    let part = part(build, message)?;
    let message = wa::Message { interactive_message: MessageField::some(part), ..Default::default() };
    Ok(build.in_context(message))
}

/// A message, or a card of one.
pub fn part(build: &mut Build, message: Interactive) -> Result<InteractiveMessage> {
    let Interactive { title, body, footer, header, buttons } = message;
    let file = match header {
        Some((kind, _)) => Some((kind, build.file()?)),
        None => None,
    };
    let media = file.map(|(kind, file)| match kind {
        Kind::Video => Media::VideoMessage(Box::new(media::video_part(file))),
        Kind::Document => Media::DocumentMessage(Box::new(media::document_part(file, None))),
        _ => Media::ImageMessage(Box::new(media::image_part(file))),
    });
    let header = Header { title, has_media_attachment: Some(media.is_some()), media, ..Default::default() };
    let flow = NativeFlowMessage {
        buttons: buttons.into_iter().map(|one| button(build, one)).collect(),
        message_params_json: Some("{}".to_owned()),
        message_version: Some(1),
    };
    Ok(InteractiveMessage {
        header: MessageField::some(header),
        body: MessageField::some(Body { text: Some(body) }),
        footer: self::footer(footer),
        interactive_message: Some(Payload::NativeFlowMessage(Box::new(flow))),
        ..Default::default()
    })
}

pub fn footer(text: Option<String>) -> MessageField<Footer> {
    text.map(|text| MessageField::some(Footer { text: Some(text), ..Default::default() })).unwrap_or_default()
}

fn button(build: &Build, Button { label, action }: Button) -> NativeFlowButton {
    let (name, parameters): (_, Value) = match action {
        Action::Reply { id } => ("quick_reply", json!({"display_text": label, "id": id})),
        Action::Url { url, inside: false } => {
            ("cta_url", json!({"display_text": label, "url": url, "merchant_url": url}))
        }
        Action::Url { url, inside: true } => {
            ("cta_url", json!({"display_text": label, "url": url, "merchant_url": url, "webview_interaction": true}))
        }
        Action::Call { number } => ("cta_call", json!({"display_text": label, "phone_number": number})),
        Action::Copy { code } => ("cta_copy", json!({"display_text": label, "copy_code": code})),
        Action::Location => ("send_location", json!({"display_text": label})),
        Action::Pix(pix) => ("payment_info", payment::pix(build, pix)),
        Action::Review(order) => ("review_and_pay", payment::order(build, order)),
    };
    NativeFlowButton { name: Some(name.to_owned()), button_params_json: Some(parameters.to_string()) }
}

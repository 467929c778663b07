//! A message as its event.

use chrono::{DateTime, SecondsFormat, Utc};
use wacore::{
    send::{media_type_from_message, stanza_type_from_message},
    types::{
        events::{DecryptFailMode, UnavailableType, UndecryptableMessage},
        message::{AddressingMode, MessageInfo, MessageSource},
    },
};
use wacore_binary::Jid;
use wago_contract::event;
use waproto::whatsapp as wa;

use super::{names::Around, protobuf::to_json};

/// Envelopes within envelopes that are opened at most; WhatsApp nests two or three.
const ENVELOPES_MAX: usize = 8;

pub fn message(message: &wa::Message, info: &MessageInfo, around: Around) -> event::MessageEvent {
    let mut told = event::MessageEvent {
        info: message_info(info, around),
        message: serde_json::Value::Null,
        raw_message: None,
        is_ephemeral: false,
        is_view_once: false,
        is_view_once_v2: false,
        is_view_once_v2_extension: false,
        is_document_with_caption: false,
        is_lottie_sticker: false,
        is_bot_invoke: false,
        is_edit: false,
        source_web_msg: None,
        unavailable_request_id: info.unavailable_request_id.clone().unwrap_or_default(),
        retry_count: 0,
        newsletter_meta: None,
    };
    let content = open(message, &mut told);
    if !std::ptr::eq(content, message) {
        told.raw_message = Some(to_json(message));
    }
    told.message = to_json(content);
    // The engine does not keep what the stanza says of its content; the sender's words for it follow from the content.
    let info = &mut told.info;
    if info.kind.is_empty() {
        info.kind = stanza_type_from_message(message).to_owned();
    }
    if info.media_type.is_empty() {
        info.media_type = media_type_from_message(message).unwrap_or_default().to_owned();
    }
    told
}

/// Takes the content out of its envelopes, and notes which there were.
fn open<'a>(mut message: &'a wa::Message, told: &mut event::MessageEvent) -> &'a wa::Message {
    for _ in 0..ENVELOPES_MAX {
        let sent = message.device_sent_message.as_option();
        if let Some(inner) = sent.and_then(|sent| sent.message.as_option()) {
            message = inner;
            continue;
        }
        let envelopes = [
            (&message.ephemeral_message, Envelope::Ephemeral),
            (&message.view_once_message, Envelope::ViewOnce),
            (&message.view_once_message_v2, Envelope::ViewOnceV2),
            (&message.view_once_message_v2_extension, Envelope::ViewOnceV2Extension),
            (&message.lottie_sticker_message, Envelope::LottieSticker),
            (&message.document_with_caption_message, Envelope::DocumentWithCaption),
            (&message.edited_message, Envelope::Edit),
            (&message.bot_invoke_message, Envelope::BotInvoke),
        ];
        let found = envelopes.into_iter().find_map(|(envelope, kind)| {
            let inner = envelope.as_option()?.message.as_option()?;
            Some((inner, kind))
        });
        let Some((inner, kind)) = found else {
            return message;
        };
        match kind {
            Envelope::Ephemeral => told.is_ephemeral = true,
            Envelope::ViewOnce => told.is_view_once = true,
            Envelope::ViewOnceV2 => (told.is_view_once, told.is_view_once_v2) = (true, true),
            Envelope::ViewOnceV2Extension => {
                (told.is_view_once, told.is_view_once_v2_extension) = (true, true);
            }
            Envelope::LottieSticker => told.is_lottie_sticker = true,
            Envelope::DocumentWithCaption => told.is_document_with_caption = true,
            Envelope::Edit => told.is_edit = true,
            Envelope::BotInvoke => told.is_bot_invoke = true,
        }
        message = inner;
    }
    message
}

enum Envelope {
    Ephemeral,
    ViewOnce,
    ViewOnceV2,
    ViewOnceV2Extension,
    LottieSticker,
    DocumentWithCaption,
    Edit,
    BotInvoke,
}

pub fn undecryptable(message: &UndecryptableMessage, around: Around) -> event::Undecryptable {
    event::Undecryptable {
        info: message_info(&message.info, around),
        is_unavailable: message.is_unavailable,
        unavailable_type: match message.unavailable_type {
            UnavailableType::Unknown => "",
            UnavailableType::ViewOnce => "view_once",
            UnavailableType::Hosted => "hosted",
            UnavailableType::Bot => "bot",
        },
        decrypt_fail_mode: match message.decrypt_fail_mode {
            DecryptFailMode::Show => "show",
            DecryptFailMode::Hide => "hide",
        },
    }
}

fn message_info(info: &MessageInfo, around: Around) -> event::MessageInfo {
    let bot = info.bot_info.as_ref();
    let meta = &info.meta_info;
    event::MessageInfo {
        source: event::Source {
            broadcast_recipients: recipients(&info.bcl_participants, around),
            ..source(&info.source, around)
        },
        id: info.id.clone(),
        server_id: info.server_id.into(),
        kind: info.r#type.clone(),
        push_name: info.push_name.clone(),
        timestamp: time(info.timestamp),
        category: info.category.as_str().to_owned(),
        multicast: info.multicast,
        media_type: info.media_type.clone(),
        edit: info.edit.as_str().to_owned(),
        msg_bot_info: bot.map_or_else(event::BotInfo::default, |bot| event::BotInfo {
            edit_type: bot.edit_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            edit_target_id: bot.edit_target_id.clone().unwrap_or_default(),
            edit_sender_timestamp_ms: bot.edit_sender_timestamp_ms.map_or_else(|| event::ZERO_TIME.to_owned(), time),
        }),
        msg_meta_info: event::MetaInfo {
            target_id: meta.target_id.clone().unwrap_or_default(),
            target_sender: text(meta.target_sender.as_ref()),
            target_chat: text(meta.target_chat.as_ref()),
            deprecated_lid_session: meta.deprecated_lid_session,
            thread_message_id: meta.thread_message_id.clone().unwrap_or_default(),
            thread_message_sender_jid: text(meta.thread_message_sender_jid.as_ref()),
        },
        verified_name: info.verified_name.as_deref().map(to_json),
        device_sent_meta: info.device_sent_meta.as_ref().map(|meta| event::DeviceSentMeta {
            destination_jid: meta.destination_jid.clone(),
            phash: meta.phash.clone(),
        }),
    }
}

pub fn source(source: &MessageSource, around: Around) -> event::Source {
    // Who was written to; only a chat of two has one.
    let to = source.is_from_me && (source.chat.is_pn() || source.chat.is_lid());
    event::Source {
        // A receipt comes from a device; the chat is with its user.
        chat: source.chat.to_non_ad_string(),
        sender: source.sender.to_string(),
        is_from_me: source.is_from_me,
        is_group: source.is_group,
        addressing_mode: addressing_mode(source.addressing_mode),
        sender_alt: around.alt(&source.sender, source.sender_alt.as_ref()),
        recipient_alt: match &source.recipient_alt {
            None if to => around.alt(&source.chat.to_non_ad(), None),
            told => text(told.as_ref()),
        },
        broadcast_list_owner: text(source.broadcast_list_owner.as_ref()),
        broadcast_recipients: None,
    }
}

/// whatsmeow's `BroadcastRecipients`.
fn recipients(list: &[Jid], around: Around) -> Option<Vec<event::BroadcastRecipient>> {
    let of = |jid: &Jid| {
        let (lid, pn) = (jid.to_string(), around.alt(jid, None));
        let (lid, pn) = if jid.is_lid() { (lid, pn) } else { (pn, lid) };
        event::BroadcastRecipient { lid, pn }
    };
    (!list.is_empty()).then(|| list.iter().map(of).collect())
}

pub fn addressing_mode(mode: Option<AddressingMode>) -> &'static str {
    match mode {
        Some(AddressingMode::Pn) => "pn",
        Some(AddressingMode::Lid) => "lid",
        None => "",
    }
}

/// An unknown JID is an empty text.
pub fn text(jid: Option<&Jid>) -> String {
    jid.map(Jid::to_string).unwrap_or_default()
}

pub fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waproto::buffa::MessageField;

    use super::*;
    use crate::adapter::names::{Nobody, around};

    fn info() -> MessageInfo {
        MessageInfo {
            id: "3EB0".into(),
            source: MessageSource {
                chat: "5511999999999@s.whatsapp.net".parse().unwrap(),
                sender: "5511999999999:3@s.whatsapp.net".parse().unwrap(),
                sender_alt: Some("100000012345678:3@lid".parse().unwrap()),
                addressing_mode: Some(AddressingMode::Pn),
                ..Default::default()
            },
            r#type: "text".into(),
            push_name: "Ana".into(),
            timestamp: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            ..Default::default()
        }
    }

    #[test]
    fn a_text_is_told_as_whatsmeow_tells_it() {
        let content = wa::Message { conversation: Some("hello".into()), ..Default::default() };
        let told = serde_json::to_value(message(&content, &info(), around(&Nobody))).unwrap();
        assert_eq!(told["Message"], json!({"conversation": "hello"}));
        assert_eq!(told["Info"]["Chat"], "5511999999999@s.whatsapp.net");
        assert_eq!(told["Info"]["Sender"], "5511999999999:3@s.whatsapp.net");
        assert_eq!(told["Info"]["SenderAlt"], "100000012345678:3@lid");
        assert_eq!(told["Info"]["AddressingMode"], "pn");
        assert_eq!(told["Info"]["ID"], "3EB0");
        assert_eq!(told["Info"]["Timestamp"], "2023-11-14T22:13:20Z");
        assert_eq!(told["Info"]["PushName"], "Ana");
        assert_eq!(told["Info"]["MsgBotInfo"]["EditSenderTimestampMS"], event::ZERO_TIME);
        assert_eq!(told.get("RawMessage"), None);
    }

    #[test]
    fn the_kind_follows_from_the_content() {
        let bare = MessageInfo { r#type: String::new(), ..info() };
        let image = wa::Message {
            image_message: MessageField::some(wa::message::ImageMessage::default()),
            ..Default::default()
        };
        let sealed = wa::Message {
            view_once_message_v2: MessageField::some(wa::message::FutureProofMessage {
                message: MessageField::some(image.clone()),
            }),
            ..Default::default()
        };
        let text = wa::Message { conversation: Some("hello".into()), ..Default::default() };
        for (content, kind, media) in [(&text, "text", ""), (&image, "media", "image"), (&sealed, "media", "image")] {
            let told = message(content, &bare, around(&Nobody)).info;
            assert_eq!((told.kind.as_str(), told.media_type.as_str()), (kind, media));
        }
    }

    #[test]
    fn envelopes_are_opened_and_noted() {
        let content = wa::Message { conversation: Some("secret".into()), ..Default::default() };
        let envelope = wa::message::FutureProofMessage { message: MessageField::some(content) };
        let sealed = wa::Message { view_once_message_v2: MessageField::some(envelope), ..Default::default() };
        let sealed = wa::Message {
            ephemeral_message: MessageField::some(wa::message::FutureProofMessage {
                message: MessageField::some(sealed),
            }),
            ..Default::default()
        };
        let told = serde_json::to_value(message(&sealed, &info(), around(&Nobody))).unwrap();
        assert_eq!(told["Message"], json!({"conversation": "secret"}));
        assert_eq!(
            told["RawMessage"]["ephemeralMessage"]["message"]["viewOnceMessageV2"]["message"]["conversation"],
            "secret"
        );
        for flag in ["IsEphemeral", "IsViewOnce", "IsViewOnceV2"] {
            assert_eq!(told[flag], true, "{flag}");
        }
        assert_eq!(told["IsEdit"], false);
    }
}

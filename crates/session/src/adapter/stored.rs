//! What a message means for the stored messages: a new one with its kind and words, or a change of another.

use serde_json::Value;
use wago_contract::event;
use wago_store::{Author, MessageChange, NewMessage};

pub mod past;

/// WhatsApp's number for a message that was taken back.
const REVOKE: u64 = 0;
/// WhatsApp's number for an edit.
const EDIT: u64 = 14;
/// The stanza's mark of a message that an admin took back.
const BY_AN_ADMIN: &str = "8";

/// Each member of a message's content: what kind of message it makes, and where its words are.
const KINDS: &[(&str, &str, &[&str])] = &[
    ("conversation", "text", &[""]),
    ("extendedTextMessage", "text", &["text"]),
    ("imageMessage", "image", &["caption"]),
    ("videoMessage", "video", &["caption"]),
    ("ptvMessage", "video", &["caption"]),
    ("audioMessage", "audio", &[]),
    ("documentMessage", "document", &["caption", "fileName"]),
    ("stickerMessage", "sticker", &[]),
    ("stickerPackMessage", "sticker", &["name"]),
    ("contactMessage", "contact", &["displayName"]),
    ("contactsArrayMessage", "contact", &["displayName", "contacts.displayName"]),
    ("locationMessage", "location", &["name", "address", "comment"]),
    ("liveLocationMessage", "location", &["caption"]),
    ("pollCreationMessage", "poll", &["name", "options.optionName"]),
    ("pollCreationMessageV2", "poll", &["name", "options.optionName"]),
    ("pollCreationMessageV3", "poll", &["name", "options.optionName"]),
    ("pollCreationMessageV4", "poll", &["name", "options.optionName"]),
    ("pollCreationMessageV5", "poll", &["name", "options.optionName"]),
    ("eventMessage", "event", &["name", "description", "location.name"]),
    ("groupInviteMessage", "groupinvite", &["groupName", "caption"]),
    ("albumMessage", "album", &[]),
    ("listMessage", "list", &["title", "description", "footerText", "sections.rows.title"]),
    ("listResponseMessage", "listresponse", &["title", "description"]),
    ("buttonsMessage", "buttons", &["header.text", "contentText", "footerText"]),
    ("buttonsResponseMessage", "buttonsresponse", &["response.selectedDisplayText"]),
    ("templateMessage", "template", &["hydratedTemplate.hydratedContentText", "hydratedTemplate.hydratedFooterText"]),
    ("templateButtonReplyMessage", "templatereply", &["selectedDisplayText"]),
    ("interactiveMessage", "interactive", &["header.title", "body.text", "footer.text"]),
    ("interactiveResponseMessage", "interactiveresponse", &["body.text"]),
    ("orderMessage", "order", &["orderTitle", "message"]),
    ("productMessage", "product", &["product.title", "product.description", "body"]),
    ("newsletterAdminInviteMessage", "newsletterinvite", &["newsletterName", "caption"]),
    ("requestPaymentMessage", "payment", &["noteMessage.extendedTextMessage.text", "noteMessage.conversation"]),
    ("sendPaymentMessage", "payment", &["noteMessage.extendedTextMessage.text", "noteMessage.conversation"]),
];

/// What accompanies a message, or tells of one in a way that is not kept here.
const NO_MESSAGES: &[&str] = &[
    "messageContextInfo",
    "senderKeyDistributionMessage",
    "fastRatchetKeySenderKeyDistributionMessage",
    "protocolMessage",
    "reactionMessage",
    "encReactionMessage",
    "pollUpdateMessage",
    "encEventResponseMessage",
    "pinInChatMessage",
    "keepInChatMessage",
    "call",
];

/// `sender` is who wrote it, without a device, by the address that is kept. `payload` is left for the recorder to fill.
pub fn change(told: &event::MessageEvent, chat: &str, sender: &str, at_ms: i64) -> Option<MessageChange> {
    let content = &told.message;
    let info = &told.info;
    let chat = chat.to_owned();
    let by = || Author { sender: sender.to_owned(), from_me: info.source.is_from_me, admin: info.edit == BY_AN_ADMIN };
    let target = |told: &Value| told["key"]["ID"].as_str().map(str::to_owned);
    let protocol = &content["protocolMessage"];
    if !protocol.is_null() {
        let id = target(protocol)?;
        return match protocol["type"].as_u64().unwrap_or(REVOKE) {
            REVOKE => Some(MessageChange::Revoked { chat, id, by: by(), at_ms }),
            EDIT => {
                let (_, text) = project(&protocol["editedMessage"])?;
                Some(MessageChange::Edited { chat, id, by: by(), text, at_ms })
            }
            _ => None,
        };
    }
    let reaction = &content["reactionMessage"];
    if !reaction.is_null() {
        let id = target(reaction)?;
        let emoji = reaction["text"].as_str().unwrap_or_default().to_owned();
        return Some(MessageChange::Reacted { chat, id, sender: sender.to_owned(), emoji, at_ms });
    }
    let (kind, text) = project(content)?;
    Some(MessageChange::New(NewMessage {
        chat,
        id: info.id.clone(),
        sender: sender.to_owned(),
        from_me: info.source.is_from_me,
        kind: kind.to_owned(),
        text,
        payload: Vec::new(),
        sent_at_ms: at_ms,
    }))
}

/// The kind of a message's content and its words, each on a line. `None` for what is no message to anybody.
fn project(content: &Value) -> Option<(&'static str, String)> {
    let content = content.as_object()?;
    let known = KINDS.iter().find_map(|(member, kind, paths)| Some((content.get(*member)?, *kind, *paths)));
    let Some((member, kind, paths)) = known else {
        let any = content.keys().any(|member| !NO_MESSAGES.contains(&member.as_str()));
        return any.then(|| ("other", String::new()));
    };
    let mut lines = Vec::new();
    for path in paths {
        gather(member, path, &mut lines);
    }
    Some((kind, lines.join("\n")))
}

/// The texts at a path, in which a list stands for each of its elements. Members match in any letter case.
fn gather(value: &Value, path: &str, lines: &mut Vec<String>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| gather(element, path, lines)),
        Value::String(text) if path.is_empty() && !text.is_empty() => lines.push(text.clone()),
        Value::Object(members) => {
            let (first, rest) = path.split_once('.').unwrap_or((path, ""));
            if let Some((_, member)) = members.iter().find(|(name, _)| name.eq_ignore_ascii_case(first)) {
                gather(member, rest, lines);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wacore::types::message::MessageInfo;
    use waproto::{
        buffa::MessageField,
        whatsapp::{self as wa, message as m},
    };

    use super::*;
    use crate::adapter::{
        message::message,
        names::{Nobody, around},
    };

    fn of(content: wa::Message) -> Option<MessageChange> {
        let info = MessageInfo { id: "3EB0".into(), ..Default::default() };
        change(&message(&content, &info, around(&Nobody)), "chat", "bob", 7)
    }

    fn new(content: wa::Message) -> (String, String) {
        match of(content) {
            Some(MessageChange::New(new)) => {
                assert_eq!((new.id.as_str(), new.chat.as_str(), new.sender.as_str()), ("3EB0", "chat", "bob"));
                (new.kind, new.text)
            }
            other => panic!("{other:?}"),
        }
    }

    fn pair(kind: &str, text: &str) -> (String, String) {
        (kind.to_owned(), text.to_owned())
    }

    #[test]
    fn kinds_and_their_words() {
        let image = m::ImageMessage { caption: Some("a cat".into()), ..Default::default() };
        let image = wa::Message { image_message: MessageField::some(image), ..Default::default() };
        let once = m::FutureProofMessage { message: MessageField::some(image.clone()) };
        let once = wa::Message { view_once_message: MessageField::some(once), ..Default::default() };
        let option =
            |name: &str| m::poll_creation_message::Option { option_name: Some(name.into()), ..Default::default() };
        let poll = m::PollCreationMessage {
            name: Some("Lunch?".into()),
            options: vec![option("pizza"), option("salad")],
            ..Default::default()
        };
        let poll = wa::Message { poll_creation_message_v3: MessageField::some(poll), ..Default::default() };
        let response = m::ButtonsResponseMessage {
            response: Some(m::buttons_response_message::Response::SelectedDisplayText("Yes".into())),
            ..Default::default()
        };
        let response = wa::Message { buttons_response_message: MessageField::some(response), ..Default::default() };
        let sticker = wa::Message { sticker_message: MessageField::some(Default::default()), ..Default::default() };
        let product = wa::Message { invoice_message: MessageField::some(Default::default()), ..Default::default() };
        let text = wa::Message { conversation: Some("hello".into()), ..Default::default() };
        for (content, expected) in [
            (text, pair("text", "hello")),
            (image, pair("image", "a cat")),
            (once, pair("image", "a cat")),
            (poll, pair("poll", "Lunch?\npizza\nsalad")),
            (response, pair("buttonsresponse", "Yes")),
            (sticker, pair("sticker", "")),
            (product, pair("other", "")),
        ] {
            assert_eq!(new(content), expected);
        }
        let keys = wa::Message {
            sender_key_distribution_message: MessageField::some(Default::default()),
            ..Default::default()
        };
        assert_eq!(of(keys), None);
    }

    #[test]
    fn changes_of_others() {
        let key = || MessageField::some(wa::MessageKey { id: Some("TARGET".into()), ..Default::default() });
        let protocol = |kind, edited| wa::Message {
            protocol_message: MessageField::some(m::ProtocolMessage {
                key: key(),
                r#type: Some(kind),
                edited_message: edited,
                ..Default::default()
            }),
            ..Default::default()
        };
        let text = wa::Message { conversation: Some("better".into()), ..Default::default() };
        let by = Author { sender: "bob".into(), from_me: false, admin: false };
        let edit = protocol(m::protocol_message::Type::MESSAGE_EDIT, MessageField::some(text));
        let edited = MessageChange::Edited {
            chat: "chat".into(),
            id: "TARGET".into(),
            by: by.clone(),
            text: "better".into(),
            at_ms: 7,
        };
        assert_eq!(of(edit.clone()), Some(edited.clone()));
        let enveloped = m::FutureProofMessage { message: MessageField::some(edit) };
        let enveloped = wa::Message { edited_message: MessageField::some(enveloped), ..Default::default() };
        assert_eq!(of(enveloped), Some(edited));
        let revoke = protocol(m::protocol_message::Type::REVOKE, MessageField::none());
        assert_eq!(of(revoke), Some(MessageChange::Revoked { chat: "chat".into(), id: "TARGET".into(), by, at_ms: 7 }));
        let timer = protocol(m::protocol_message::Type::EPHEMERAL_SETTING, MessageField::none());
        assert_eq!(of(timer), None);
        let reaction = m::ReactionMessage { key: key(), text: Some("👍".into()), ..Default::default() };
        let reaction = wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() };
        assert_eq!(
            of(reaction),
            Some(MessageChange::Reacted {
                chat: "chat".into(),
                id: "TARGET".into(),
                sender: "bob".into(),
                emoji: "👍".into(),
                at_ms: 7
            })
        );
    }

    #[test]
    fn anything_may_be_in_it() {
        for content in [json!(null), json!("x"), json!([]), json!({"protocolMessage": {"key": 1}})] {
            assert_eq!(project(&content).filter(|_| !content.is_object()), None);
        }
    }
}

//! What messages say: WhatsApp's protobuf on one side, what a person sees on the other.

use buffa::{Message as _, MessageField};
use wacore::proto_helpers::MessageExt as _;
use wago_contract::phone::Kind;
use waproto::whatsapp as wa;

use super::files::{self, Described};

mod said;
mod shown;

pub use said::{Said, said, vote};
pub use shown::chosen;

/// What an opened message means to its reader.
pub enum Content {
    Text {
        text: String,
        quoted: Option<Quote>,
        mentions: Vec<String>,
    },
    File {
        described: Box<Described>,
        quoted: Option<Quote>,
        mentions: Vec<String>,
    },
    /// What a person sees, as text.
    Shown {
        kind: Kind,
        text: String,
        quoted: Option<Quote>,
    },
    /// Sealed with the poll's secret.
    Vote {
        target: String,
        payload: Vec<u8>,
        iv: Vec<u8>,
    },
    Reaction {
        target: String,
        emoji: String,
    },
    Edit {
        target: String,
        text: String,
    },
    Revoke {
        target: String,
    },
    /// A device of the same account asks for app-state keys.
    KeyRequest {
        ids: Vec<Vec<u8>>,
    },
    /// A device of the same account asks for older messages of a chat.
    HistoryRequest(Box<wa::message::peer_data_operation_request_message::HistorySyncOnDemandRequest>),
    /// Bookkeeping between devices that no person sees.
    Silent,
    Unsupported,
}

/// What a message refers to when it is a reply. Addresses are as the sender wrote them.
pub struct Quote {
    pub id: String,
    pub from: Option<String>,
    pub text: Option<String>,
}

/// Reads a message that was opened and unpadded.
pub fn read(message: &wa::Message) -> Content {
    let message = message.get_base_message();
    if let Some(reaction) = message.reaction_message.as_option() {
        return match reaction.key.as_option().and_then(|key| key.id.clone()) {
            Some(target) => Content::Reaction { target, emoji: reaction.text.clone().unwrap_or_default() },
            None => Content::Unsupported,
        };
    }
    if let Some(protocol) = message.protocol_message.as_option() {
        return read_protocol(protocol);
    }
    if let Some(text) = message.text_content() {
        let context = message.extended_text_message.as_option().and_then(|extended| extended.context_info.as_option());
        return Content::Text {
            text: text.to_owned(),
            quoted: context.and_then(read_quote),
            mentions: context.map(|context| context.mentioned_jid.clone()).unwrap_or_default(),
        };
    }
    if let Some(described) = files::describe(message) {
        let context = described.context.as_ref();
        return Content::File {
            quoted: context.and_then(read_quote),
            mentions: context.map(|context| context.mentioned_jid.clone()).unwrap_or_default(),
            described: Box::new(described),
        };
    }
    if let Some(shown) = shown::read(message) {
        return shown;
    }
    // It announces pictures, which come by themselves.
    if message.album_message.is_set() {
        return Content::Silent;
    }
    // A sender key alone, or the context that decorates others, says nothing to a person.
    let mut rest = message.clone();
    rest.sender_key_distribution_message = MessageField::none();
    rest.fast_ratchet_key_sender_key_distribution_message = MessageField::none();
    rest.message_context_info = MessageField::none();
    if rest.encode_to_vec().is_empty() { Content::Silent } else { Content::Unsupported }
}

fn read_protocol(protocol: &wa::message::ProtocolMessage) -> Content {
    use wa::message::protocol_message::Type;
    let target = protocol.key.as_option().and_then(|key| key.id.clone());
    match (protocol.r#type, target) {
        (Some(Type::REVOKE), Some(target)) => Content::Revoke { target },
        (Some(Type::MESSAGE_EDIT), Some(target)) => {
            let text = protocol.edited_message.as_option().and_then(words);
            match text {
                Some(text) => Content::Edit { target, text: text.to_owned() },
                None => Content::Unsupported,
            }
        }
        (Some(Type::APP_STATE_SYNC_KEY_REQUEST), _) => Content::KeyRequest {
            ids: protocol
                .app_state_sync_key_request
                .as_option()
                .map(|request| request.key_ids.iter().filter_map(|id| id.key_id.clone()).collect())
                .unwrap_or_default(),
        },
        (Some(Type::PEER_DATA_OPERATION_REQUEST_MESSAGE), _) => {
            let asked = protocol.peer_data_operation_request_message.as_option();
            let wish = asked.and_then(|asked| asked.history_sync_on_demand_request.as_option());
            wish.map_or(Content::Silent, |wish| Content::HistoryRequest(Box::new(wish.clone())))
        }
        _ => Content::Silent,
    }
}

fn read_quote(context: &wa::ContextInfo) -> Option<Quote> {
    Some(Quote {
        id: context.stanza_id.clone()?,
        from: context.participant.clone(),
        text: context.quoted_message.as_option().and_then(words).map(str::to_owned),
    })
}

/// A text, or what is written below a file.
fn words(message: &wa::Message) -> Option<&str> {
    let message = message.get_base_message();
    message.text_content().or_else(|| message.get_caption())
}

/// A message that is quoted by a new one.
pub struct Original<'a> {
    pub id: &'a str,
    /// JID of who wrote it.
    pub from: &'a str,
    /// Its protobuf.
    pub raw: &'a [u8],
}

/// A text, with what it answers and whom it names. A bare text stays the short form, as phones do it.
pub fn text(body: &str, original: Option<Original<'_>>, mentions: Vec<String>) -> wa::Message {
    let Some(context) = context(original, mentions) else {
        return wa::Message { conversation: Some(body.to_owned()), ..Default::default() };
    };
    wa::Message {
        extended_text_message: MessageField::some(wa::message::ExtendedTextMessage {
            text: Some(body.to_owned()),
            context_info: MessageField::some(context),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// What a message answers and whom it names, if it does.
pub fn context(original: Option<Original<'_>>, mentions: Vec<String>) -> Option<wa::ContextInfo> {
    if original.is_none() && mentions.is_empty() {
        return None;
    }
    let mut context = wa::ContextInfo { mentioned_jid: mentions, ..Default::default() };
    if let Some(original) = original {
        context.stanza_id = Some(original.id.to_owned());
        context.participant = Some(original.from.to_owned());
        if let Ok(quoted) = wa::Message::decode_from_slice(original.raw) {
            context.quoted_message = MessageField::from_box(quoted.prepare_for_quote());
        }
    }
    Some(context)
}

/// The message with other words: a text's own, or those below its file.
pub fn reworded(raw: &[u8], words: &str) -> wa::Message {
    let Ok(mut message) = wa::Message::decode_from_slice(raw).map(|message| message.into_base_message()) else {
        return text(words, None, Vec::new());
    };
    let caption = Some(words.to_owned());
    if let Some(image) = message.image_message.as_option_mut() {
        image.caption = caption;
    } else if let Some(video) = message.video_message.as_option_mut() {
        video.caption = caption;
    } else if let Some(document) = message.document_message.as_option_mut() {
        document.caption = caption;
    } else {
        return text(words, None, Vec::new());
    }
    message
}

/// An earlier message that another one is about.
pub struct Target<'a> {
    pub chat: &'a str,
    pub id: &'a str,
    pub from_me: bool,
    /// JID of who wrote it, where the chat does not say that.
    pub author: Option<String>,
}

fn key(target: Target<'_>) -> MessageField<wa::MessageKey> {
    MessageField::some(wa::MessageKey {
        remote_jid: Some(target.chat.to_owned()),
        from_me: Some(target.from_me),
        id: Some(target.id.to_owned()),
        participant: target.author,
    })
}

/// A reaction to a message; an empty emoji takes an earlier one back.
pub fn reaction(target: Target<'_>, emoji: &str, now_ms: u64) -> wa::Message {
    wa::Message {
        reaction_message: MessageField::some(wa::message::ReactionMessage {
            key: key(target),
            text: Some(emoji.to_owned()),
            sender_timestamp_ms: i64::try_from(now_ms).ok(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn protocol(message: wa::message::ProtocolMessage) -> wa::Message {
    wa::Message { protocol_message: MessageField::some(message), ..Default::default() }
}

/// The own message `id` as it is from now on.
pub fn edit(chat: &str, id: &str, reworded: wa::Message, now_ms: u64) -> wa::Message {
    let edited = protocol(wa::message::ProtocolMessage {
        key: key(Target { chat, id, from_me: true, author: None }),
        r#type: Some(wa::message::protocol_message::Type::MESSAGE_EDIT),
        edited_message: MessageField::some(reworded),
        timestamp_ms: i64::try_from(now_ms).ok(),
        ..Default::default()
    });
    wa::Message {
        edited_message: MessageField::some(wa::message::FutureProofMessage { message: MessageField::some(edited) }),
        ..Default::default()
    }
}

/// Takes a message away from everyone.
pub fn revoke(target: Target<'_>) -> wa::Message {
    protocol(wa::message::ProtocolMessage {
        key: key(target),
        r#type: Some(wa::message::protocol_message::Type::REVOKE),
        ..Default::default()
    })
}

/// Hands app-state keys to another device of the account.
pub fn key_share(keys: Vec<wa::message::AppStateSyncKey>) -> wa::Message {
    protocol(wa::message::ProtocolMessage {
        r#type: Some(wa::message::protocol_message::Type::APP_STATE_SYNC_KEY_SHARE),
        app_state_sync_key_share: MessageField::some(wa::message::AppStateSyncKeyShare { keys }),
        ..Default::default()
    })
}

/// How the account's other devices learn of a message that this one sent.
pub fn device_sent(destination: &str, message: wa::Message) -> wa::Message {
    wa::Message {
        device_sent_message: MessageField::some(wa::message::DeviceSentMessage {
            destination_jid: Some(destination.to_owned()),
            message: MessageField::some(message),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Opens the wrapper that a device of the same account puts around what it sent: destination and message.
pub fn opened_device_sent(message: &wa::Message) -> Option<(String, wa::Message)> {
    let sent = message.device_sent_message.as_option()?;
    Some((sent.destination_jid.clone()?, sent.message.as_option()?.clone()))
}

/// Opens the wrapper around a picture of an album.
pub fn opened_child(mut message: wa::Message) -> wa::Message {
    let child = message.associated_child_message.take().and_then(|wrapper| wrapper.message.into_option());
    child.unwrap_or(message)
}

/// Takes WhatsApp's padding off: the last byte says how many there are. `None` when it lies.
pub fn unpadded(plaintext: &[u8]) -> Option<&[u8]> {
    let pad = usize::from(*plaintext.last()?);
    if pad == 0 { None } else { plaintext.len().checked_sub(pad).map(|end| &plaintext[..end]) }
}

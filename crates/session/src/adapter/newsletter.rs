//! Newsletters (channels).

use serde_json::Value;
use wacore::types::events::{MexNotification, NewsletterLiveUpdate};
use wacore_binary::NodeRef;
use wago_contract::{event, newsletter::Post};
use waproto::{buffa::Message as _, whatsapp as wa};

use super::{message::time, names::Around, protobuf::to_json};
use crate::record::Record;

pub fn live(update: &NewsletterLiveUpdate, around: Around) -> Record {
    let messages = update.messages.iter().map(|message| event::NewsletterMessage {
        message_server_id: message.server_id,
        reaction_counts: message.reactions.iter().map(|reaction| (reaction.code.clone(), reaction.count)).collect(),
    });
    let told = event::NewsletterLiveUpdate {
        jid: update.newsletter_jid.to_string(),
        time: time(around.now),
        messages: messages.collect(),
    };
    Record::new("NewsletterLiveUpdate", &told).in_chat(around.chat(&update.newsletter_jid, None))
}

/// What the account did to newsletters elsewhere comes as the answer to a query that nobody asked.
pub fn notification(update: &MexNotification) -> Option<Record> {
    let data = update.payload.get("data").unwrap_or(&update.payload);
    let of = |name: &str| data.get(name).filter(|value| value.is_object());
    let field = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let part = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
    let (record, id) = if let Some(join) = of("xwa2_notify_newsletter_on_join") {
        let told = event::NewsletterJoin {
            id: field(join, "id"),
            state: part(join, "state"),
            thread_metadata: part(join, "thread_metadata"),
            viewer_metadata: part(join, "viewer_metadata"),
        };
        (Record::new("NewsletterJoin", &told), told.id)
    } else if let Some(leave) = of("xwa2_notify_newsletter_on_leave") {
        let told = event::NewsletterLeave { id: field(leave, "id"), role: field(leave, "role") };
        (Record::new("NewsletterLeave", &told), told.id)
    } else {
        let change = of("xwa2_notify_newsletter_on_mute_change")?;
        let told = event::NewsletterMuteChange { id: field(change, "id"), mute: field(change, "mute").to_lowercase() };
        (Record::new("NewsletterMuteChange", &told), told.id)
    };
    let record = record.in_chat(id);
    Some(match &update.stanza_id {
        Some(stanza) => record.once(format!("newsletter|{stanza}")),
        None => record,
    })
}

/// A newsletter as WhatsApp tells of it, with its words in small letters, as whatsmeow has them.
pub fn described(mut told: Value) -> Value {
    for path in ["/state/type", "/thread_metadata/verification", "/viewer_metadata/role", "/viewer_metadata/mute"] {
        if let Some(word) = told.pointer_mut(path)
            && let Some(text) = word.as_str()
        {
            *word = Value::from(text.to_lowercase());
        }
    }
    told
}

/// A post in a newsletter's history.
pub fn post(node: &NodeRef<'_>) -> Option<Post> {
    let mut attrs = node.attrs();
    let word = |name: &str| node.attrs().optional_string(name).map(|word| word.into_owned()).unwrap_or_default();
    let server_id = attrs.optional_u64("server_id")?;
    let timestamp = attrs.optional_u64("t").and_then(|at| i64::try_from(at).ok());
    let timestamp = timestamp.and_then(|at| chrono::DateTime::from_timestamp(at, 0)).map(time).unwrap_or_default();
    let content = node.get_optional_child("plaintext").and_then(|plaintext| plaintext.content_bytes());
    let content = content.and_then(|bytes| wa::Message::decode_from_slice(bytes).ok());
    let reactions = node.get_optional_child("reactions");
    let count = |reaction: &NodeRef<'_>| {
        let code = reaction.attrs().optional_string("code")?.into_owned();
        Some((code, reaction.attrs().optional_u64("count").unwrap_or(0)))
    };
    Some(Post {
        server_id,
        id: word("id"),
        kind: word("type"),
        timestamp,
        is_from_me: word("is_sender") == "true",
        views_count: node
            .get_optional_child("views_count")
            .and_then(|views| views.attrs().optional_u64("count"))
            .unwrap_or(0),
        reaction_counts: reactions
            .map(|reactions| reactions.get_children_by_tag("reaction").filter_map(count).collect())
            .unwrap_or_default(),
        message: content.map(|content| to_json(&content)).unwrap_or_default(),
    })
}

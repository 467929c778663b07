//! Newsletters (channels).

use serde_json::Value;
use wacore::types::events::{MexNotification, NewsletterLiveUpdate};
use wago_contract::event;

use super::{message::time, names::Around};
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

//! What follows from an event for the account's chats, labels and contacts, as they are listed.

use wacore::{
    stanza::groups::GroupNotificationAction,
    types::{
        events::{Event, GroupUpdate},
        message::MessageInfo,
    },
};
use wacore_binary::{Jid, JidExt as _};
use wago_store::{ChatChange, Facet, MessageChange};

use super::names::Around;

/// How WhatsApp writes that a chat is muted for good.
const ALWAYS: i64 = -1;

/// Of a message in `chat` by `sender`, which are the names that are kept of them.
pub fn of_message(info: &MessageInfo, chat: &str, sender: &str, stored: Option<&MessageChange>) -> Vec<ChatChange> {
    let mut changes = Vec::new();
    let from = &info.source;
    if let Some(MessageChange::New(new)) = stored
        && !from.chat.is_status_broadcast()
    {
        let (chat, unread) = (chat.to_owned(), !from.is_from_me);
        changes.push(ChatChange::Message { chat, at_ms: new.sent_at_ms, unread });
    }
    let named = !from.is_from_me && !from.chat.is_newsletter() && !info.push_name.is_empty();
    if named {
        changes.push(ChatChange::PushName { jid: sender.to_owned(), name: info.push_name.clone() });
    }
    changes
}

/// Of what an own device set.
pub fn of_app_state(event: &Event, around: Around) -> Vec<ChatChange> {
    let key = |jid: &Jid| around.chat(jid, None);
    let set = |jid: &Jid, facet, at: chrono::DateTime<chrono::Utc>| {
        vec![ChatChange::Set { chat: key(jid), facet, at_ms: at.timestamp_millis() }]
    };
    match event {
        Event::PinUpdate(one) => set(&one.jid, Facet::Pinned(one.action.pinned.unwrap_or_default()), one.timestamp),
        Event::ArchiveUpdate(one) => {
            set(&one.jid, Facet::Archived(one.action.archived.unwrap_or_default()), one.timestamp)
        }
        Event::MarkChatAsReadUpdate(one) => {
            set(&one.jid, Facet::MarkedUnread(!one.action.read.unwrap_or(true)), one.timestamp)
        }
        Event::MuteUpdate(one) => {
            let muted = one.action.muted.unwrap_or_default();
            let until = if muted { one.action.mute_end_timestamp.unwrap_or(ALWAYS) } else { 0 };
            set(&one.jid, Facet::MutedUntil(until.max(ALWAYS)), one.timestamp)
        }
        Event::DeleteChatUpdate(one) => {
            vec![ChatChange::Deleted { chat: key(&one.jid), at_ms: one.timestamp.timestamp_millis() }]
        }
        Event::LabelEditUpdate(one) if one.action.deleted.unwrap_or_default() => {
            vec![ChatChange::LabelDeleted { id: one.label_id.clone() }]
        }
        Event::LabelEditUpdate(one) => vec![ChatChange::Label {
            id: one.label_id.clone(),
            name: one.action.name.clone().unwrap_or_default(),
            color: one.action.color.unwrap_or_default().into(),
            predefined_id: one.action.predefined_id.map(Into::into),
        }],
        Event::LabelAssociationUpdate(one) => vec![ChatChange::Labelled {
            label: one.label_id.clone(),
            chat: key(&one.chat_jid),
            message: None,
            on: one.action.labeled.unwrap_or_default(),
        }],
        Event::ContactUpdate(one) => vec![ChatChange::Contact {
            jid: key(&one.jid),
            full_name: one.action.full_name.clone().unwrap_or_default(),
            first_name: one.action.first_name.clone().unwrap_or_default(),
        }],
        _ => Vec::new(),
    }
}

/// Of what an own device did to messages.
pub fn messages_of_app_state(event: &Event, around: Around) -> Option<MessageChange> {
    let key = |jid: &Jid| around.chat(jid, None);
    match event {
        Event::StarUpdate(one) => Some(MessageChange::Starred {
            chat: key(&one.chat_jid),
            id: one.message_id.clone(),
            on: one.action.starred.unwrap_or_default(),
        }),
        Event::DeleteMessageForMeUpdate(one) => {
            Some(MessageChange::Removed { chat: key(&one.chat_jid), id: one.message_id.clone() })
        }
        Event::ClearChatUpdate(one) => Some(MessageChange::Cleared {
            chat: key(&one.jid),
            at_ms: one.timestamp.timestamp_millis(),
            starred_too: one.delete_starred,
        }),
        Event::DeleteChatUpdate(one) => Some(MessageChange::Cleared {
            chat: key(&one.jid),
            at_ms: one.timestamp.timestamp_millis(),
            starred_too: true,
        }),
        _ => None,
    }
}

/// A group's name.
pub fn of_group(update: &GroupUpdate, created: Option<&str>) -> Vec<ChatChange> {
    let name = match &update.action {
        GroupNotificationAction::Subject { subject, .. } => Some(subject.as_str()),
        _ => created,
    };
    let named = name.map(|name| ChatChange::Named { chat: update.group_jid.to_string(), name: name.to_owned() });
    named.into_iter().collect()
}

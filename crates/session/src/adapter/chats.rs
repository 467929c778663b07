//! What follows from an event for the account's chats, labels and contacts, as they are listed.

use wacore::{
    stanza::groups::GroupNotificationAction,
    types::{
        events::{Event, GroupUpdate},
        message::MessageInfo,
    },
};
use wacore_binary::{Jid, JidExt as _};
use wago_store::{ChatChange, Facet, MessageChange, Until};
use waproto::whatsapp::sync_action_value::{SyncActionMessage, SyncActionMessageRange};

use super::names::Around;

/// Messages of one second that an action names.
const NAMED_MAX: usize = 100;
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
    let set = |jid: &Jid, facet, at: chrono::DateTime<chrono::Utc>, whole| {
        vec![ChatChange::Set { chat: key(jid), facet, at_ms: at.timestamp_millis(), whole }]
    };
    match event {
        Event::PinUpdate(one) => {
            set(&one.jid, Facet::Pinned(one.action.pinned.unwrap_or_default()), one.timestamp, one.from_full_sync)
        }
        Event::ArchiveUpdate(one) => {
            set(&one.jid, Facet::Archived(one.action.archived.unwrap_or_default()), one.timestamp, one.from_full_sync)
        }
        Event::MarkChatAsReadUpdate(one) => {
            let read = one.action.read.unwrap_or(true);
            let mut changes = set(&one.jid, Facet::MarkedUnread(!read), one.timestamp, one.from_full_sync);
            if read {
                let until = until(one.action.message_range.as_option(), one.timestamp);
                changes.push(ChatChange::ReadUntil { chat: key(&one.jid), until });
            }
            changes
        }
        Event::ClearChatUpdate(one) => {
            let until = until(one.action.message_range.as_option(), one.timestamp);
            vec![ChatChange::ReadUntil { chat: key(&one.jid), until }]
        }
        Event::MuteUpdate(one) => {
            let muted = one.action.muted.unwrap_or_default();
            let until = if muted { one.action.mute_end_timestamp.unwrap_or(ALWAYS) } else { 0 };
            set(&one.jid, Facet::MutedUntil(until.max(ALWAYS)), one.timestamp, one.from_full_sync)
        }
        Event::DeleteChatUpdate(one) => {
            let at_ms = one.timestamp.timestamp_millis();
            // Whoever knew no messages deleted a chat that had been cleared.
            let until = match one.action.message_range.as_option() {
                None => Until { at_ms, last: Vec::new() },
                range => until(range, one.timestamp),
            };
            vec![ChatChange::Deleted { chat: key(&one.jid), at_ms, until }]
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
            until: until(one.action.message_range.as_option(), one.timestamp),
            starred_too: one.delete_starred,
        }),
        Event::DeleteChatUpdate(one) => Some(MessageChange::Cleared {
            chat: key(&one.jid),
            until: until(one.action.message_range.as_option(), one.timestamp),
            starred_too: true,
        }),
        _ => None,
    }
}

/// Which messages an action is about: all that its device knew. One that says nothing of that knew none, so that those of the
/// second in which it was done came after it.
fn until(range: Option<&SyncActionMessageRange>, done: chrono::DateTime<chrono::Utc>) -> Until {
    let Some(newest) = range.and_then(|range| range.last_message_timestamp).filter(|newest| *newest > 0) else {
        return Until { at_ms: done.timestamp().saturating_mul(1_000) - 1, last: Vec::new() };
    };
    let second = newest.saturating_mul(1_000);
    let of_second = |named: &&SyncActionMessage| named.timestamp.is_none_or(|at| at >= newest);
    let named = range.map(|range| range.messages.as_slice()).unwrap_or_default();
    let ids = named.iter().filter(of_second).filter_map(|named| named.key.id.clone());
    let last: Vec<String> = ids.take(NAMED_MAX).collect();
    Until { at_ms: if last.is_empty() { second.saturating_add(999) } else { second }, last }
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

//! Which messages of a chat something that was set is about: all that the device knew which set it.

use buffa::MessageField;
use wago_contract::phone::Message;
use waproto::whatsapp::{
    self as wa,
    sync_action_value::{SyncActionMessage, SyncActionMessageRange},
};

use super::super::{Handset, chat::Chat, outbound};
use crate::state::State;

/// Messages up to some second (unix). If any of that second are named, those alone are meant of it.
pub(crate) struct Until {
    second: u64,
    named: Vec<String>,
}

impl Until {
    pub fn means(&self, message: &Message) -> bool {
        message.timestamp < self.second
            || message.timestamp == self.second && (self.named.is_empty() || self.named.contains(&message.id))
    }

    /// Without a range: until before the second in which it was `done`.
    pub(super) fn of(range: Option<&SyncActionMessageRange>, done: u64) -> Self {
        let newest = range.and_then(|range| range.last_message_timestamp).and_then(|newest| u64::try_from(newest).ok());
        let Some(second) = newest.filter(|newest| *newest > 0) else {
            return Self { second: done.saturating_sub(1), named: Vec::new() };
        };
        let named = range.map(|range| range.messages.as_slice()).unwrap_or_default();
        let of_second = |named: &&SyncActionMessage| {
            named.timestamp.is_none_or(|at| u64::try_from(at).is_ok_and(|at| at >= second))
        };
        Self { second, named: named.iter().filter(of_second).filter_map(|named| named.key.id.clone()).collect() }
    }
}

/// All that the phone has of a chat.
pub(super) fn of_chat(phone: &Handset, state: &State, name: &str) -> MessageField<SyncActionMessageRange> {
    let Some((second, newest)) = phone.messages.newest(name) else { return MessageField::none() };
    let at = i64::try_from(second).ok();
    let chat = name.parse().ok().and_then(|jid| Chat::of(state, &jid)).filter(|chat| chat.is_of_many());
    let named = |message: &&Message| {
        let author = chat.filter(|_| !message.from_me).map(|chat| outbound::author_in(state, chat, &message.from));
        let key = wa::MessageKey {
            remote_jid: Some(name.to_owned()),
            from_me: Some(message.from_me),
            id: Some(message.id.clone()),
            participant: author,
        };
        SyncActionMessage { key: MessageField::some(key), timestamp: at }
    };
    let messages = newest.iter().map(named).collect();
    MessageField::some(SyncActionMessageRange { last_message_timestamp: at, messages, ..Default::default() })
}

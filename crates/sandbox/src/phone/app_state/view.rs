//! What the phone's person sees of chats and labels.

use std::collections::{BTreeMap, BTreeSet};

use wacore_binary::Jid;
use wago_contract::phone::chat as shape;
use waproto::whatsapp as wa;

use super::{
    super::{Handset, chat::Chat},
    read_all,
};
use crate::state::State;

/// What an action's value says of its chat.
type Show = fn(&mut shape::Chat, &wa::SyncActionValue);

/// All chats in which there are messages, or of which something was set since they were deleted.
pub(crate) fn chats(phone: &mut Handset, state: &mut State) -> Vec<shape::Chat> {
    read_all(phone, state);
    let named = |about: &str| about.parse::<Jid>().ok().and_then(|jid| Chat::of(state, &jid)).map(Chat::name);
    let mut chats: BTreeMap<String, shape::Chat> = BTreeMap::new();
    for (chat, unread) in phone.messages.chats() {
        chats.insert(chat.to_owned(), shape::Chat { chat: chat.to_owned(), unread, ..Default::default() });
    }
    let at = |value: &wa::SyncActionValue| value.timestamp.unwrap_or_default();
    let mut deleted: BTreeMap<String, i64> = BTreeMap::new();
    for (about, value) in phone.app_state.set("deleteChat") {
        if let Some(chat) = named(&about[0]) {
            let newest = deleted.entry(chat).or_default();
            *newest = at(value).max(*newest);
        }
    }
    let facets: [(&'static str, Show); 4] = [
        ("pin_v1", |chat, value| chat.pinned = value.pin_action.pinned.unwrap_or_default()),
        ("archive", |chat, value| chat.archived = value.archive_chat_action.archived.unwrap_or_default()),
        ("markChatAsRead", |chat, value| {
            chat.marked_unread = !value.mark_chat_as_read_action.read.unwrap_or(true);
        }),
        ("mute", |chat, value| {
            let muted = value.mute_action.muted.unwrap_or_default();
            chat.muted_until = value.mute_action.mute_end_timestamp.filter(|_| muted);
        }),
    ];
    for (action, set) in facets {
        // A chat may go by its number and by its LID: the newer word counts.
        let mut newest: BTreeMap<String, &wa::SyncActionValue> = BTreeMap::new();
        for (about, value) in phone.app_state.set(action) {
            let Some(chat) = named(&about[0]).filter(|chat| deleted.get(chat).is_none_or(|gone| at(value) > *gone))
            else {
                continue;
            };
            newest
                .entry(chat)
                .and_modify(|known| *known = if at(value) >= at(known) { value } else { known })
                .or_insert(value);
        }
        for (chat, value) in newest {
            set(chats.entry(chat.clone()).or_insert_with(|| shape::Chat { chat, ..Default::default() }), value);
        }
    }
    for (label, chat, _) in labelled(phone, state, "label_jid") {
        // A label alone makes no chat.
        if let Some(labelled) = chats.get_mut(&chat) {
            labelled.labels.push(label);
        }
    }
    chats.into_values().collect()
}

/// All labels that were not deleted.
pub(crate) fn labels(phone: &mut Handset, state: &mut State) -> Vec<shape::Label> {
    read_all(phone, state);
    let mut labels: BTreeMap<String, shape::Label> = BTreeMap::new();
    for (about, value) in phone.app_state.set("label_edit") {
        let edit = &value.label_edit_action;
        if edit.deleted.unwrap_or_default() {
            continue;
        }
        let name = edit.name.clone().unwrap_or_default();
        let label =
            shape::Label { id: about[0].clone(), name, color: edit.color.unwrap_or_default(), ..Default::default() };
        labels.insert(about[0].clone(), label);
    }
    for (id, chat, _) in labelled(phone, state, "label_jid") {
        if let Some(label) = labels.get_mut(&id) {
            label.chats.push(chat);
        }
    }
    for (id, _, message) in labelled(phone, state, "label_message") {
        if let (Some(label), Some(message)) = (labels.get_mut(&id), message) {
            label.messages.push(message);
        }
    }
    labels.into_values().collect()
}

/// Label, chat, and the message if it is one's; of labels that there are.
fn labelled(phone: &Handset, state: &State, action: &'static str) -> BTreeSet<(String, String, Option<String>)> {
    let gone: BTreeSet<&String> = phone
        .app_state
        .set("label_edit")
        .filter(|(_, value)| value.label_edit_action.deleted.unwrap_or_default())
        .map(|(about, _)| &about[0])
        .collect();
    phone
        .app_state
        .set(action)
        .filter(|(about, value)| {
            value.label_association_action.labeled.unwrap_or_default() && !gone.contains(&about[0])
        })
        .filter_map(|(about, _)| {
            let chat = Chat::of(state, &about.get(1)?.parse().ok()?)?.name();
            Some((about[0].clone(), chat, about.get(2).cloned()))
        })
        .collect()
}

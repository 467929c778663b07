//! What follows at the phone from what was set on any of the account's devices.

use buffa::MessageField;
use wacore_binary::Jid;
use waproto::whatsapp::{self as wa, sync_action_value::SyncActionMessageRange};

use super::{
    super::{Handset, chat::Chat, person},
    Until,
};
use crate::state::{State, Update};

pub(super) fn of(phone: &mut Handset, state: &mut State, about: &[String], value: &wa::SyncActionValue) {
    let Some((action, about)) = about.split_first() else { return };
    let at = |place: usize| about.get(place).map(String::as_str).unwrap_or_default();
    let chat = at(0).parse::<Jid>().ok().and_then(|jid| Chat::of(state, &jid)).map(Chat::name).unwrap_or_default();
    // Messages go by seconds. Those of the second in which it was done came after it, if it names none.
    let until = value.timestamp.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default() / 1_000;
    let until = until.saturating_sub(1);
    let until = |range: &MessageField<SyncActionMessageRange>| Until::of(range.as_option(), until);
    match action.as_str() {
        "setting_pushName" => {
            let name = value.push_name_setting.name.clone().unwrap_or_default();
            if !name.is_empty() && state.accounts.get(&phone.number).is_some_and(|account| account.name != name) {
                state.change_account(phone.number, |account| account.name = name);
                state.changed(Update::Phone { number: phone.number.to_string() });
            }
        }
        "contact" => {
            if let Some(who) = at(0).parse().ok().and_then(|jid| person::number(state, &jid)) {
                let name = value.contact_action.full_name.as_deref().unwrap_or_default();
                person::keep_contact(state, phone.number, who, name);
            }
        }
        "star" => {
            if let Some(cursor) = message(phone, at(1), at(2) == "1") {
                phone.messages.star(cursor, value.star_action.starred.unwrap_or_default());
            }
        }
        "deleteMessageForMe" => {
            if let Some(cursor) = message(phone, at(1), at(2) == "1") {
                phone.messages.remove(cursor);
            }
        }
        "clearChat" => {
            phone.messages.clear(&chat, &until(&value.clear_chat_action.message_range), at(1) == "1");
        }
        "deleteChat" => {
            phone.messages.clear(&chat, &until(&value.delete_chat_action.message_range), true);
        }
        "markChatAsRead" if value.mark_chat_as_read_action.read.unwrap_or_default() => {
            let until = until(&value.mark_chat_as_read_action.message_range);
            let unread = phone.messages.unread(&[], Some(&chat)).into_iter().map(|entry| &entry.message);
            let read: Vec<u64> = unread.filter(|one| until.means(one)).map(|one| one.cursor).collect();
            for cursor in read {
                phone.messages.mark_read(cursor);
            }
        }
        _ => {}
    }
}

/// What was set before is taken back.
pub(super) fn undone(phone: &Handset, state: &mut State, about: &[String]) {
    let [action, who, ..] = about else { return };
    if action == "contact"
        && let Some(who) = who.parse().ok().and_then(|jid| person::number(state, &jid))
    {
        person::keep_contact(state, phone.number, who, "");
    }
}

fn message(phone: &Handset, id: &str, from_me: bool) -> Option<u64> {
    let found = if from_me { phone.messages.own(id) } else { phone.messages.by_id(id) };
    found.map(|entry| entry.message.cursor)
}

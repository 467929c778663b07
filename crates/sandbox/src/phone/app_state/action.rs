//! What a phone's person sets.

use buffa::MessageField;
use wacore_appstate::schemas;
use wago_contract::phone::chat as shape;
use waproto::whatsapp::{
    self as wa,
    sync_action_value::{
        ArchiveChatAction, ClearChatAction, ContactAction, DeleteChatAction, DeleteMessageForMeAction,
        LabelAssociationAction, LabelEditAction, MarkChatAsReadAction, MuteAction, PinAction, PushNameSetting,
        StarAction,
    },
};

use super::{
    super::{Handset, chat::Chat, check_name, outbound, outbound::person},
    Change, FIRST, LABEL_MESSAGE, range, write, write_all,
};
use crate::{Error, Result, account::Number, stanza::app_state::is_empty, state::State};

const ALWAYS: i64 = -1;
/// Contacts in one patch.
const PATCH_MAX: usize = 500;

/// What the account is called.
pub(crate) fn rename(phone: &mut Handset, state: &mut State, name: &str) -> Result<()> {
    check_name(name)?;
    if name.trim().is_empty() {
        return Err(Error::Invalid { field: "name", expected: "must not be empty" });
    }
    let setting = PushNameSetting { name: Some(name.trim().to_owned()) };
    let value = wa::SyncActionValue { push_name_setting: MessageField::some(setting), ..Default::default() };
    write(phone, state, &schemas::SETTING_PUSH_NAME, &[], value)
}

/// Somebody is in the address book by that name, or no longer. Nothing is written before a device is linked.
pub(crate) fn contact(phone: &mut Handset, state: &mut State, who: Number) -> Result<()> {
    if is_empty(state, phone.number, FIRST) {
        return Ok(());
    }
    let name = state.accounts.get(&phone.number).and_then(|account| account.contacts.get(&who).cloned());
    let jid = person(who);
    let change = Change { about: vec![jid.as_str()], value: name.map(saved) };
    write_all(phone, state, &schemas::CONTACT, &[change])
}

/// All of the address book, for the first device.
pub(super) fn contacts(phone: &mut Handset, state: &mut State) -> Result<()> {
    let Some(account) = state.accounts.get(&phone.number) else { return Ok(()) };
    let contacts: Vec<(String, String)> =
        account.contacts.iter().map(|(who, name)| (person(*who), name.clone())).collect();
    for some in contacts.chunks(PATCH_MAX) {
        let changes: Vec<Change> = some
            .iter()
            .map(|(jid, name)| Change { about: vec![jid.as_str()], value: Some(saved(name.clone())) })
            .collect();
        write_all(phone, state, &schemas::CONTACT, &changes)?;
    }
    Ok(())
}

fn saved(name: String) -> wa::SyncActionValue {
    let first = name.split_whitespace().next().unwrap_or_default().to_owned();
    let contact = ContactAction {
        full_name: Some(name),
        first_name: Some(first),
        save_on_primary_addressbook: Some(true),
        ..Default::default()
    };
    wa::SyncActionValue { contact_action: MessageField::some(contact), ..Default::default() }
}

/// A label is made, changed, or deleted.
pub(crate) fn label(phone: &mut Handset, state: &mut State, edit: &shape::EditLabel) -> Result<()> {
    let id = edit
        .id
        .as_deref()
        .filter(|id| !id.is_empty() && id.len() <= 20 && id.bytes().all(|byte| byte.is_ascii_digit()));
    let id = id.ok_or(Error::Invalid { field: "id", expected: "must be a number" })?;
    let deleted = edit.deleted.unwrap_or_default();
    let name = edit.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    if name.is_none() && !deleted {
        return Err(Error::Invalid { field: "name", expected: "is missing" });
    }
    let edited = LabelEditAction {
        name: name.map(str::to_owned),
        color: edit.color,
        deleted: Some(deleted),
        ..Default::default()
    };
    let value = wa::SyncActionValue { label_edit_action: MessageField::some(edited), ..Default::default() };
    write(phone, state, &schemas::LABEL_EDIT, &[id], value)
}

/// What happens to a chat, or to a message in it.
pub(crate) fn chat(phone: &mut Handset, state: &mut State, action: &str, wish: &shape::ChatAction) -> Result<()> {
    let chat = Chat::find(state, "chat", wish.chat.as_deref())?.name();
    let on = wish.on.unwrap_or(true);
    let mut value = wa::SyncActionValue::default();
    match action {
        "pin" => {
            value.pin_action = MessageField::some(PinAction { pinned: Some(on) });
            write(phone, state, &schemas::PIN, &[&chat], value)
        }
        "mute" => {
            let until = if on { wish.until.unwrap_or(ALWAYS) } else { 0 };
            let mute = MuteAction { muted: Some(on), mute_end_timestamp: Some(until), ..Default::default() };
            value.mute_action = MessageField::some(mute);
            write(phone, state, &schemas::MUTE, &[&chat], value)
        }
        "archive" => {
            let archive = ArchiveChatAction { archived: Some(on), message_range: range::of_chat(phone, state, &chat) };
            value.archive_chat_action = MessageField::some(archive);
            write(phone, state, &schemas::ARCHIVE, &[&chat], value)
        }
        "unread" => {
            let mark = MarkChatAsReadAction { read: Some(!on), message_range: range::of_chat(phone, state, &chat) };
            value.mark_chat_as_read_action = MessageField::some(mark);
            write(phone, state, &schemas::MARK_CHAT_AS_READ, &[&chat], value)
        }
        "clear" => {
            value.clear_chat_action =
                MessageField::some(ClearChatAction { message_range: range::of_chat(phone, state, &chat) });
            let starred = if wish.starred.unwrap_or_default() { "1" } else { "0" };
            write(phone, state, &schemas::CLEAR_CHAT, &[&chat, starred, "1"], value)
        }
        "delete" => {
            value.delete_chat_action =
                MessageField::some(DeleteChatAction { message_range: range::of_chat(phone, state, &chat) });
            write(phone, state, &schemas::DELETE_CHAT, &[&chat, "1"], value)
        }
        "star" => {
            let about = message(phone, state, &chat, wish)?;
            value.star_action = MessageField::some(StarAction { starred: Some(on) });
            write(phone, state, &schemas::STAR, &about.each_ref().map(String::as_str), value)
        }
        "delete-message" => {
            let about = message(phone, state, &chat, wish)?;
            let delete = DeleteMessageForMeAction { delete_media: Some(true), ..Default::default() };
            value.delete_message_for_me_action = MessageField::some(delete);
            write(phone, state, &schemas::DELETE_MESSAGE_FOR_ME, &about.each_ref().map(String::as_str), value)
        }
        "label" => {
            let label = wish.label.as_deref().ok_or(Error::Invalid { field: "label", expected: "is missing" })?;
            let labelled = LabelAssociationAction { labeled: Some(on), ..Default::default() };
            value.label_association_action = MessageField::some(labelled);
            match wish.message {
                Some(_) => {
                    let [chat, id, ..] = message(phone, state, &chat, wish)?;
                    write(phone, state, &LABEL_MESSAGE, &[label, &chat, &id, "0", "0"], value)
                }
                None => write(phone, state, &schemas::LABEL_JID, &[label, &chat], value),
            }
        }
        _ => Err(Error::Invalid {
            field: "action",
            expected: "must be pin, mute, archive, unread, clear, delete, star, delete-message or label",
        }),
    }
}

/// As an index names a message: its chat, its id, whether it is an own one, and who else wrote it in a group.
fn message(phone: &Handset, state: &State, chat: &str, wish: &shape::ChatAction) -> Result<[String; 4]> {
    let id = wish.message.as_deref().ok_or(Error::Invalid { field: "message", expected: "is missing" })?;
    let entry = phone.messages.by_id(id).filter(|entry| entry.message.chat == chat).ok_or(Error::UnknownMessage)?;
    let of_many = chat.parse().ok().and_then(|jid| Chat::of(state, &jid)).filter(|chat| chat.is_of_many());
    let own = entry.message.from_me;
    let author = of_many.filter(|_| !own).map(|chat| outbound::author_in(state, chat, &entry.message.from));
    Ok([chat.to_owned(), id.to_owned(), u8::from(own).to_string(), author.unwrap_or_else(|| "0".to_owned())])
}

//! What the account's other devices changed in its own view of chats.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use wacore::{
    appstate::decode::Mutation,
    types::events::{self, Event},
};
use wacore_binary::Jid;
use wago_contract::event;
use wago_store::ChatChange;
use waproto::whatsapp::syncd_mutation::SyncdOperation;

use super::{
    chats,
    message::{text, time},
    names::Around,
    protobuf::to_json,
};
use crate::record::Record;

const TOPIC: &str = "AppState";

pub fn change(event: &Event, around: Around) -> Option<Record> {
    Some(match event {
        Event::ContactUpdate(update) => chat("Contact", update, around),
        Event::PinUpdate(update) => chat("Pin", update, around),
        Event::MuteUpdate(update) => chat("Mute", update, around),
        Event::ArchiveUpdate(update) => chat("Archive", update, around),
        Event::MarkChatAsReadUpdate(update) => chat("MarkChatAsRead", update, around),
        Event::StarUpdate(update) => message("Star", update, around),
        Event::DeleteMessageForMeUpdate(update) => message("DeleteForMe", update, around),
        Event::ClearChatUpdate(update) => {
            let event::ChatAction { jid, jid_alt, timestamp, action, from_full_sync } = update.told(around);
            let (delete_starred, delete_media) = (update.delete_starred, update.delete_media);
            let told =
                event::ClearChat { jid, jid_alt, timestamp, delete_starred, delete_media, action, from_full_sync };
            record("ClearChat", &told, update, around)
        }
        Event::DeleteChatUpdate(update) => {
            let event::ChatAction { jid, jid_alt, timestamp, action, from_full_sync } = update.told(around);
            let delete_media = update.delete_media;
            let told = event::DeleteChat { jid, jid_alt, timestamp, delete_media, action, from_full_sync };
            record("DeleteChat", &told, update, around)
        }
        Event::UserStatusMuteUpdate(update) => {
            let event::ChatAction { jid, jid_alt, timestamp, action, from_full_sync } = update.told(around);
            let told = event::UserStatusMute { jid, jid_alt, timestamp, muted: update.muted, action, from_full_sync };
            record("UserStatusMute", &told, update, around)
        }
        Event::LabelAssociationUpdate(update) => {
            let event::ChatAction { jid, jid_alt, timestamp, action, from_full_sync } = update.told(around);
            let label_id = update.label_id.clone();
            let told = event::LabelAssociationChat { jid, jid_alt, timestamp, label_id, action, from_full_sync };
            record("LabelAssociationChat", &told, update, around)
        }
        Event::LabelEditUpdate(update) => {
            let told = event::LabelEdit {
                timestamp: time(update.timestamp),
                label_id: update.label_id.clone(),
                action: to_json(&update.action),
                from_full_sync: update.from_full_sync,
            };
            let record = Record::new("LabelEdit", &told).topic(TOPIC);
            once(record, "LabelEdit", &told.label_id, update.timestamp, update.from_full_sync)
        }
        Event::AppStateSyncFailed(failed) => Record::new(
            "AppStateSyncError",
            &event::AppStateSyncError { fatal: failed.fatal.clone(), retryable: failed.retryable.clone() },
        ),
        _ => return None,
    })
}

/// What a mutation changed. `whole`: the collection is read from its beginning. `None` for what nobody here is told of.
pub fn mutation(mutation: &Mutation, whole: bool, around: Around) -> Option<Record> {
    if let Some(event) = engines(mutation, whole, around) {
        let record = change(&event, around)?;
        let messages = chats::messages_of_app_state(&event, around);
        return Some(record.stored(messages).with_chats(chats::of_app_state(&event, around)));
    }
    let about: Vec<&str> = mutation.index.iter().map(String::as_str).collect();
    let value = mutation.action_value.as_ref();
    let at = at(mutation, around);
    match (mutation.operation, about.as_slice()) {
        (SyncdOperation::Set, ["setting_pushName", ..]) => {
            let name = value?.push_name_setting.name.clone().filter(|name| !name.is_empty())?;
            let told = event::PushNameSetting {
                timestamp: time(at),
                // The engine may be ahead of this, or have set it.
                old_name: Some(around.names.own_name()).filter(|old| *old != name).unwrap_or_default(),
                action: json!({ "name": name }),
                from_full_sync: whole,
            };
            let record = Record::new("PushNameSetting", &told).topic(TOPIC);
            Some(once(record, "PushNameSetting", "", at, whole))
        }
        (SyncdOperation::Set, ["label_message", label, chat, message, ..]) => {
            let chat: Jid = chat.parse().ok()?;
            let action = value?.label_association_action.as_option()?;
            let told = event::LabelAssociationMessage {
                jid: chat.to_string(),
                jid_alt: around.alt(&chat, None),
                timestamp: time(at),
                label_id: (*label).to_owned(),
                message_id: (*message).to_owned(),
                action: to_json(action),
                from_full_sync: whole,
            };
            let labelled = ChatChange::Labelled {
                label: told.label_id.clone(),
                chat: around.chat(&chat, None),
                message: Some(told.message_id.clone()),
                on: action.labeled.unwrap_or_default(),
            };
            let record = in_chat("LabelAssociationMessage", &told, &chat, around).with_chats(vec![labelled]);
            Some(once(record, "LabelAssociationMessage", &format!("{chat}|{label}|{message}"), at, whole))
        }
        (SyncdOperation::Remove, ["contact", jid, ..]) => {
            let jid: Jid = jid.parse().ok()?;
            let told = event::ChatAction {
                jid: jid.to_string(),
                jid_alt: around.alt(&jid, None),
                timestamp: time(at),
                action: serde_json::Value::Null,
                from_full_sync: whole,
            };
            let removed = ChatChange::Contact {
                jid: around.chat(&jid, None),
                full_name: String::new(),
                first_name: String::new(),
            };
            let record = in_chat("Contact", &told, &jid, around).with_chats(vec![removed]);
            Some(once(record, "Contact", &format!("{jid}|removed"), at, whole))
        }
        _ => None,
    }
}

fn in_chat(kind: &'static str, told: &impl Serialize, chat: &Jid, around: Around) -> Record {
    Record::new(kind, told).topic(TOPIC).in_chat(around.chat(chat, None))
}

fn at(mutation: &Mutation, around: Around) -> DateTime<Utc> {
    let at = mutation.action_value.as_ref().and_then(|value| value.timestamp).filter(|at| *at > 0);
    at.and_then(DateTime::from_timestamp_millis).unwrap_or(around.now)
}

/// The event that the engine has for it.
fn engines(mutation: &Mutation, whole: bool, around: Around) -> Option<Event> {
    (mutation.operation == SyncdOperation::Set).then_some(())?;
    let about: Vec<&str> = mutation.index.iter().map(String::as_str).collect();
    let value = mutation.action_value.as_ref()?;
    let at = at(mutation, around);
    let flag = |place: usize| about.get(place).is_some_and(|flag| *flag == "1");
    let jid = |place: usize| about.get(place)?.parse::<Jid>().ok();
    // Of the message's author; there is none in a chat of two, and of an own message.
    let author = || match about.get(4) {
        None | Some(&"0") => None,
        Some(author) => author.parse::<Jid>().ok(),
    };
    macro_rules! update {
        ($update:ident, $action:ident $(, $field:ident: $given:expr)*) => {
            Event::$update(
                events::$update::builder()
                    .timestamp(at)
                    .from_full_sync(whole)
                    .action(Box::new(value.$action.as_option()?.clone()))
                    $(.$field($given))*
                    .build(),
            )
        };
    }
    Some(match *about.first()? {
        "mute" => update!(MuteUpdate, mute_action, jid: jid(1)?),
        "pin" | "pin_v1" => update!(PinUpdate, pin_action, jid: jid(1)?),
        "archive" => update!(ArchiveUpdate, archive_chat_action, jid: jid(1)?),
        "contact" => update!(ContactUpdate, contact_action, jid: jid(1)?),
        "mark_chat_as_read" | "markChatAsRead" => {
            update!(MarkChatAsReadUpdate, mark_chat_as_read_action, jid: jid(1)?)
        }
        "deleteChat" => {
            let media = about.get(2).is_none_or(|flag| *flag != "0");
            update!(DeleteChatUpdate, delete_chat_action, jid: jid(1)?, delete_media: media)
        }
        "clearChat" => {
            update!(ClearChatUpdate, clear_chat_action, jid: jid(1)?, delete_starred: flag(2), delete_media: flag(3))
        }
        "userStatusMute" => {
            let muted = value.user_status_mute_action.as_option()?.muted.unwrap_or_default();
            update!(UserStatusMuteUpdate, user_status_mute_action, jid: jid(1)?, muted: muted)
        }
        "star" => update!(StarUpdate, star_action, chat_jid: jid(1)?, maybe_participant_jid: author(),
            message_id: (*about.get(2)?).to_owned(), from_me: flag(3)),
        "deleteMessageForMe" => update!(DeleteMessageForMeUpdate, delete_message_for_me_action, chat_jid: jid(1)?,
            maybe_participant_jid: author(), message_id: (*about.get(2)?).to_owned(), from_me: flag(3)),
        "label_edit" => update!(LabelEditUpdate, label_edit_action, label_id: (*about.get(1)?).to_owned()),
        "label_jid" => update!(LabelAssociationUpdate, label_association_action,
            label_id: (*about.get(1)?).to_owned(), chat_jid: jid(2)?),
        _ => return None,
    })
}

/// What all changes to a chat have.
trait Change {
    fn jid(&self) -> &Jid;
    fn at(&self) -> DateTime<Utc>;
    fn is_full_sync(&self) -> bool;
    /// What it is about, beside the chat.
    fn about(&self) -> &str {
        ""
    }
    fn told(&self, around: Around) -> event::ChatAction;
}

macro_rules! changes {
    ($($update:ident.$jid:ident $(about $about:ident)?),* $(,)?) => {
        $(impl Change for wacore::types::events::$update {
            fn jid(&self) -> &Jid {
                &self.$jid
            }
            fn at(&self) -> DateTime<Utc> {
                self.timestamp
            }
            fn is_full_sync(&self) -> bool {
                self.from_full_sync
            }
            $(fn about(&self) -> &str {
                &self.$about
            })?
            fn told(&self, around: Around) -> event::ChatAction {
                event::ChatAction {
                    jid: self.$jid.to_string(),
                    jid_alt: around.alt(&self.$jid, None),
                    timestamp: time(self.timestamp),
                    action: to_json(&self.action),
                    from_full_sync: self.from_full_sync,
                }
            }
        })*
    };
}

changes! {
    ContactUpdate.jid,
    PinUpdate.jid,
    MuteUpdate.jid,
    ArchiveUpdate.jid,
    MarkChatAsReadUpdate.jid,
    ClearChatUpdate.jid,
    DeleteChatUpdate.jid,
    UserStatusMuteUpdate.jid,
    LabelAssociationUpdate.chat_jid about label_id,
    StarUpdate.chat_jid about message_id,
    DeleteMessageForMeUpdate.chat_jid about message_id,
}

/// A change to one message.
trait MessageChange: Change {
    fn sender(&self) -> Option<&Jid>;
    fn is_own(&self) -> bool;
}

macro_rules! message_changes {
    ($($update:ident),*) => {
        $(impl MessageChange for wacore::types::events::$update {
            fn sender(&self) -> Option<&Jid> {
                self.participant_jid.as_ref()
            }
            fn is_own(&self) -> bool {
                self.from_me
            }
        })*
    };
}

message_changes!(StarUpdate, DeleteMessageForMeUpdate);

fn chat(kind: &'static str, update: &impl Change, around: Around) -> Record {
    record(kind, &update.told(around), update, around)
}

fn message(kind: &'static str, update: &impl MessageChange, around: Around) -> Record {
    let event::ChatAction { jid, jid_alt, timestamp, action, from_full_sync } = update.told(around);
    let told = event::MessageAction {
        chat_jid: jid,
        chat_alt: jid_alt,
        sender_jid: text(update.sender()),
        sender_alt: update.sender().map(|sender| around.alt(sender, None)).unwrap_or_default(),
        is_from_me: update.is_own(),
        message_id: update.about().to_owned(),
        timestamp,
        action,
        from_full_sync,
    };
    record(kind, &told, update, around)
}

fn record(kind: &'static str, told: &impl Serialize, update: &impl Change, around: Around) -> Record {
    let record = Record::new(kind, told).topic(TOPIC).in_chat(around.chat(update.jid(), None));
    let about = format!("{}|{}", update.jid(), update.about());
    once(record, kind, &about, update.at(), update.is_full_sync())
}

/// A change may be read twice if its collection's version was not stored. The whole state, which a device gets when it
/// is linked, is told each time.
fn once(record: Record, kind: &str, about: &str, at: DateTime<Utc>, from_full_sync: bool) -> Record {
    if from_full_sync {
        return record;
    }
    // Two that were made in one millisecond differ in what they do.
    let action = Sha256::digest(record.event()["Action"].to_string());
    let done: String = action[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    record.once(format!("state|{kind}|{about}|{}|{done}", at.timestamp_millis()))
}

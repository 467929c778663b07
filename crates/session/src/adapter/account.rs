//! Notifications that the engine takes in without reporting them: read from the stanza.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use wacore_binary::NodeRef;
use wago_contract::event;

use super::{
    message::{text, time},
    names::Around,
    receipt,
};
use crate::record::Record;

/// Whether [`stanza`] may have something to tell. Called for whatever arrives.
pub fn is_told(stanza: &NodeRef) -> bool {
    let mut attrs = stanza.attrs();
    let kind = attrs.optional_string("type");
    match (stanza.tag.as_ref(), kind.as_deref()) {
        ("receipt", Some("retry")) | ("notification", Some("mediaretry" | "server_sync")) => true,
        ("receipt", Some(_)) => receipt::is_elsewhere(stanza),
        ("notification", Some("account_sync")) => {
            ["blocklist", "privacy", "picture"].iter().any(|tag| stanza.get_optional_child(tag).is_some())
        }
        _ => is_app_state(stanza),
    }
}

/// Whether it says that app state changed.
pub fn is_server_sync(stanza: &NodeRef) -> bool {
    stanza.tag == "notification" && stanza.attrs().optional_string("type").as_deref() == Some("server_sync")
}

/// Whether it may bring changes of the app state.
pub fn is_app_state(stanza: &NodeRef) -> bool {
    stanza.tag == "iq" && stanza.get_optional_child("sync").is_some()
}

pub fn stanza(stanza: &NodeRef, around: Around) -> Vec<Record> {
    let kind = stanza.attrs().optional_string("type");
    match (stanza.tag.as_ref(), kind.as_deref()) {
        ("receipt", Some("retry")) => receipt::retry(stanza, around).into_iter().collect(),
        ("receipt", Some(_)) if receipt::is_elsewhere(stanza) => {
            receipt::elsewhere(stanza, around).into_iter().collect()
        }
        ("notification", Some("mediaretry")) => media_retry(stanza, around).into_iter().collect(),
        ("notification", Some("account_sync")) => {
            let children = stanza.children().unwrap_or_default();
            children.iter().filter_map(|child| account_sync(stanza, child, around)).collect()
        }
        _ => Vec::new(),
    }
}

fn account_sync(stanza: &NodeRef, child: &NodeRef, around: Around) -> Option<Record> {
    let record = match child.tag.as_ref() {
        "blocklist" => Record::new("Blocklist", &blocklist(child, around)).topic("BlocklistChange"),
        "privacy" => Record::new("PrivacySettings", &privacy(child)),
        "picture" => {
            let own = stanza.attrs().optional_jid("from")?.to_non_ad();
            let told = event::Picture {
                jid: own.to_string(),
                jid_alt: around.alt(&own, None),
                author: String::new(),
                author_alt: String::new(),
                timestamp: time(at(stanza, around)),
                remove: false,
                picture_id: String::new(),
            };
            Record::new("Picture", &told).in_chat(around.chat(&own, None))
        }
        _ => return None,
    };
    Some(once(record, stanza, &child.tag))
}

fn blocklist(list: &NodeRef, around: Around) -> event::Blocklist {
    let word = |name: &str| list.attrs().optional_string(name).map(|word| word.into_owned()).unwrap_or_default();
    let changes = list.get_children_by_tag("item").filter_map(|item| {
        let mut attrs = item.attrs();
        let jid = attrs.optional_jid("jid")?;
        let told = attrs.optional_jid("pn_jid").filter(|_| jid.is_lid());
        Some(event::BlocklistChange {
            jid_alt: around.alt(&jid, told.as_ref()),
            jid: jid.to_string(),
            action: attrs.optional_string("action").map(|action| action.into_owned()).unwrap_or_default(),
        })
    });
    event::Blocklist {
        action: word("action"),
        dhash: word("dhash"),
        prev_dhash: word("prev_dhash"),
        changes: changes.collect(),
    }
}

fn privacy(settings: &NodeRef) -> event::PrivacySettings {
    let mut told = event::PrivacySettings::default();
    let values = &mut told.new_settings;
    for category in settings.get_children_by_tag("category") {
        let mut attrs = category.attrs();
        let name = attrs.optional_string("name");
        let (value, changed) = match name.as_deref() {
            Some("groupadd") => (&mut values.group_add, &mut told.group_add_changed),
            Some("last") => (&mut values.last_seen, &mut told.last_seen_changed),
            Some("status") => (&mut values.status, &mut told.status_changed),
            Some("profile") => (&mut values.profile, &mut told.profile_changed),
            Some("readreceipts") => (&mut values.read_receipts, &mut told.read_receipts_changed),
            Some("online") => (&mut values.online, &mut told.online_changed),
            Some("calladd") => (&mut values.call_add, &mut told.call_add_changed),
            Some("messages") => (&mut values.messages, &mut told.messages_changed),
            Some("defense") => (&mut values.defense, &mut told.defense_changed),
            Some("stickers") => (&mut values.stickers, &mut told.stickers_changed),
            _ => continue,
        };
        *value = attrs.optional_string("value").map(|value| value.into_owned()).unwrap_or_default();
        *changed = true;
    }
    told
}

fn media_retry(stanza: &NodeRef, around: Around) -> Option<Record> {
    let mut attrs = stanza.attrs();
    let message_id = attrs.optional_string("id")?.into_owned();
    let about = stanza.get_optional_child("rmr")?;
    let mut about = about.attrs();
    let chat = about.optional_jid("jid")?;
    let sender = about.optional_jid("participant");
    let sealed = stanza.get_optional_child("encrypt");
    let bytes = |name: &str| {
        let bytes = sealed.and_then(|sealed| sealed.get_optional_child(name)?.content_bytes());
        bytes.map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()
    };
    let told = event::MediaRetry {
        ciphertext: bytes("enc_p"),
        iv: bytes("enc_iv"),
        error: stanza
            .get_optional_child("error")
            .map(|error| event::MediaRetryError { code: error.attrs().optional_u64("code").unwrap_or(0) }),
        timestamp: time(at(stanza, around)),
        message_id,
        chat_id: chat.to_string(),
        chat_alt: around.alt(&chat, None),
        sender_id: text(sender.as_ref()),
        sender_alt: sender.as_ref().map(|sender| around.alt(sender, None)).unwrap_or_default(),
        from_me: about.optional_bool("from_me"),
    };
    let record = Record::new("MediaRetry", &told).in_chat(around.chat(&chat, None));
    Some(once(record, stanza, &format!("mediaretry|{}", told.timestamp)))
}

fn at(stanza: &NodeRef, around: Around) -> DateTime<Utc> {
    stanza.attrs().optional_unix_time("t").and_then(|t| DateTime::from_timestamp(t, 0)).unwrap_or(around.now)
}

/// WhatsApp delivers a notification again under the same id.
fn once(record: Record, stanza: &NodeRef, what: &str) -> Record {
    match stanza.attrs().optional_string("id") {
        Some(id) => record.once(format!("notification|{id}|{what}")),
        None => record,
    }
}

//! Receipts.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use wacore::types::{events::Receipt, message::MessageSource, presence::ReceiptType};
use wacore_binary::{JidExt as _, NodeRef};
use wago_contract::event;
use wago_store::{ChatChange, MessageChange, Reach};

use super::{
    message::{source, time},
    names::Around,
};
use crate::record::Record;

/// What our own devices tell each other, and calls about their keys, is no news to anybody.
pub fn receipt(receipt: &Receipt, around: Around) -> Option<Record> {
    if matches!(receipt.r#type, ReceiptType::PeerMsg | ReceiptType::HistorySync | ReceiptType::EncRekeyRetry) {
        return None;
    }
    // The engine does not see whose messages they are; told by `elsewhere`.
    if is_read(&receipt.r#type) && !receipt.source.chat.is_group() && around.names.is_own(&receipt.source.chat) {
        return None;
    }
    Some(record(&receipt.source, &receipt.message_ids, receipt.timestamp, &receipt.r#type, around))
}

fn is_read(kind: &ReceiptType) -> bool {
    matches!(kind, ReceiptType::Read | ReceiptType::Played | ReceiptType::ReadSelf | ReceiptType::PlayedSelf)
}

/// Whether a receipt is [`elsewhere`]'s.
pub fn is_elsewhere(stanza: &NodeRef) -> bool {
    let mut attrs = stanza.attrs();
    let kind = attrs.optional_string("type").is_some_and(|kind| is_read(&ReceiptType::parse(&kind)));
    kind && attrs.optional_jid("recipient").is_some()
}

/// Another device of the account has shown messages to its person. The receipt comes from there, and names the chat.
pub fn elsewhere(stanza: &NodeRef, around: Around) -> Option<Record> {
    let mut attrs = stanza.attrs();
    let (sender, chat) = (attrs.optional_jid("from")?, attrs.optional_jid("recipient")?);
    let mut ids = vec![attrs.optional_string("id")?.into_owned()];
    let list = stanza.get_optional_child("list");
    let listed = list.and_then(|list| list.children()).unwrap_or_default();
    ids.extend(listed.iter().filter_map(|item| item.attrs().optional_string("id").map(|id| id.into_owned())));
    let kind = ReceiptType::parse(&attrs.optional_string("type")?);
    let source = MessageSource { chat, sender, is_from_me: true, ..MessageSource::default() };
    let at = attrs.optional_unix_time("t").and_then(|t| DateTime::from_timestamp(t, 0)).unwrap_or(around.now);
    Some(record(&source, &ids, at, &kind, around))
}

/// A device asks us to send a message again. The engine does so, and does not report it.
pub fn retry(stanza: &NodeRef, around: Around) -> Option<Record> {
    let mut attrs = stanza.attrs();
    let chat = attrs.optional_jid("from")?;
    let ids = [attrs.optional_string("id")?.into_owned()];
    let source = MessageSource {
        sender: attrs.optional_jid("participant").unwrap_or_else(|| chat.clone()),
        sender_alt: attrs.optional_jid("participant_pn"),
        chat,
        ..MessageSource::default()
    };
    let at = attrs.optional_unix_time("t").and_then(|t| DateTime::from_timestamp(t, 0)).unwrap_or(around.now);
    Some(record(&source, &ids, at, &ReceiptType::Retry, around))
}

fn record(from: &MessageSource, ids: &[String], at: DateTime<Utc>, kind: &ReceiptType, around: Around) -> Record {
    let state = match kind {
        // A device whose screen is off reports so; it has the message all the same.
        ReceiptType::Delivered | ReceiptType::Inactive => "Delivered",
        ReceiptType::Other(_) => "",
        known => known.variant_name(),
    };
    let word = if *kind == ReceiptType::Delivered { "" } else { kind.as_wire_str() };
    // The engine leaves these open.
    let own = matches!(kind, ReceiptType::ReadSelf | ReceiptType::PlayedSelf | ReceiptType::Sender)
        || is_read(kind) && around.names.is_own(&from.sender);
    let from = &MessageSource {
        is_group: from.is_group || from.chat.is_group(),
        is_from_me: from.is_from_me || own,
        ..from.clone()
    };
    let told = event::Receipt {
        source: source(from, around),
        message_ids: ids.to_vec(),
        timestamp: time(at),
        kind: word.to_owned(),
        message_sender: String::new(),
    };
    // WhatsApp delivers a receipt again if it does not know that it arrived.
    let mut hash = Sha256::new();
    for part in [from.chat.to_string(), from.sender.to_string(), word.to_owned(), at.timestamp_millis().to_string()] {
        hash.update(part);
        hash.update([0]);
    }
    for id in ids {
        hash.update(id);
        hash.update([0]);
    }
    let known_as = if from.is_group { None } else { from.sender_alt.as_ref() };
    let reach = match kind {
        _ if from.is_from_me => None,
        ReceiptType::Delivered | ReceiptType::Inactive => Some(Reach::Delivered),
        ReceiptType::Read => Some(Reach::Read),
        ReceiptType::Played => Some(Reach::Played),
        _ => None,
    };
    let stored = reach.map(|reach| MessageChange::Receipts {
        ids: ids.to_vec(),
        recipient: around.chat(&from.sender, from.sender_alt.as_ref()),
        reach,
        at_ms: at.timestamp_millis(),
    });
    let chat = around.chat(&from.chat, known_as);
    // Another own device has shown them.
    let read = (is_read(kind) && from.is_from_me).then(|| ChatChange::Read { chat: chat.clone() });
    let record = Record::new("ReadReceipt", &told)
        .stored(stored)
        .with_chats(read.into_iter().collect())
        .topic("Receipt")
        .in_chat(chat)
        .once(format!("receipt|{}", hex(&hash.finalize()[..16])));
    if state.is_empty() { record } else { record.in_state(state) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

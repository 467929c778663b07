//! What the engine reports, as what is recorded.

use wacore::types::{
    call::{CallAction, IncomingCall},
    events::{Event, Receipt},
    message::{MessageCategory, MessageInfo},
    presence::{ChatPresence, ChatPresenceMedia, ReceiptType},
};
use wacore_binary::{Jid, JidExt as _};
use wago_contract::event;
use wago_store::{MessageChange, Reach};
use waproto::whatsapp as wa;

use super::{
    jid::chat_key,
    message::{self, source, text, time},
    stored,
};
use crate::record::Record;

/// A message that arrived, or was sent by another device of the account.
///
/// What our own devices tell each other is no message to anybody, and it carries keys.
pub fn message(content: &wa::Message, info: &MessageInfo) -> Option<Record> {
    if info.category == MessageCategory::Peer || has_keys(content) {
        return None;
    }
    let from = &info.source;
    let kind = if from.chat.is_newsletter() { "Newsletter" } else { "Message" };
    let known_as = if from.is_from_me {
        from.recipient_alt.as_ref()
    } else if from.is_group {
        None
    } else {
        from.sender_alt.as_ref()
    };
    let chat = chat_key(&from.chat, known_as);
    // What WhatsApp calls the same message when it delivers it again.
    let dedupe = format!("{}|{}|{}", from.chat, from.sender.to_non_ad_string(), info.id);
    let told = message::message(content, info);
    let sender = chat_key(&from.sender, from.sender_alt.as_ref());
    let stored = stored::change(&told, &chat, &sender, info.timestamp.timestamp_millis());
    Some(Record::new(kind, &told).in_chat(chat).once(dedupe).stored(stored))
}

fn has_keys(content: &wa::Message) -> bool {
    let protocol = content.protocol_message.as_option();
    protocol.is_some_and(|protocol| protocol.app_state_sync_key_share.is_set())
}

/// Nothing for what is no event of ours.
pub fn other(event: &Event) -> Vec<Record> {
    let record = match event {
        // With the durability hook these were recorded before the ack. What bypasses it is recorded here.
        Event::Messages(batch) if !batch.hook_committed => {
            return batch.iter().filter_map(|inbound| message(&inbound.message, &inbound.info)).collect();
        }
        Event::Receipt(receipt) => self::receipt(receipt),
        Event::UndecryptableMessage(failed) => {
            let from = &failed.info.source;
            Some(
                Record::new("UndecryptableMessage", &message::undecryptable(failed))
                    .in_chat(chat_key(&from.chat, from.sender_alt.as_ref())),
            )
        }
        Event::ChatPresence(update) => Some(
            Record::new(
                "ChatPresence",
                &event::ChatPresence {
                    source: source(&update.source),
                    state: match update.state {
                        ChatPresence::Composing => "composing",
                        ChatPresence::Paused => "paused",
                    },
                    media: match update.media {
                        ChatPresenceMedia::Text => "",
                        ChatPresenceMedia::Audio => "audio",
                    },
                },
            )
            .in_chat(chat_key(&update.source.chat, update.source.sender_alt.as_ref())),
        ),
        Event::Presence(update) => Some(
            Record::new(
                "Presence",
                &event::Presence {
                    from: update.from.to_string(),
                    unavailable: update.unavailable,
                    last_seen: update.last_seen.map_or_else(|| event::ZERO_TIME.to_owned(), time),
                },
            )
            .in_state(if update.unavailable { "offline" } else { "online" })
            .in_chat(chat_key(&update.from, None)),
        ),
        Event::IncomingCall(call) => Some(self::call(call)),
        Event::MissedCall(call) => Some(call_record(event::Call {
            from: call.from.to_string(),
            timestamp: time(call.timestamp),
            call_id: call.call_id.clone(),
            call_creator: String::new(),
            group_jid: String::new(),
            media: "",
            signal: "missed".to_owned(),
            reason: String::new(),
        })),
        Event::CallEndedElsewhere(call) => Some(call_record(event::Call {
            from: call.from.to_string(),
            timestamp: time(call.timestamp),
            call_id: call.call_id.clone(),
            call_creator: String::new(),
            group_jid: String::new(),
            media: "",
            signal: "terminate".to_owned(),
            reason: "elsewhere".to_owned(),
        })),
        Event::OfflineSyncPreview(preview) => {
            Some(Record::new("OfflineSyncPreview", &event::OfflineSync { count: preview.total }))
        }
        Event::OfflineSyncCompleted(done) => {
            Some(Record::new("OfflineSyncCompleted", &event::OfflineSync { count: done.count }))
        }
        Event::StreamError(error) => Some(Record::new("StreamError", &event::Reason { reason: error.code.clone() })),
        _ => None,
    };
    record.into_iter().collect()
}

/// Retries and receipts between our own devices are the engine's business.
fn receipt(receipt: &Receipt) -> Option<Record> {
    let (kind, state) = match receipt.r#type {
        // A device whose screen is off reports so; it has the message all the same.
        ReceiptType::Delivered | ReceiptType::Inactive => ("", "Delivered"),
        ReceiptType::Read => ("read", "Read"),
        ReceiptType::ReadSelf => ("read-self", "ReadSelf"),
        ReceiptType::Played | ReceiptType::PlayedSelf => ("played", "Played"),
        _ => return None,
    };
    let from = &receipt.source;
    let told = event::Receipt {
        source: source(from),
        message_ids: receipt.message_ids.clone(),
        timestamp: time(receipt.timestamp),
        kind,
        message_sender: String::new(),
    };
    let known_as = (!from.is_group).then_some(from.sender_alt.as_ref());
    let reach = match receipt.r#type {
        _ if from.is_from_me => None,
        ReceiptType::Delivered | ReceiptType::Inactive => Some(Reach::Delivered),
        ReceiptType::Read => Some(Reach::Read),
        ReceiptType::Played => Some(Reach::Played),
        // Told between our own devices.
        _ => None,
    };
    let stored = reach.map(|reach| MessageChange::Receipts {
        ids: receipt.message_ids.clone(),
        recipient: chat_key(&from.sender, from.sender_alt.as_ref()),
        reach,
        at_ms: receipt.timestamp.timestamp_millis(),
    });
    let chat = chat_key(&from.chat, known_as.flatten());
    Some(Record::new("ReadReceipt", &told).in_state(state).in_chat(chat).stored(stored))
}

fn call(call: &IncomingCall) -> Record {
    let media = |video: bool| if video { "video" } else { "audio" };
    let (group, media, reason): (Option<&Jid>, _, Option<&String>) = match &call.action {
        CallAction::Offer { group_jid, is_video, .. } => (group_jid.as_ref(), media(*is_video), None),
        CallAction::OfferNotice { is_video, .. } => (None, media(*is_video), None),
        CallAction::Reject { reason, .. } | CallAction::Terminate { reason, .. } => (None, "", reason.as_ref()),
        _ => (None, "", None),
    };
    call_record(event::Call {
        from: call.from.to_string(),
        timestamp: time(call.timestamp),
        call_id: call.action.call_id().to_owned(),
        call_creator: call.action.call_creator().to_string(),
        group_jid: text(group),
        media,
        signal: call.action.wire_tag().to_owned(),
        reason: reason.cloned().unwrap_or_default(),
    })
}

fn call_record(call: event::Call) -> Record {
    Record::new("Call", &call)
}

#[cfg(test)]
mod tests {
    use waproto::buffa::MessageField;

    use super::*;

    #[test]
    fn keys_are_never_told() {
        let share = wa::message::ProtocolMessage {
            app_state_sync_key_share: MessageField::some(Default::default()),
            ..Default::default()
        };
        let keys = wa::Message { protocol_message: MessageField::some(share), ..Default::default() };
        let text = wa::Message { conversation: Some("hello".into()), ..Default::default() };
        let peer = MessageInfo { category: MessageCategory::Peer, ..Default::default() };
        assert!(message(&keys, &MessageInfo::default()).is_none());
        assert!(message(&text, &peer).is_none());
        assert!(message(&text, &MessageInfo::default()).is_some());
    }
}

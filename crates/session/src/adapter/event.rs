//! What the engine reports, as what is recorded.

use wacore::types::{
    events::{Event, UndecryptableMessage},
    message::{MessageCategory, MessageInfo},
};
use wacore_binary::JidExt as _;
use wago_contract::event;
use waproto::whatsapp as wa;

use super::{
    account, app_state, call, chats, contact, group,
    message::{self},
    names::Around,
    newsletter, pairing, presence, receipt, stored,
};
use crate::{media, record::Record};

/// A message that arrived, or was sent by the account: by another device, or by us.
///
/// What our own devices tell each other is no message to anybody, and it carries keys.
pub fn message(content: &wa::Message, info: &MessageInfo, around: Around) -> Option<Record> {
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
    // What WhatsApp calls the same message when it delivers it again.
    let dedupe = format!("{}|{}|{}", from.chat, from.sender.to_non_ad_string(), info.id);
    let file = match (from.is_from_me, from.chat.is_newsletter()) {
        (true, _) => None,
        // No phone has it.
        (false, true) => media::descriptor(content, None),
        (false, false) => media::descriptor(content, Some(origin(info))),
    };
    let chat = around.chat(&from.chat, known_as);
    let sender = around.chat(&from.sender, from.sender_alt.as_ref());
    let told = message::message(content, info, around);
    let stored = stored::change(&told, &chat, &sender, info.timestamp.timestamp_millis());
    let heard = chats::of_message(info, &chat, &sender, stored.as_ref());
    Some(Record::new(kind, &told).in_chat(chat).with_file(file).once(dedupe).stored(stored).with_chats(heard))
}

/// What the phone is told of the message when it is asked for its file again.
fn origin(info: &MessageInfo) -> media::Origin {
    let from = &info.source;
    let of_many = from.is_group || from.chat.is_status_broadcast() || from.chat.is_broadcast_list();
    media::Origin {
        id: info.id.clone(),
        chat: from.chat.to_non_ad_string(),
        sender: of_many.then(|| from.sender.to_non_ad_string()),
        from_me: from.is_from_me,
    }
}

fn has_keys(content: &wa::Message) -> bool {
    let protocol = content.protocol_message.as_option();
    protocol.is_some_and(|protocol| protocol.app_state_sync_key_share.is_set())
}

/// Nothing for what is no event of ours.
pub fn other(event: &Event, around: Around) -> Vec<Record> {
    let record = match event {
        // With the durability hook these were recorded before the ack. What bypasses it is recorded here.
        Event::Messages(batch) if !batch.hook_committed => {
            return batch.iter().filter_map(|inbound| message(&inbound.message, &inbound.info, around)).collect();
        }
        Event::UndecryptableMessage(failed) => Some(undecryptable(failed, around)),
        Event::Receipt(receipt) => receipt::receipt(receipt, around),
        Event::ChatPresence(update) => Some(presence::chat(update, around)),
        Event::Presence(update) => Some(presence::presence(update, around)),
        Event::IncomingCall(signal) => call::signal(signal, around),
        Event::MissedCall(missed) => Some(call::missed(missed, around)),
        Event::CallEndedElsewhere(ended) => Some(call::elsewhere(ended, around)),
        Event::GroupUpdate(update) => Some(group::update(update, around)),
        Event::PictureUpdate(update) => Some(contact::picture(update, around)),
        Event::UserAboutUpdate(update) => Some(contact::about(update, around)),
        Event::IdentityChange(change) => Some(contact::identity(change, around)),
        Event::DisappearingModeChanged(change) => Some(contact::disappearing(change, around)),
        Event::ContactNumberChanged(change) => Some(contact::number(change, around)),
        Event::BusinessStatusUpdate(update) => contact::business_name(update, around),
        Event::AppStateSyncFailed(_) => app_state::change(event, around),
        Event::NewsletterLiveUpdate(update) => Some(newsletter::live(update, around)),
        Event::MexNotification(update) => newsletter::notification(update),
        Event::RawNode(node) => return account::stanza(node.get(), around),
        Event::PairingCode(_)
        | Event::PairingCodeRefresh(_)
        | Event::PairingCodeError(_)
        | Event::QrScannedWithoutMultidevice(_)
        | Event::PairPasskeyRequest(_)
        | Event::PairPasskeyConfirmation(_) => pairing::step(event),
        Event::OfflineSyncPreview(preview) => Some(Record::new(
            "OfflineSyncPreview",
            &event::OfflineSyncPreview {
                total: preview.total,
                app_data_changes: preview.app_data_changes,
                messages: preview.messages,
                notifications: preview.notifications,
                receipts: preview.receipts,
            },
        )),
        Event::OfflineSyncCompleted(done) => {
            Some(Record::new("OfflineSyncCompleted", &event::OfflineSyncCompleted { count: done.count }))
        }
        Event::StreamError(error) => Some(Record::new("StreamError", &event::Reason { reason: error.code.clone() })),
        _ => None,
    };
    record.into_iter().collect()
}

fn undecryptable(failed: &UndecryptableMessage, around: Around) -> Record {
    let from = &failed.info.source;
    let known_as = if from.is_group { None } else { from.sender_alt.as_ref() };
    let dedupe = format!("undecryptable|{}|{}|{}", from.chat, from.sender.to_non_ad_string(), failed.info.id);
    Record::new("UndecryptableMessage", &message::undecryptable(failed, around))
        .in_chat(around.chat(&from.chat, known_as))
        .once(dedupe)
}

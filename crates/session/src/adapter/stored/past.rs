//! The chats that a phone sends to a new device, as what is stored of them.

use chrono::DateTime;
use wacore::types::message::{MessageInfo, MessageSource};
use wacore_binary::{Jid, JidExt as _};
use wago_store::{MessageChange, Reach};
use waproto::whatsapp as wa;

use crate::{
    adapter::{event, names::Around},
    record::Record,
};

/// What becomes of one message: itself, and what is known of its recipients.
pub struct Told {
    pub message: Record,
    pub changes: Vec<MessageChange>,
}

/// The messages of one chat, the oldest first: phones send them the other way round. `own` is the account's JID without a device.
pub fn conversation(conversation: &wa::Conversation, own: &Jid, around: Around) -> Vec<Told> {
    let parse = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Jid>().ok());
    let Ok(chat) = conversation.id.parse::<Jid>() else { return Vec::new() };
    let alt = if chat.is_lid() { parse(&conversation.pn_jid) } else { parse(&conversation.lid_jid) };
    let messages = conversation.messages.iter().rev().filter_map(|message| message.message.as_option());
    messages.filter_map(|message| told(message, &chat, alt.as_ref(), own, around)).collect()
}

fn told(message: &wa::WebMessageInfo, chat: &Jid, alt: Option<&Jid>, own: &Jid, around: Around) -> Option<Told> {
    let key = message.key.as_option()?;
    let from_me = key.from_me.unwrap_or_default();
    let participant = message.participant.as_deref().or(key.participant.as_deref()).unwrap_or_default();
    let sender = match participant.parse::<Jid>() {
        _ if from_me => own.clone(),
        Ok(participant) if !participant.user.is_empty() => participant,
        _ => chat.clone(),
    };
    let in_two = !chat.is_group();
    let seconds = i64::try_from(message.message_timestamp.unwrap_or_default()).unwrap_or_default();
    let info = MessageInfo {
        id: key.id.clone()?,
        source: MessageSource {
            chat: chat.clone(),
            sender,
            is_from_me: from_me,
            is_group: chat.is_group(),
            sender_alt: alt.filter(|_| in_two && !from_me).cloned(),
            recipient_alt: alt.filter(|_| in_two && from_me).cloned(),
            ..Default::default()
        },
        push_name: message.push_name.clone().unwrap_or_default(),
        timestamp: DateTime::from_timestamp(seconds, 0)?,
        ..Default::default()
    };
    let key = around.chat(chat, alt.filter(|_| in_two));
    let mut changes = Vec::new();
    for receipt in &message.user_receipt {
        let Ok(recipient) = receipt.user_jid.parse::<Jid>() else { continue };
        for (reach, at) in [
            (Reach::Delivered, receipt.receipt_timestamp),
            (Reach::Read, receipt.read_timestamp),
            (Reach::Played, receipt.played_timestamp),
        ] {
            let Some(at) = at.filter(|at| *at > 0) else { continue };
            changes.push(MessageChange::Receipts {
                ids: vec![info.id.clone()],
                recipient: around.chat(&recipient, None),
                reach,
                at_ms: at.saturating_mul(1_000),
            });
        }
    }
    for reaction in &message.reactions {
        let Some(by) = reaction.key.as_option() else { continue };
        let sender = match by.participant.as_deref().unwrap_or_default().parse::<Jid>() {
            _ if by.from_me.unwrap_or_default() => around.chat(own, None),
            Ok(participant) if !participant.user.is_empty() => around.chat(&participant, None),
            _ => key.clone(),
        };
        changes.push(MessageChange::Reacted {
            chat: key.clone(),
            id: info.id.clone(),
            sender,
            emoji: reaction.text.clone().unwrap_or_default(),
            at_ms: reaction.sender_timestamp_ms.unwrap_or_default(),
        });
    }
    Some(Told { message: event::message(message.message.as_option()?, &info, around)?, changes })
}

use std::sync::Arc;

use wacore::types::{
    events::{BatchOrigin, DecryptFailMode, InboundMessage, MessageBatch, UnavailableType, UndecryptableMessage},
    message::{EditAttribute, MessageCategory, MessageInfo, MessageSource},
};
use waproto::{
    buffa::MessageField,
    whatsapp::{self as wa, message::protocol_message},
};

use super::*;

fn info(chat: &str, sender: &str) -> MessageInfo {
    let source = MessageSource { chat: jid(chat), sender: jid(sender), ..MessageSource::default() };
    MessageInfo { id: "3EB0".into(), source, timestamp: at(), ..MessageInfo::default() }
}

fn text() -> wa::Message {
    wa::Message { conversation: Some("hello".into()), ..wa::Message::default() }
}

fn message(content: &wa::Message, info: &MessageInfo) -> Value {
    event::message(content, info, around(&Ana)).unwrap().told()
}

fn key() -> MessageField<wa::MessageKey> {
    MessageField::some(wa::MessageKey {
        remote_jid: Some(ANA.into()),
        from_me: Some(false),
        id: Some("3EAF".into()),
        ..wa::MessageKey::default()
    })
}

#[test]
fn keys_are_never_told() {
    let share = wa::message::ProtocolMessage {
        app_state_sync_key_share: MessageField::some(Default::default()),
        ..Default::default()
    };
    let keys = wa::Message { protocol_message: MessageField::some(share), ..Default::default() };
    let peer = MessageInfo { category: MessageCategory::Peer, ..MessageInfo::default() };
    assert!(event::message(&keys, &MessageInfo::default(), around(&Ana)).is_none());
    assert!(event::message(&text(), &peer, around(&Ana)).is_none());
    assert!(event::message(&text(), &MessageInfo::default(), around(&Ana)).is_some());
}

#[test]
fn both_identities_of_people() {
    let told = message(&text(), &info(ANA_LID, "100000012345678:4@lid"));
    assert_eq!(told["event"]["Info"]["SenderAlt"], "5511999999999:4@s.whatsapp.net");
    assert_eq!(told["chat"], ANA);
    assert_eq!(told["once"], format!("{ANA_LID}|{ANA_LID}|3EB0"));
    let mut own = info(ANA_LID, BEN);
    own.source.is_from_me = true;
    let told = message(&text(), &own);
    assert_eq!(told["event"]["Info"]["RecipientAlt"], ANA);
    assert_eq!((&told["event"]["Info"]["SenderAlt"], &told["chat"]), (&json!(""), &json!(ANA)));
}

#[test]
fn edits_and_revocations() {
    let edit = wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            key: key(),
            r#type: Some(protocol_message::Type::MESSAGE_EDIT),
            edited_message: MessageField::some(text()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let with = |edit| MessageInfo { edit, ..info(ANA, ANA) };
    let told = message(&edit, &with(EditAttribute::MessageEdit));
    assert_eq!(told["event"]["Info"]["Edit"], "1");
    assert_eq!(
        told["event"]["Message"],
        json!({"protocolMessage": {
            "key": {"remoteJID": ANA, "fromMe": false, "ID": "3EAF"},
            "type": 14,
            "editedMessage": {"conversation": "hello"},
        }})
    );
    let revoke = wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            key: key(),
            r#type: Some(protocol_message::Type::REVOKE),
            ..Default::default()
        }),
        ..Default::default()
    };
    for (edit, word) in [(EditAttribute::SenderRevoke, "7"), (EditAttribute::AdminRevoke, "8")] {
        let told = message(&revoke, &with(edit));
        assert_eq!((&told["event"]["Info"]["Edit"], &told["kind"]), (&json!(word), &json!("Message")));
        assert_eq!(told["event"]["Message"]["protocolMessage"]["type"], 0);
    }
}

#[test]
fn reactions_and_polls() {
    let reaction = wa::message::ReactionMessage {
        key: key(),
        text: Some("👍".into()),
        sender_timestamp_ms: Some(1_700_000_000_000),
        ..Default::default()
    };
    let told =
        message(&wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() }, &info(ANA, ANA));
    assert_eq!(told["event"]["Info"]["Type"], "reaction");
    assert_eq!(
        told["event"]["Message"]["reactionMessage"],
        json!({
            "key": {"remoteJID": ANA, "fromMe": false, "ID": "3EAF"},
            "text": "👍",
            "senderTimestampMS": 1_700_000_000_000_i64,
        })
    );
    let option = wa::message::poll_creation_message::Option { option_name: Some("Yes".into()), ..Default::default() };
    let poll = wa::message::PollCreationMessage {
        name: Some("Well?".into()),
        options: vec![option],
        selectable_options_count: Some(1),
        ..Default::default()
    };
    let told = message(
        &wa::Message { poll_creation_message: MessageField::some(poll), ..Default::default() },
        &info(ANA, ANA),
    );
    assert_eq!(told["event"]["Info"]["Type"], "poll");
    assert_eq!(
        told["event"]["Message"]["pollCreationMessage"],
        json!({"name": "Well?", "options": [{"optionName": "Yes"}], "selectableOptionsCount": 1})
    );
}

#[test]
fn newsletters_bypass_the_hook() {
    let inbound =
        InboundMessage::builder().message(Arc::new(text())).info(Arc::new(info(NEWSLETTER, NEWSLETTER))).build();
    let batch = |committed| {
        let batch = MessageBatch::builder()
            .messages(vec![inbound.clone()].into())
            .origin(BatchOrigin::Live)
            .hook_committed(committed);
        Event::Messages(batch.build())
    };
    let told = told(batch(false));
    assert_eq!((&told["kind"], &told["chat"]), (&json!("Newsletter"), &json!(NEWSLETTER)));
    assert!(silent(&batch(true)));
}

#[test]
fn undecryptable() {
    let failed = UndecryptableMessage::builder()
        .info(Arc::new(info(ANA, ANA)))
        .is_unavailable(true)
        .unavailable_type(UnavailableType::ViewOnce)
        .decrypt_fail_mode(DecryptFailMode::Show)
        .build();
    let told = told(Event::UndecryptableMessage(failed));
    assert_eq!(told["kind"], "UndecryptableMessage");
    assert_eq!(told["event"]["UnavailableType"], "view_once");
    assert_eq!(told["event"]["DecryptFailMode"], "show");
    assert_eq!((&told["event"]["Info"]["ID"], &told["event"]["IsUnavailable"]), (&json!("3EB0"), &json!(true)));
}

#[test]
fn a_broadcast_names_its_recipients() {
    let told = message(
        &text(),
        &MessageInfo { bcl_participants: vec![jid(ANA), jid("9@lid")], ..info("status@broadcast", BEN) },
    );
    assert_eq!(
        told["event"]["Info"]["BroadcastRecipients"],
        json!([{"LID": ANA_LID, "PN": ANA}, {"LID": "9@lid", "PN": ""}])
    );
}

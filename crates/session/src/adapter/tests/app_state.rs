use wacore::types::events::{
    AppStateSyncFailed, ArchiveUpdate, ClearChatUpdate, ContactUpdate, DeleteChatUpdate, DeleteMessageForMeUpdate,
    LabelAssociationUpdate, LabelEditUpdate, MarkChatAsReadUpdate, MuteUpdate, PinUpdate, SelfPushNameUpdated,
    StarUpdate, UserStatusMuteUpdate,
};
use waproto::whatsapp::sync_action_value as action;

use super::*;

/// A change to Ana's chat, told by her LID.
fn change(kind: &str, about: &str, more: Value, action: Value) -> Value {
    let mut event = json!({
        "JID": ANA_LID,
        "JIDAlt": ANA,
        "Timestamp": AT,
        "Action": action,
        "FromFullSync": false,
    });
    event.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
    let once = format!("state|{kind}|{ANA_LID}|{about}|1700000000000");
    record(kind, "AppState", ANA, Some(&once), event)
}

macro_rules! update {
    ($update:ident { $($field:ident: $value:expr),* $(,)? }) => {
        $update::builder().timestamp(at()).from_full_sync(false)$(.$field($value))*.build()
    };
}

#[test]
fn chats() {
    let contact = action::ContactAction { full_name: Some("Ana Souza".into()), ..Default::default() };
    assert_eq!(
        told(Event::ContactUpdate(update!(ContactUpdate { jid: jid(ANA_LID), action: Box::new(contact) }))),
        change("Contact", "", json!({}), json!({"fullName": "Ana Souza"})),
    );
    let pin = action::PinAction { pinned: Some(true) };
    assert_eq!(
        told(Event::PinUpdate(update!(PinUpdate { jid: jid(ANA_LID), action: Box::new(pin) }))),
        change("Pin", "", json!({}), json!({"pinned": true})),
    );
    let mute = action::MuteAction { muted: Some(true), mute_end_timestamp: Some(-1), ..Default::default() };
    assert_eq!(
        told(Event::MuteUpdate(update!(MuteUpdate { jid: jid(ANA_LID), action: Box::new(mute) }))),
        change("Mute", "", json!({}), json!({"muted": true, "muteEndTimestamp": -1})),
    );
    let archive = action::ArchiveChatAction { archived: Some(true), ..Default::default() };
    assert_eq!(
        told(Event::ArchiveUpdate(update!(ArchiveUpdate { jid: jid(ANA_LID), action: Box::new(archive) }))),
        change("Archive", "", json!({}), json!({"archived": true})),
    );
    let read = action::MarkChatAsReadAction { read: Some(false), ..Default::default() };
    assert_eq!(
        told(Event::MarkChatAsReadUpdate(update!(MarkChatAsReadUpdate { jid: jid(ANA_LID), action: Box::new(read) }))),
        change("MarkChatAsRead", "", json!({}), json!({"read": false})),
    );
    assert_eq!(
        told(Event::ClearChatUpdate(update!(ClearChatUpdate {
            jid: jid(ANA_LID),
            delete_starred: true,
            delete_media: false,
            action: Box::default(),
        }))),
        change("ClearChat", "", json!({"DeleteStarred": true, "DeleteMedia": false}), json!({})),
    );
    assert_eq!(
        told(Event::DeleteChatUpdate(update!(DeleteChatUpdate {
            jid: jid(ANA_LID),
            delete_media: true,
            action: Box::default(),
        }))),
        change("DeleteChat", "", json!({"DeleteMedia": true}), json!({})),
    );
    assert_eq!(
        told(Event::UserStatusMuteUpdate(update!(UserStatusMuteUpdate {
            jid: jid(ANA_LID),
            muted: true,
            action: Box::default(),
        }))),
        change("UserStatusMute", "", json!({"Muted": true}), json!({})),
    );
}

#[test]
fn messages() {
    let event = |action: Value| {
        json!({
            "ChatJID": GROUP,
            "ChatAlt": "",
            "SenderJID": ANA_LID,
            "SenderAlt": ANA,
            "IsFromMe": false,
            "MessageID": "3EB0",
            "Timestamp": AT,
            "Action": action,
            "FromFullSync": false,
        })
    };
    let once = |kind: &str| format!("state|{kind}|{GROUP}|3EB0|1700000000000");
    let star = action::StarAction { starred: Some(true) };
    assert_eq!(
        told(Event::StarUpdate(update!(StarUpdate {
            chat_jid: jid(GROUP),
            participant_jid: jid(ANA_LID),
            message_id: "3EB0".into(),
            from_me: false,
            action: Box::new(star),
        }))),
        record("Star", "AppState", GROUP, Some(&once("Star")), event(json!({"starred": true}))),
    );
    assert_eq!(
        told(Event::DeleteMessageForMeUpdate(update!(DeleteMessageForMeUpdate {
            chat_jid: jid(GROUP),
            participant_jid: jid(ANA_LID),
            message_id: "3EB0".into(),
            from_me: false,
            action: Box::default(),
        }))),
        record("DeleteForMe", "AppState", GROUP, Some(&once("DeleteForMe")), event(json!({}))),
    );
}

#[test]
fn labels() {
    let edit = action::LabelEditAction { name: Some("New order".into()), color: Some(3), ..Default::default() };
    assert_eq!(
        told(Event::LabelEditUpdate(update!(LabelEditUpdate { label_id: "5".into(), action: Box::new(edit) }))),
        record(
            "LabelEdit",
            "AppState",
            "",
            Some("state|LabelEdit|5|1700000000000"),
            json!({
                "Timestamp": AT,
                "LabelID": "5",
                "Action": {"name": "New order", "color": 3},
                "FromFullSync": false,
            }),
        ),
    );
    let put = action::LabelAssociationAction { labeled: Some(true), ..Default::default() };
    assert_eq!(
        told(Event::LabelAssociationUpdate(update!(LabelAssociationUpdate {
            label_id: "5".into(),
            chat_jid: jid(ANA_LID),
            action: Box::new(put),
        }))),
        change("LabelAssociationChat", "5", json!({"LabelID": "5"}), json!({"labeled": true})),
    );
}

#[test]
fn the_own_name() {
    let update = SelfPushNameUpdated::builder().from_server(true).old_name("Old".into()).new_name("New".into()).build();
    assert_eq!(
        told(Event::SelfPushNameUpdated(update)),
        record(
            "PushNameSetting",
            "AppState",
            "",
            None,
            json!({"Timestamp": AT, "Action": {"name": "New"}, "OldName": "Old", "FromServer": true}),
        ),
    );
}

#[test]
fn what_could_not_be_read() {
    let failed = AppStateSyncFailed::builder()
        .fatal(vec!["critical_block".into()])
        .retryable(vec!["regular".into()])
        .skipped(vec!["regular_low".into()])
        .connected(true)
        .build();
    assert_eq!(
        told(Event::AppStateSyncFailed(failed)),
        record(
            "AppStateSyncError",
            "AppStateSyncError",
            "",
            None,
            json!({"Fatal": ["critical_block"], "Retryable": ["regular"]}),
        ),
    );
}

#[test]
fn the_whole_state_is_told_each_time() {
    let pin = PinUpdate::builder().jid(jid(ANA)).timestamp(at()).action(Box::default()).from_full_sync(true).build();
    assert_eq!(told(Event::PinUpdate(pin))["once"], Value::Null);
}

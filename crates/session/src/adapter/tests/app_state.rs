use wacore::{appstate::decode::Mutation, types::events::AppStateSyncFailed};
use waproto::whatsapp::{self as wa, sync_action_value as action, syncd_mutation::SyncdOperation};

use super::*;
use crate::record::Record;

fn mutation(operation: SyncdOperation, index: &[&str], value: wa::SyncActionValue, whole: bool) -> Option<Record> {
    let value = wa::SyncActionValue { timestamp: Some(at().timestamp_millis()), ..value };
    let index = index.iter().map(|part| (*part).to_owned()).collect();
    crate::adapter::app_state::mutation(&Mutation { action_value: Some(value), index, operation }, whole, around(&Ana))
}

fn set(index: &[&str], value: wa::SyncActionValue) -> Value {
    let mut told = mutation(SyncdOperation::Set, index, value, false).expect("it is told").told();
    // What it does is the last part of its name.
    let (name, _) = told["once"].as_str().unwrap().rsplit_once('|').unwrap();
    told["once"] = json!(name);
    told
}

macro_rules! value {
    ($field:ident: $action:expr) => {
        wa::SyncActionValue { $field: $action.into(), ..Default::default() }
    };
}

#[test]
fn two_in_one_millisecond_differ_in_what_they_do() {
    let pinned = |on| {
        let pin = value!(pin_action: action::PinAction { pinned: Some(on) });
        mutation(SyncdOperation::Set, &["pin_v1", ANA], pin, false).unwrap().told()["once"].take()
    };
    assert_eq!(pinned(true), pinned(true));
    assert_ne!(pinned(true), pinned(false));
}

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

#[test]
fn chats() {
    let contact = action::ContactAction { full_name: Some("Ana Souza".into()), ..Default::default() };
    assert_eq!(
        set(&["contact", ANA_LID], value!(contact_action: contact)),
        change("Contact", "", json!({}), json!({"fullName": "Ana Souza"})),
    );
    let pin = action::PinAction { pinned: Some(true) };
    let pinned = change("Pin", "", json!({}), json!({"pinned": true}));
    assert_eq!(set(&["pin_v1", ANA_LID], value!(pin_action: pin)), pinned);
    let mute = action::MuteAction { muted: Some(true), mute_end_timestamp: Some(-1), ..Default::default() };
    assert_eq!(
        set(&["mute", ANA_LID], value!(mute_action: mute)),
        change("Mute", "", json!({}), json!({"muted": true, "muteEndTimestamp": -1})),
    );
    let archive = action::ArchiveChatAction { archived: Some(true), ..Default::default() };
    assert_eq!(
        set(&["archive", ANA_LID], value!(archive_chat_action: archive)),
        change("Archive", "", json!({}), json!({"archived": true})),
    );
    let read = action::MarkChatAsReadAction { read: Some(false), ..Default::default() };
    assert_eq!(
        set(&["markChatAsRead", ANA_LID], value!(mark_chat_as_read_action: read)),
        change("MarkChatAsRead", "", json!({}), json!({"read": false})),
    );
    assert_eq!(
        set(&["clearChat", ANA_LID, "1", "0"], value!(clear_chat_action: action::ClearChatAction::default())),
        change("ClearChat", "", json!({"DeleteStarred": true, "DeleteMedia": false}), json!({})),
    );
    assert_eq!(
        set(&["deleteChat", ANA_LID, "1"], value!(delete_chat_action: action::DeleteChatAction::default())),
        change("DeleteChat", "", json!({"DeleteMedia": true}), json!({})),
    );
    let mute = action::UserStatusMuteAction { muted: Some(true) };
    assert_eq!(
        set(&["userStatusMute", ANA_LID], value!(user_status_mute_action: mute)),
        change("UserStatusMute", "", json!({"Muted": true}), json!({"muted": true})),
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
        set(&["star", GROUP, "3EB0", "0", ANA_LID], value!(star_action: star)),
        record("Star", "AppState", GROUP, Some(&once("Star")), event(json!({"starred": true}))),
    );
    let delete = action::DeleteMessageForMeAction::default();
    assert_eq!(
        set(&["deleteMessageForMe", GROUP, "3EB0", "0", ANA_LID], value!(delete_message_for_me_action: delete)),
        record("DeleteForMe", "AppState", GROUP, Some(&once("DeleteForMe")), event(json!({}))),
    );
}

#[test]
fn labels() {
    let edit = action::LabelEditAction { name: Some("New order".into()), color: Some(3), ..Default::default() };
    assert_eq!(
        set(&["label_edit", "5"], value!(label_edit_action: edit)),
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
    let put = || action::LabelAssociationAction { labeled: Some(true), ..Default::default() };
    assert_eq!(
        set(&["label_jid", "5", ANA_LID], value!(label_association_action: put())),
        change("LabelAssociationChat", "5", json!({"LabelID": "5"}), json!({"labeled": true})),
    );
    let told = set(&["label_message", "5", ANA_LID, "3EB0", "0", "0"], value!(label_association_action: put()));
    assert_eq!((&told["kind"], &told["event"]["MessageID"]), (&json!("LabelAssociationMessage"), &json!("3EB0")));
}

#[test]
fn who_is_taken_out_of_the_address_book() {
    let removed = mutation(SyncdOperation::Remove, &["contact", ANA_LID], Default::default(), false).unwrap().told();
    assert_eq!(removed["event"]["Action"], Value::Null);
    assert!(mutation(SyncdOperation::Remove, &["pin_v1", ANA_LID], Default::default(), false).is_none());
}

#[test]
fn what_cannot_be_read_is_not_told() {
    for index in [&[] as &[&str], &["pin_v1"], &["pin_v1", "not a jid"], &["star", GROUP], &["unknown", ANA]] {
        let pin = action::PinAction { pinned: Some(true) };
        assert!(mutation(SyncdOperation::Set, index, value!(pin_action: pin), false).is_none(), "{index:?}");
    }
    assert!(mutation(SyncdOperation::Set, &["pin_v1", ANA], Default::default(), false).is_none());
}

#[test]
fn the_whole_state_is_told_each_time() {
    let pin = value!(pin_action: action::PinAction { pinned: Some(true) });
    let told = mutation(SyncdOperation::Set, &["pin_v1", ANA], pin, true).unwrap().told();
    assert_eq!((&told["once"], &told["event"]["FromFullSync"]), (&Value::Null, &json!(true)));
}

#[test]
fn the_own_name() {
    let named = |name: &str| {
        let setting = action::PushNameSetting { name: Some(name.into()) };
        set(&["setting_pushName"], value!(push_name_setting: setting))
    };
    let told = |name: &str, old: &str| json!({"Timestamp": AT, "Action": {"name": name}, "OldName": old, "FromFullSync": false});
    let once = Some("state|PushNameSetting||1700000000000");
    assert_eq!(named("New"), record("PushNameSetting", "AppState", "", once, told("New", "Old")));
    assert_eq!(named("Old"), record("PushNameSetting", "AppState", "", once, told("Old", "")));
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

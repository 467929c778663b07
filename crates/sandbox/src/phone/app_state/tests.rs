use wago_contract::phone as shape;

use super::*;
use crate::{
    account::Number,
    journal::{Journal, Tables},
    phone::{self, with},
};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";

fn count(state: &State, name: &str) -> u64 {
    state.counters.all().get(name).copied().unwrap_or_default()
}

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

fn world() -> State {
    let mut state = State::restore(Journal::in_memory(), &Tables::new(), 1);
    for name in [ALICE, BOB] {
        phone::create(&mut state, name, name).unwrap();
        phone::answer_all(&mut state);
    }
    state
}

fn at<T>(state: &mut State, work: impl FnOnce(&mut Handset, &mut State) -> T) -> T {
    let done = with(state, number(ALICE), work).unwrap();
    phone::answer_all(state);
    done
}

fn wish(action: shape::chat::ChatAction) -> shape::chat::ChatAction {
    shape::chat::ChatAction { chat: Some(BOB.to_owned()), ..action }
}

fn act(state: &mut State, action: &str, with: shape::chat::ChatAction) -> Result<()> {
    at(state, |phone, state| chat(phone, state, action, &wish(with)))
}

fn said(state: &mut State, text: &str) -> String {
    let request = shape::Send { to: Some(ALICE.to_owned()), text: Some(text.to_owned()), ..Default::default() };
    with(state, number(BOB), |phone, state| outbound::send(phone, state, request, None)).unwrap().unwrap();
    phone::answer_all(state);
    let messages = &state.phones.get(number(ALICE)).unwrap().messages;
    messages.newest_first().next().unwrap().message.id.clone()
}

fn texts(state: &State) -> Vec<(String, bool)> {
    let messages = state.phones.get(number(ALICE)).unwrap().messages.list(0, None, 9);
    messages.into_iter().map(|one| (one.text.unwrap_or_default(), one.starred)).collect()
}

/// What the phone knows by heart, and what it reads after it has forgotten that.
fn seen(state: &mut State) -> (Vec<shape::chat::Chat>, Vec<shape::chat::Label>) {
    let known = at(state, |phone, state| (chats(phone, state), labels(phone, state)));
    let read = at(state, |phone, state| {
        phone.app_state = AppState::default();
        (chats(phone, state), labels(phone, state))
    });
    assert_eq!(known, read);
    known
}

#[test]
fn what_is_set_can_be_read_again() {
    let mut state = world();
    let first = said(&mut state, "first");
    said(&mut state, "second");
    let bob = format!("{BOB}@s.whatsapp.net");
    for action in ["pin", "archive", "unread", "mute"] {
        act(&mut state, action, Default::default()).unwrap();
    }
    act(&mut state, "archive", shape::chat::ChatAction { on: Some(false), ..Default::default() }).unwrap();
    let edit = |name: &str| shape::chat::EditLabel {
        id: Some("7".into()),
        name: Some(name.into()),
        color: Some(3),
        deleted: None,
    };
    at(&mut state, |phone, state| label(phone, state, &edit("New"))).unwrap();
    at(&mut state, |phone, state| label(phone, state, &edit("Paid"))).unwrap();
    let labelled = || shape::chat::ChatAction { label: Some("7".into()), ..Default::default() };
    act(&mut state, "label", labelled()).unwrap();
    act(&mut state, "label", shape::chat::ChatAction { message: Some(first.clone()), ..labelled() }).unwrap();
    let (chats, labels) = seen(&mut state);
    let expected = shape::chat::Chat {
        chat: bob.clone(),
        pinned: true,
        muted_until: Some(-1),
        archived: false,
        marked_unread: true,
        unread: 2,
        labels: vec!["7".into()],
    };
    assert_eq!(chats, [expected]);
    let label =
        shape::chat::Label { id: "7".into(), name: "Paid".into(), color: 3, chats: vec![bob], messages: vec![first] };
    assert_eq!(labels, [label]);
    assert_eq!(count(&state, "phone could not read its app state"), 0);
}

#[test]
fn a_deleted_chat_begins_anew() {
    let mut state = world();
    let first = said(&mut state, "first");
    said(&mut state, "second");
    let message = |id: &str| shape::chat::ChatAction { message: Some(id.to_owned()), ..Default::default() };
    act(&mut state, "star", message(&first)).unwrap();
    assert_eq!(texts(&state), [("first".into(), true), ("second".into(), false)]);
    act(&mut state, "pin", Default::default()).unwrap();
    act(&mut state, "clear", Default::default()).unwrap();
    assert_eq!(texts(&state), [("first".into(), true)]);
    assert!(seen(&mut state).0[0].pinned);
    act(&mut state, "label", shape::chat::ChatAction { label: Some("7".into()), ..Default::default() }).unwrap();
    act(&mut state, "delete", Default::default()).unwrap();
    assert_eq!((texts(&state), seen(&mut state).0), (vec![], vec![]));
    let third = said(&mut state, "third");
    assert!(!seen(&mut state).0[0].pinned);
    act(&mut state, "delete-message", message(&third)).unwrap();
    assert_eq!(texts(&state), []);
    assert!(matches!(act(&mut state, "star", message(&third)), Err(Error::UnknownMessage)));
}

#[test]
fn the_phone_follows_what_another_device_writes_but_not_what_is_forged() {
    let mut state = world();
    // A device that has the key, but is not this phone's memory.
    let device = DeviceId { number: number(ALICE), device: 1 };
    let like = state.devices[&DeviceId::phone(number(BOB))].clone();
    state.add_device(device, like);
    let key = state.phones.get(number(ALICE)).unwrap().keys.app_state_key();
    let patch = |key: ([u8; 6], [u8; 32])| {
        let keys = expand_app_state_keys(&key.1);
        let setting = wa::sync_action_value::PushNameSetting { name: Some("Alicia".into()) };
        let value = wa::SyncActionValue { push_name_setting: MessageField::some(setting), ..Default::default() };
        let index = br#"["setting_pushName"]"#;
        let (mutation, _) = encode_record(SyncdOperation::SET, index, &value, &keys, &key.0, &[1; 16], 1);
        let mut hash = HashState::default();
        hash.update_hash(std::slice::from_ref(&mutation), |_, _| Ok(None)).1.unwrap();
        hash.version = 1;
        let mut patch = wa::SyncdPatch {
            mutations: vec![mutation],
            snapshot_mac: Some(hash.generate_snapshot_mac(FIRST, &keys.snapshot_mac)),
            key_id: MessageField::some(wa::KeyId { id: Some(key.0.to_vec()) }),
            ..Default::default()
        };
        patch.patch_mac = Some(generate_patch_mac(&patch, FIRST, &keys.patch_mac, 1));
        let patch = node("patch").bytes(patch.encode_to_vec()).build();
        let collection = node("collection").attr("name", FIRST).attr("version", 0).children([patch]).build();
        node("iq")
            .attr("id", "1")
            .attr("xmlns", "w:sync:app:state")
            .attr("type", "set")
            .children([node("sync").children([collection]).build()])
            .build()
    };
    let mut forged = world();
    forged.add_device(device, forged.devices[&DeviceId::phone(number(BOB))].clone());
    for (state, key, name) in [(&mut state, key, "Alicia"), (&mut forged, (key.0, [9; 32]), ALICE)] {
        crate::stanza::receive(state, device, patch(key));
        phone::answer_all(state);
        assert_eq!(state.accounts[&number(ALICE)].name, name);
    }
    assert_eq!(count(&forged, "phone could not read its app state"), 1);
}

#[test]
fn wishes_that_make_no_sense_are_refused() {
    let mut state = world();
    let field = |done: Result<()>| match done {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(act(&mut state, "dance", Default::default())), "action");
    assert_eq!(field(act(&mut state, "label", Default::default())), "label");
    assert_eq!(field(act(&mut state, "star", Default::default())), "message");
    let edit = |id: &str, name: &str| shape::chat::EditLabel {
        id: Some(id.into()),
        name: Some(name.into()),
        ..Default::default()
    };
    assert_eq!(field(at(&mut state, |phone, state| label(phone, state, &edit("x", "Paid")))), "id");
    assert_eq!(field(at(&mut state, |phone, state| label(phone, state, &edit("1", " ")))), "name");
    assert_eq!(field(at(&mut state, |phone, state| rename(phone, state, " "))), "name");
}

use std::path::Path;

use super::{signal::Signal, *};
use crate::{journal::Journal, pairing};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

fn open(folder: &Path) -> State {
    let (journal, tables) = Journal::open(&folder.join("journal")).unwrap();
    let mut state = State::restore(journal, &tables, 1);
    answer_all(&mut state);
    state
}

fn two_phones() -> State {
    let mut state = State::restore(Journal::in_memory(), &Tables::new(), 1);
    add_two(&mut state);
    state
}

fn add_two(state: &mut State) {
    for (number, name) in [(ALICE, "Alice"), (BOB, "Bob")] {
        create(state, number, name).unwrap();
        answer_all(state);
    }
}

fn send(state: &mut State, from: &str, to: &str, text: &str) -> String {
    let request = shape::Send { to: Some(to.to_owned()), text: Some(text.to_owned()), ..Default::default() };
    let id = with(state, number(from), |phone, state| outbound::send(phone, state, request, None)).unwrap().unwrap();
    answer_all(state);
    id
}

fn texts(state: &State, of: &str) -> Vec<String> {
    let messages = state.phones.get(number(of)).unwrap().messages.list(0, None, 100);
    messages.into_iter().filter_map(|message| message.text).collect()
}

fn state_of(state: &State, of: &str, id: &str) -> shape::State {
    state.phones.get(number(of)).unwrap().messages.own(id).unwrap().message.state
}

#[test]
fn phones_write_to_each_other_and_see_what_became_of_it() {
    let mut state = two_phones();
    let id = send(&mut state, ALICE, BOB, "hello");
    assert_eq!(state_of(&state, ALICE, &id), shape::State::Delivered);
    let read = with(&mut state, number(BOB), |phone, state| outbound::read(phone, state, &[], Some(ALICE))).unwrap();
    assert_eq!(read.unwrap(), 1);
    answer_all(&mut state);
    assert_eq!(state_of(&state, ALICE, &id), shape::State::Read);
    send(&mut state, BOB, ALICE, "hi");
    assert_eq!(texts(&state, ALICE), ["hello", "hi"]);
    assert!(state.queues.values().all(|queue| queue.len() == 0), "all is acknowledged");
}

#[test]
fn a_phone_that_cannot_open_a_message_gets_it_again() {
    let mut state = two_phones();
    send(&mut state, ALICE, BOB, "first");
    send(&mut state, BOB, ALICE, "second");
    // Bob's phone forgets its sessions and one-time keys, and Alice's does not know.
    with(&mut state, number(BOB), |phone, _| phone.signal = Signal::new(&phone.keys)).unwrap();
    let id = send(&mut state, ALICE, BOB, "third");
    assert_eq!(texts(&state, BOB), ["first", "second", "third"]);
    assert_eq!(state_of(&state, ALICE, &id), shape::State::Delivered);
    assert_eq!(state.counters.all()["phone sealed a message again"], 1);
}

#[test]
fn a_reinstalled_phone_has_new_keys_and_its_old_messages() {
    let mut state = two_phones();
    send(&mut state, ALICE, BOB, "before");
    let old = state.accounts[&number(BOB)].key;
    reinstall(&mut state, number(BOB)).unwrap();
    answer_all(&mut state);
    assert_ne!(state.accounts[&number(BOB)].key, old);
    send(&mut state, ALICE, BOB, "after");
    send(&mut state, BOB, ALICE, "answer");
    assert_eq!(texts(&state, BOB), ["before", "after", "answer"]);
    assert_eq!(texts(&state, ALICE), ["before", "after", "answer"]);
}

#[test]
fn what_phones_know_survives_a_sudden_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(folder.path());
    add_two(&mut state);
    send(&mut state, ALICE, BOB, "before");
    send(&mut state, BOB, ALICE, "answer");
    // Nothing is written at the end: dropping it is as good as killing it.
    drop(state);
    let mut state = open(folder.path());
    let id = send(&mut state, ALICE, BOB, "after");
    assert_eq!(texts(&state, BOB), ["before", "answer", "after"]);
    assert_eq!(state_of(&state, ALICE, &id), shape::State::Delivered);
    assert!(!state.counters.all().contains_key("phone could not open a message"));
}

#[test]
fn a_phone_that_is_off_gets_what_it_missed() {
    let mut state = two_phones();
    state.faults.add(crate::faults::Kind::Offline, Some(number(BOB)), None, 1.0, 0);
    let id = send(&mut state, ALICE, BOB, "are you there?");
    assert_eq!(state_of(&state, ALICE, &id), shape::State::Sent);
    assert!(texts(&state, BOB).is_empty());
    state.faults.clear(None, None);
    state.wake_phone(number(BOB));
    answer_all(&mut state);
    assert_eq!(texts(&state, BOB), ["are you there?"]);
    assert_eq!(state_of(&state, ALICE, &id), shape::State::Delivered);
}

#[test]
fn a_blocked_person_is_told_nothing() {
    let mut state = two_phones();
    let block = shape::Block { who: Some(ALICE.to_owned()), blocked: None };
    person::block(&mut state, number(BOB), &block).unwrap();
    let id = send(&mut state, ALICE, BOB, "hello?");
    assert_eq!(state_of(&state, ALICE, &id), shape::State::Sent);
    assert!(texts(&state, BOB).is_empty());
}

#[test]
fn messages_are_edited_reacted_to_and_taken_back() {
    let mut state = two_phones();
    let id = send(&mut state, ALICE, BOB, "helo");
    with(&mut state, number(ALICE), |phone, state| outbound::edit(phone, state, &id, "hello")).unwrap().unwrap();
    answer_all(&mut state);
    with(&mut state, number(BOB), |phone, state| outbound::react(phone, state, &id, "👍")).unwrap().unwrap();
    answer_all(&mut state);
    let at =
        |state: &State, of: &str| state.phones.get(number(of)).unwrap().messages.by_id(&id).unwrap().message.clone();
    assert_eq!(at(&state, BOB).text.as_deref(), Some("hello"));
    assert!(at(&state, BOB).edited);
    assert_eq!(at(&state, ALICE).reactions.values().collect::<Vec<_>>(), ["👍"]);
    with(&mut state, number(ALICE), |phone, state| outbound::delete(phone, state, &id)).unwrap().unwrap();
    answer_all(&mut state);
    assert_eq!(at(&state, BOB).kind, shape::Kind::Deleted);
    assert_eq!(at(&state, BOB).text, None);
}

#[test]
fn what_is_wrong_is_refused() {
    let mut state = two_phones();
    assert!(matches!(create(&mut state, ALICE, "Again"), Err(Error::PhoneExists)));
    assert!(matches!(create(&mut state, "abc", ""), Err(Error::Invalid { field: "number", .. })));
    let mut refused = |to: Option<&str>, text: Option<&str>| {
        let request = shape::Send { to: to.map(str::to_owned), text: text.map(str::to_owned), ..Default::default() };
        with(&mut state, number(ALICE), |phone, state| outbound::send(phone, state, request, None))
            .unwrap()
            .unwrap_err()
    };
    assert!(matches!(refused(None, Some("x")), Error::Invalid { field: "to", .. }));
    assert!(matches!(refused(Some(BOB), None), Error::Invalid { field: "text", .. }));
    assert!(matches!(refused(Some("49123456"), Some("x")), Error::UnknownRecipient));
    assert!(matches!(refused(Some("nobody"), Some("x")), Error::Invalid { .. } | Error::UnknownRecipient));
    assert!(!pairing::unlink(&mut state, DeviceId::phone(number(ALICE))), "a phone is not a linked device");
}

#[test]
fn files_are_sent_quoted_and_given_other_words() {
    let mut state = two_phones();
    let file = |caption: &str| shape::Send {
        to: Some(BOB.to_owned()),
        document: Some("data:text/plain;base64,aGVsbG8=".to_owned()),
        caption: Some(caption.to_owned()),
        filename: Some("a.txt".to_owned()),
        ..Default::default()
    };
    let mut request = file("look");
    let sealed = files::pick(&mut request).unwrap().unwrap().seal(&state.media).unwrap();
    let id = with(&mut state, number(ALICE), |phone, state| outbound::send(phone, state, request, Some(sealed)));
    let id = id.unwrap().unwrap();
    answer_all(&mut state);
    let at = |state: &State, of: &str, id: &str| {
        state.phones.get(number(of)).unwrap().messages.by_id(id).unwrap().message.clone()
    };
    let got = at(&state, BOB, &id);
    assert_eq!((got.kind, got.caption.as_deref()), (shape::Kind::Document, Some("look")));
    assert_eq!(got.media.unwrap().filename.as_deref(), Some("a.txt"));

    with(&mut state, number(ALICE), |phone, state| outbound::edit(phone, state, &id, "read")).unwrap().unwrap();
    answer_all(&mut state);
    for phone in [ALICE, BOB] {
        let message = at(&state, phone, &id);
        assert_eq!((message.caption.as_deref(), message.text.as_deref(), message.edited), (Some("read"), None, true));
        let raw = state.phones.get(number(phone)).unwrap().messages.by_id(&id).unwrap().raw.clone();
        assert!(files::stored(&raw).unwrap().unwrap().fetch(&state.media).is_ok());
    }
    let reply = shape::Send {
        to: Some(ALICE.to_owned()),
        text: Some("thanks".to_owned()),
        reply: Some(id.clone()),
        ..Default::default()
    };
    let answer = with(&mut state, number(BOB), |phone, state| outbound::send(phone, state, reply, None));
    let answer = answer.unwrap().unwrap();
    answer_all(&mut state);
    assert_eq!(at(&state, ALICE, &answer).quoted.unwrap().text.as_deref(), Some("read"));
    with(&mut state, number(ALICE), |phone, state| outbound::delete(phone, state, &id)).unwrap().unwrap();
    answer_all(&mut state);
    assert!(at(&state, BOB, &id).media.is_none());
}

//! Who reads what.

use super::*;

#[test]
fn everybody_reads_what_one_writes() {
    let mut state = phones(4);
    let id = group(&mut state, &[2, 3]);
    say(&mut state, 1, id, "hello");
    let reply = say(&mut state, 2, id, "hi");
    assert_eq!(texts(&state, 3), ["hello", "hi"]);
    assert_eq!(texts(&state, 1), ["hello", "hi"]);
    assert!(texts(&state, 4).is_empty());
    let shown = &held(&state, 3)[1];
    assert_eq!(
        (shown.chat.as_str(), shown.from.as_str()),
        (id.jid().to_string().as_str(), jid(2).to_string().as_str())
    );
    let own = held(&state, 2).into_iter().find(|message| message.id == reply).unwrap();
    assert_eq!(own.state, shape::State::Delivered);
    assert_eq!(own.receipts.len(), 2);
    assert_eq!(count(&state, "phone could not open a message"), 0);
    assert!(state.queues.values().all(|queue| queue.len() == 0), "all is acknowledged");
}

#[test]
fn a_message_is_read_when_all_have_read_it() {
    let mut state = phones(3);
    let id = group(&mut state, &[2, 3]);
    let message = say(&mut state, 1, id, "hello");
    let chat = id.jid().to_string();
    for (reader, expected) in [(2, shape::State::Delivered), (3, shape::State::Read)] {
        phone::with(&mut state, number(reader), |phone, state| outbound::read(phone, state, &[], Some(&chat)))
            .unwrap()
            .unwrap();
        phone::answer_all(&mut state);
        assert_eq!(held(&state, 1)[0].state, expected);
    }
    assert_eq!(held(&state, 1)[0].id, message);
}

#[test]
fn who_is_removed_reads_no_further_and_the_key_changes() {
    let mut state = phones(3);
    let id = group(&mut state, &[2, 3]);
    say(&mut state, 1, id, "before");
    assert_eq!(codes(&act::remove(&mut state, number(1), id, &[jid(3)]).unwrap()), [200]);
    phone::answer_all(&mut state);
    say(&mut state, 1, id, "after");
    assert_eq!(texts(&state, 3), ["before"]);
    assert_eq!(texts(&state, 2), ["before", "after"]);
    let refused = say(&mut state, 3, id, "let me in");
    let shown = held(&state, 3).into_iter().find(|message| message.id == refused).unwrap();
    assert_eq!(shown.state, shape::State::Refused);
    assert_eq!(count(&state, "message refused: 401"), 1);
}

#[test]
fn who_is_added_reads_from_then_on() {
    let mut state = phones(3);
    let id = group(&mut state, &[2]);
    say(&mut state, 1, id, "before");
    assert_eq!(codes(&act::add(&mut state, number(1), id, &[jid(3)]).unwrap()), [200]);
    phone::answer_all(&mut state);
    say(&mut state, 1, id, "after");
    assert_eq!(texts(&state, 3), ["after"]);
    assert_eq!(count(&state, "phone could not open a message"), 0);
}

#[test]
fn a_phone_that_was_set_up_anew_asks_for_the_key() {
    let mut state = phones(3);
    let id = group(&mut state, &[2, 3]);
    say(&mut state, 1, id, "first");
    phone::reinstall(&mut state, number(3)).unwrap();
    phone::answer_all(&mut state);
    let message = say(&mut state, 1, id, "second");
    assert_eq!(texts(&state, 3), ["first", "second"]);
    assert_eq!(texts(&state, 2), ["first", "second"]);
    let own = held(&state, 1).into_iter().find(|own| own.id == message).unwrap();
    assert_eq!(own.state, shape::State::Delivered);
    say(&mut state, 3, id, "third");
    assert_eq!(texts(&state, 1), ["first", "second", "third"]);
    assert_eq!(texts(&state, 2), ["first", "second", "third"]);
}

#[test]
fn a_phone_that_lost_its_keys_gets_the_message_again() {
    let mut state = phones(3);
    let id = group(&mut state, &[2, 3]);
    say(&mut state, 1, id, "first");
    phone::with(&mut state, number(3), |phone, state| phone.lose_sender_keys(&state.journal)).unwrap();
    let message = say(&mut state, 1, id, "second");
    assert_eq!(texts(&state, 3), ["first", "second"]);
    assert_eq!(count(&state, "phone sealed a message again"), 1);
    let own = held(&state, 1).into_iter().find(|own| own.id == message).unwrap();
    assert_eq!(own.state, shape::State::Delivered);
    say(&mut state, 1, id, "third");
    assert_eq!(texts(&state, 3), ["first", "second", "third"]);
    assert_eq!(count(&state, "phone sealed a message again"), 1);
}

#[test]
fn messages_in_groups_are_reacted_to_edited_and_taken_back() {
    let mut state = phones(3);
    let id = group(&mut state, &[2, 3]);
    let own = say(&mut state, 2, id, "helo");
    phone::with(&mut state, number(2), |phone, state| outbound::edit(phone, state, &own, "hello")).unwrap().unwrap();
    phone::answer_all(&mut state);
    phone::with(&mut state, number(3), |phone, state| outbound::react(phone, state, &own, "👍")).unwrap().unwrap();
    phone::answer_all(&mut state);
    let shown = |state: &State, of: u64| held(state, of).into_iter().find(|message| message.id == own).unwrap();
    for phone in [1, 2, 3] {
        assert_eq!(shown(&state, phone).text.as_deref(), Some("hello"));
        assert_eq!(shown(&state, phone).reactions.values().collect::<Vec<_>>(), ["👍"]);
    }
    let delete = |state: &mut State, by: u64| {
        let done = phone::with(state, number(by), |phone, state| outbound::delete(phone, state, &own)).unwrap();
        phone::answer_all(state);
        done.is_ok()
    };
    assert!(!delete(&mut state, 3), "neither its own nor an admin");
    assert!(delete(&mut state, 1), "an admin");
    for phone in [1, 2, 3] {
        assert_eq!(shown(&state, phone).kind, shape::Kind::Deleted, "{phone}");
    }
}

#[test]
fn a_phone_that_is_off_catches_up() {
    let mut state = phones(3);
    let id = group(&mut state, &[2]);
    state.faults.add(crate::faults::Kind::Offline, Some(number(3)), None, 1.0, 0);
    act::add(&mut state, number(1), id, &[jid(3)]).unwrap();
    phone::answer_all(&mut state);
    say(&mut state, 1, id, "one");
    say(&mut state, 2, id, "two");
    assert!(texts(&state, 3).is_empty());
    state.faults.clear(None, None);
    state.wake_phone(number(3));
    phone::answer_all(&mut state);
    assert_eq!(texts(&state, 3), ["one", "two"]);
}

#[test]
fn a_status_is_seen_by_those_who_know_the_author_or_are_named() {
    let mut state = phones(4);
    write(&mut state, 1, &number(2).to_string(), "hello");
    write(&mut state, 1, "status@broadcast", "at the sea");
    assert_eq!(texts(&state, 2), ["hello", "at the sea"]);
    assert_eq!(held(&state, 2)[1].chat, "status@broadcast");
    assert!(texts(&state, 3).is_empty());
    let request = shape::Send {
        to: Some("status@broadcast".to_owned()),
        text: Some("for one".to_owned()),
        recipients: Some(vec![number(3).to_string()]),
        ..Default::default()
    };
    phone::with(&mut state, number(1), |phone, state| outbound::send(phone, state, request, None)).unwrap().unwrap();
    phone::answer_all(&mut state);
    assert_eq!(texts(&state, 3), ["for one"]);
    assert_eq!(texts(&state, 2).len(), 2);
    assert_eq!(count(&state, "phone could not open a message"), 0);
}

/// A device that is never there: what it is told waits.
pub(super) fn add_companion(state: &mut State, n: u64) {
    use wacore_libsignal::protocol::KeyPair;
    let mut rng = rand::rng();
    let (identity, signed) = (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
    let key = |pair: &KeyPair| -> [u8; 32] { pair.public_key.public_key_bytes().try_into().unwrap() };
    let device = crate::device::Device {
        noise: None,
        identity: key(&identity),
        registration: 1,
        signed_pre_key: crate::device::SignedPreKey {
            id: 1,
            key: key(&signed),
            signature: identity.calculate_signature(&signed.public_key.serialize(), &mut rng).unwrap().to_vec(),
        },
        identity_proof: Vec::new(),
        key_index: 1,
        platform: "Away".to_owned(),
        inline_history: false,
        linked_at: 0,
        pre_keys: Default::default(),
    };
    state.add_device(DeviceId { number: number(n), device: 1 }, device);
}

#[test]
fn a_thousand_members_with_two_devices_each() {
    const MEMBERS: u64 = 1_000;
    let mut state = phones(MEMBERS);
    (1..=MEMBERS).for_each(|n| add_companion(&mut state, n));
    let others: Vec<u64> = (2..=MEMBERS).collect();
    let id = group(&mut state, &others);
    for round in ["first", "second"] {
        let text = Some(round.to_owned());
        let request = shape::Send { to: Some(id.jid().to_string()), text, ..Default::default() };
        let mut steps = 1;
        while phone::with(&mut state, number(1), |phone, state| outbound::prepare(phone, state, &request)).unwrap() {
            steps += 1;
        }
        // Who has the key is not given it again.
        assert_eq!(steps > 1, round == "first");
        phone::with(&mut state, number(1), |phone, state| outbound::send(phone, state, request, None))
            .unwrap()
            .unwrap();
        let mut steps = 0;
        while state.phones.is_behind() {
            phone::answer(&mut state, 64);
            steps += 1;
        }
        assert!(steps > 1, "it is not one long step");
    }
    let message = held(&state, 1).pop().unwrap();
    assert_eq!(message.state, shape::State::Delivered);
    assert_eq!(message.receipts.len(), 999);
    assert_eq!(texts(&state, MEMBERS), ["first", "second"]);
    // That it is in the group, and the two messages.
    let away = DeviceId { number: number(MEMBERS), device: 1 };
    assert_eq!(state.queues[&away].len(), 3);
    assert_eq!(count(&state, "phone could not open a message"), 0);
}

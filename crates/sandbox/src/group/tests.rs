use wago_contract::phone as shape;

use super::{
    act::{self, New, Outcome, Refused, Setting},
    admission::{self, Joined},
    *,
};
use crate::{
    journal::Journal,
    phone::{self, outbound},
};

fn number(n: u64) -> Number {
    Number::parse(&(15_550_000_000 + n).to_string()).unwrap()
}

fn jid(n: u64) -> Jid {
    Jid::pn(number(n).to_string())
}

/// A network with so many phones.
fn phones(count: u64) -> State {
    let mut state = State::restore(Journal::in_memory(), &Tables::new(), 1);
    add_phones(&mut state, count);
    state
}

fn add_phones(state: &mut State, count: u64) {
    for n in 1..=count {
        phone::create(state, &number(n).to_string(), &format!("Phone {n}")).unwrap();
        phone::answer_all(state);
    }
}

fn new(subject: &str, participants: &[u64]) -> New {
    New {
        subject: subject.to_owned(),
        participants: participants.iter().map(|n| jid(*n)).collect(),
        description: None,
        ephemeral: 0,
        approval: false,
        admins_add: false,
        key: None,
    }
}

/// Made by the first phone.
fn group(state: &mut State, participants: &[u64]) -> GroupId {
    let (id, outcomes) = act::create(state, number(1), new("Group", participants)).unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "{outcomes:?}");
    phone::answer_all(state);
    id
}

fn write(state: &mut State, from: u64, to: &str, text: &str) -> String {
    let request = shape::Send { to: Some(to.to_owned()), text: Some(text.to_owned()), ..Default::default() };
    let id = phone::with(state, number(from), |phone, state| outbound::text(phone, state, request)).unwrap().unwrap();
    phone::answer_all(state);
    id
}

fn say(state: &mut State, from: u64, group: GroupId, text: &str) -> String {
    write(state, from, &group.jid().to_string(), text)
}

fn messages(state: &State, of: u64) -> Vec<shape::Message> {
    state.phones.get(number(of)).unwrap().messages.list(0, None, 1_000)
}

fn texts(state: &State, of: u64) -> Vec<String> {
    messages(state, of).into_iter().filter_map(|message| message.text).collect()
}

fn codes(outcomes: &[Outcome]) -> Vec<u16> {
    outcomes.iter().map(|outcome| outcome.result.as_ref().err().map_or(200, act::Failed::code)).collect()
}

fn count(state: &State, name: &str) -> u64 {
    state.counters.all().get(name).copied().unwrap_or(0)
}

#[test]
fn everybody_reads_what_one_writes() {
    let mut state = phones(4);
    let id = group(&mut state, &[2, 3]);
    say(&mut state, 1, id, "hello");
    let reply = say(&mut state, 2, id, "hi");
    assert_eq!(texts(&state, 3), ["hello", "hi"]);
    assert_eq!(texts(&state, 1), ["hello", "hi"]);
    assert!(texts(&state, 4).is_empty());
    let shown = &messages(&state, 3)[1];
    assert_eq!(
        (shown.chat.as_str(), shown.from.as_str()),
        (id.jid().to_string().as_str(), jid(2).to_string().as_str())
    );
    let own = messages(&state, 2).into_iter().find(|message| message.id == reply).unwrap();
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
        assert_eq!(messages(&state, 1)[0].state, expected);
    }
    assert_eq!(messages(&state, 1)[0].id, message);
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
    let shown = messages(&state, 3).into_iter().find(|message| message.id == refused).unwrap();
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
    let own = messages(&state, 1).into_iter().find(|own| own.id == message).unwrap();
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
    let own = messages(&state, 1).into_iter().find(|own| own.id == message).unwrap();
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
    let shown = |state: &State, of: u64| messages(state, of).into_iter().find(|message| message.id == own).unwrap();
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
fn a_person_is_the_same_by_number_and_by_lid() {
    let mut state = phones(2);
    let id = group(&mut state, &[2]);
    let lid = state.accounts[&number(2)].lid_jid();
    assert_eq!(codes(&act::add(&mut state, number(1), id, &[lid.clone(), jid(2)]).unwrap()), [409]);
    assert_eq!(codes(&act::promote(&mut state, number(1), id, &[lid]).unwrap()), [200]);
    assert_eq!(state.groups.get(id).unwrap().members[&number(2)].role, Role::Admin);
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
    assert_eq!(messages(&state, 2)[1].chat, "status@broadcast");
    assert!(texts(&state, 3).is_empty());
    let request = shape::Send {
        to: Some("status@broadcast".to_owned()),
        text: Some("for one".to_owned()),
        recipients: Some(vec![number(3).to_string()]),
        ..Default::default()
    };
    phone::with(&mut state, number(1), |phone, state| outbound::text(phone, state, request)).unwrap().unwrap();
    phone::answer_all(&mut state);
    assert_eq!(texts(&state, 3), ["for one"]);
    assert_eq!(texts(&state, 2).len(), 2);
    assert_eq!(count(&state, "phone could not open a message"), 0);
}

#[test]
fn a_group_survives_a_sudden_end() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let (journal, tables) = Journal::open(&folder.path().join("journal")).unwrap();
        let mut state = State::restore(journal, &tables, 1);
        phone::answer_all(&mut state);
        state
    };
    let mut state = open();
    add_phones(&mut state, 3);
    let id = group(&mut state, &[2, 3]);
    act::promote(&mut state, number(1), id, &[jid(2)]).unwrap();
    act::set(&mut state, number(2), id, Setting::Ephemeral(86_400)).unwrap();
    let code = admission::invite(&mut state, number(1), id, false).unwrap();
    let first = say(&mut state, 1, id, "before");
    // Nothing is written at the end: dropping it is as good as killing it.
    drop(state);
    let mut state = open();
    let group = state.groups.get(id).unwrap();
    assert_eq!(group.members.len(), 3);
    assert_eq!(group.members[&number(2)].role, Role::Admin);
    assert_eq!((group.ephemeral, group.invite.as_deref()), (86_400, Some(code.as_str())));
    assert_eq!(state.groups.by_code(&code).map(|group| group.id), Some(id));
    say(&mut state, 1, id, "after");
    say(&mut state, 3, id, "answer");
    assert_eq!(texts(&state, 2), ["before", "after", "answer"]);
    assert_eq!(count(&state, "phone could not open a message"), 0);
    let own = messages(&state, 1).into_iter().find(|message| message.id == first).unwrap();
    assert_eq!(own.receipts.len(), 2);
}

#[test]
fn what_is_wrong_is_refused_with_whatsapps_codes() {
    let mut state = phones(4);
    let id = group(&mut state, &[2, 3]);
    let nowhere = GroupId::parse("120363999999999999").unwrap();
    let long = "x".repeat(101);
    assert_eq!(act::create(&mut state, number(1), new("", &[2])).unwrap_err(), Refused(406));
    assert_eq!(act::create(&mut state, number(1), new(&long, &[2])).unwrap_err(), Refused(406));
    assert_eq!(act::seen(&state, number(4), id).err(), Some(Refused(403)), "not a member");
    assert_eq!(act::seen(&state, number(1), nowhere).err(), Some(Refused(404)));
    assert_eq!(act::leave(&mut state, number(4), id), Err(Refused(403)));
    assert_eq!(act::remove(&mut state, number(2), id, &[jid(3)]), Err(Refused(403)), "not an admin");
    assert_eq!(admission::invite(&mut state, number(2), id, false), Err(Refused(401)));
    assert_eq!(act::set(&mut state, number(2), id, Setting::Announce(true)), Err(Refused(403)));
    assert_eq!(act::set(&mut state, number(2), id, Setting::Subject(long)), Err(Refused(406)));
    assert_eq!(act::set(&mut state, number(1), id, Setting::Ephemeral(5)), Err(Refused(406)));
    act::set(&mut state, number(1), id, Setting::Locked(true)).unwrap();
    assert_eq!(act::set(&mut state, number(2), id, Setting::Subject("Ours".to_owned())), Err(Refused(403)));
    act::set(&mut state, number(1), id, Setting::Subject("Mine".to_owned())).unwrap();
    let describe = |text: &str, previous: Option<&str>| Setting::Description {
        id: text.to_owned(),
        text: Some(text.to_owned()),
        previous: previous.map(str::to_owned),
    };
    act::set(&mut state, number(1), id, describe("A", None)).unwrap();
    assert_eq!(act::set(&mut state, number(1), id, describe("B", None)), Err(Refused(409)));
    act::set(&mut state, number(1), id, describe("B", Some("A"))).unwrap();
    act::set(&mut state, number(1), id, Setting::AdminsAdd(true)).unwrap();
    assert_eq!(act::add(&mut state, number(2), id, &[jid(4)]), Err(Refused(403)));
    act::set(&mut state, number(1), id, Setting::Announce(true)).unwrap();
    phone::answer_all(&mut state);
    say(&mut state, 2, id, "psst");
    assert_eq!(count(&state, "message refused: 403"), 1);
    say(&mut state, 1, id, "silence");
    assert_eq!(texts(&state, 3), ["silence"]);
}

#[test]
fn each_person_has_a_result_of_its_own() {
    let mut state = phones(7);
    let id = group(&mut state, &[2, 3]);
    state.change_account(number(4), |account| account.privacy.insert("groupadd".into(), "none".into()));
    state.change_account(number(5), |account| account.blocked.insert(number(1)));
    act::leave(&mut state, number(3), id).unwrap();
    let named = [jid(2), jid(3), jid(4), jid(5), jid(6), Jid::pn("4915112345678")];
    let outcomes = act::add(&mut state, number(1), id, &named).unwrap();
    assert_eq!(codes(&outcomes), [409, 408, 403, 401, 200, 404]);
    let Err(act::Failed::Ask { code, .. }) = &outcomes[2].result else { panic!("an invitation") };
    assert_eq!(admission::accept(&mut state, number(7), id, code), Err(Refused(406)), "it is another's");
    admission::accept(&mut state, number(4), id, code).unwrap();
    assert!(state.groups.get(id).unwrap().members.contains_key(&number(4)));
    assert_eq!(codes(&act::remove(&mut state, number(1), id, &[jid(1), jid(7)]).unwrap()), [406, 404]);
    assert_eq!(codes(&act::promote(&mut state, number(1), id, &[jid(2), jid(7)]).unwrap()), [200, 404]);
    assert_eq!(codes(&act::demote(&mut state, number(2), id, &[jid(1), jid(2)]).unwrap()), [406, 200]);
}

#[test]
fn links_lead_in_until_they_are_reset() {
    let mut state = phones(5);
    let id = group(&mut state, &[2]);
    let old = admission::invite(&mut state, number(1), id, false).unwrap();
    assert_eq!(admission::invite(&mut state, number(1), id, false).unwrap(), old);
    assert_eq!(admission::join(&mut state, number(3), &old), Ok(Joined::In(id)));
    assert_eq!(admission::join(&mut state, number(3), &old), Err(Refused(409)));
    let new = admission::invite(&mut state, number(1), id, true).unwrap();
    assert_eq!(admission::join(&mut state, number(4), &old), Err(Refused(410)));
    assert_eq!(admission::join(&mut state, number(4), "nonsense"), Err(Refused(406)));
    act::remove(&mut state, number(1), id, &[jid(3)]).unwrap();
    assert_eq!(admission::join(&mut state, number(3), &new), Err(Refused(405)), "removed");
    act::set(&mut state, number(1), id, Setting::Approval(true)).unwrap();
    for n in [4, 5] {
        assert_eq!(admission::join(&mut state, number(n), &new), Ok(Joined::Asked(id)));
    }
    assert_eq!(admission::requests(&state, number(2), id).err(), Some(Refused(403)));
    assert_eq!(admission::requests(&state, number(1), id).unwrap().len(), 2);
    assert_eq!(codes(&admission::decide(&mut state, number(1), id, &[jid(4), jid(3)], true).unwrap()), [200, 404]);
    assert_eq!(codes(&admission::decide(&mut state, number(1), id, &[jid(5)], false).unwrap()), [200]);
    let group = state.groups.get(id).unwrap();
    assert!(group.members.contains_key(&number(4)) && !group.members.contains_key(&number(5)));
    assert!(group.requests.is_empty());
}

#[test]
fn a_group_without_an_admin_gets_one_and_an_empty_one_is_gone() {
    let mut state = phones(2);
    let id = group(&mut state, &[2]);
    let code = admission::invite(&mut state, number(1), id, false).unwrap();
    act::leave(&mut state, number(1), id).unwrap();
    assert_eq!(state.groups.get(id).unwrap().members[&number(2)].role, Role::Admin);
    act::leave(&mut state, number(2), id).unwrap();
    assert!(state.groups.get(id).is_none());
    assert_eq!(admission::join(&mut state, number(1), &code), Err(Refused(406)));
    assert_eq!(state.groups.of(number(2)).count(), 0);
}

/// A device that is never there: what it is told waits.
fn add_companion(state: &mut State, n: u64) {
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
        phone::with(&mut state, number(1), |phone, state| outbound::text(phone, state, request)).unwrap().unwrap();
        let mut steps = 0;
        while state.phones.is_behind() {
            phone::answer(&mut state, 64);
            steps += 1;
        }
        assert!(steps > 1, "it is not one long step");
    }
    let message = messages(&state, 1).pop().unwrap();
    assert_eq!(message.state, shape::State::Delivered);
    assert_eq!(message.receipts.len(), 999);
    assert_eq!(texts(&state, MEMBERS), ["first", "second"]);
    // That it is in the group, and the two messages.
    let away = DeviceId { number: number(MEMBERS), device: 1 };
    assert_eq!(state.queues[&away].len(), 3);
    assert_eq!(count(&state, "phone could not open a message"), 0);
}

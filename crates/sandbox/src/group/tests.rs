mod communities;
mod messages;
mod wire;

use wago_contract::phone as shape;

use super::{
    act::{self, New, Outcome, Refused},
    admission::{self, Joined},
    setting::{self, Setting},
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
        kind: community::Kind::Alone,
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
    let id =
        phone::with(state, number(from), |phone, state| outbound::send(phone, state, request, None)).unwrap().unwrap();
    phone::answer_all(state);
    id
}

fn say(state: &mut State, from: u64, group: GroupId, text: &str) -> String {
    write(state, from, &group.jid().to_string(), text)
}

fn held(state: &State, of: u64) -> Vec<shape::Message> {
    state.phones.get(number(of)).unwrap().messages.list(0, None, 1_000)
}

fn texts(state: &State, of: u64) -> Vec<String> {
    held(state, of).into_iter().filter_map(|message| message.text).collect()
}

fn codes(outcomes: &[Outcome]) -> Vec<u16> {
    outcomes.iter().map(|outcome| outcome.result.as_ref().err().map_or(200, act::Failed::code)).collect()
}

fn count(state: &State, name: &str) -> u64 {
    state.counters.all().get(name).copied().unwrap_or(0)
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
    setting::set(&mut state, number(2), id, Setting::Ephemeral(86_400)).unwrap();
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
    let own = held(&state, 1).into_iter().find(|message| message.id == first).unwrap();
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
    assert_eq!(setting::set(&mut state, number(2), id, Setting::Announce(true)), Err(Refused(403)));
    assert_eq!(setting::set(&mut state, number(2), id, Setting::Subject(long)), Err(Refused(406)));
    assert_eq!(setting::set(&mut state, number(1), id, Setting::Ephemeral(5)), Err(Refused(406)));
    setting::set(&mut state, number(1), id, Setting::Locked(true)).unwrap();
    assert_eq!(setting::set(&mut state, number(2), id, Setting::Subject("Ours".to_owned())), Err(Refused(403)));
    setting::set(&mut state, number(1), id, Setting::Subject("Mine".to_owned())).unwrap();
    let describe = |text: &str, previous: Option<&str>| Setting::Description {
        id: text.to_owned(),
        text: Some(text.to_owned()),
        previous: previous.map(str::to_owned),
    };
    setting::set(&mut state, number(1), id, describe("A", None)).unwrap();
    assert_eq!(setting::set(&mut state, number(1), id, describe("B", None)), Err(Refused(409)));
    setting::set(&mut state, number(1), id, describe("B", Some("A"))).unwrap();
    setting::set(&mut state, number(1), id, Setting::AdminsAdd(true)).unwrap();
    assert_eq!(act::add(&mut state, number(2), id, &[jid(4)]), Err(Refused(403)));
    setting::set(&mut state, number(1), id, Setting::Announce(true)).unwrap();
    phone::answer_all(&mut state);
    say(&mut state, 2, id, "psst");
    assert_eq!(count(&state, "message refused: 403"), 1);
    say(&mut state, 1, id, "silence");
    assert_eq!(texts(&state, 3), ["silence"]);
    // The key to what was refused came nowhere either.
    setting::set(&mut state, number(1), id, Setting::Announce(false)).unwrap();
    phone::answer_all(&mut state);
    say(&mut state, 2, id, "aloud");
    assert_eq!(texts(&state, 3), ["silence", "aloud"]);
    assert_eq!(count(&state, "phone could not open a message"), 0);
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
    setting::set(&mut state, number(1), id, Setting::Approval(true)).unwrap();
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

//! Calls of many: the first account's device calls, those of the others join, decline and leave.

use wacore_binary::Server;

use super::*;
use crate::{
    group::{
        GroupId,
        act::{self, New},
        community,
    },
    group_calls::MEMBERS_MAX,
};

const CALL: &str = "C1";

fn scope() -> Jid {
    Jid::new(CALL, Server::Call)
}

fn own(state: &State, n: u64) -> Jid {
    device(n).lid_jid(account(state, n))
}

fn to(jid: Jid, action: Node) -> Node {
    node("call").attr("to", jid).attr("id", "9").children([action]).build()
}

fn audio() -> Node {
    node("audio").attr("enc", "opus").attr("rate", "16000").build()
}

fn net() -> Node {
    node("net").attr("medium", "3").build()
}

/// These people, with a device each.
fn people(state: &State, named: &[u64]) -> Node {
    let users = named.iter().map(|n| {
        let one = node("device").attr("jid", own(state, *n)).build();
        node("user").attr("jid", account(state, *n).lid_jid()).children([one]).build()
    });
    node("group_info").children(users).build()
}

fn offer(state: &State, creator: u64, children: Vec<Node>, group: Option<&Jid>) -> Node {
    let mut offer = node("offer").attr("call-id", CALL).attr("call-creator", own(state, creator));
    if let Some(group) = group {
        offer = offer.attr("group-jid", group);
    }
    to(scope(), offer.children(children).build())
}

/// Of the acknowledgement among what was told: the code, if it is a refusal.
fn refusal(told: &[Node]) -> Option<String> {
    told.iter().find(|one| one.tag == "ack").expect("an acknowledgement").text("error")
}

/// What was told of calls, by its kind.
fn actions(told: Vec<Node>, kind: &str) -> Vec<Node> {
    let calls = told.into_iter().filter(|one| one.tag == "call");
    calls.flat_map(|one| one.nodes().to_vec()).filter(|action| action.tag == kind).collect()
}

/// Who is in the call by the last update, and whether a new key is asked for.
fn connected(updates: &[Node]) -> (Vec<Jid>, bool) {
    let info = updates.last().unwrap().child("group_info").unwrap();
    let users = info.nodes().iter().filter(|user| user.text("state").as_deref() == Some("connected"));
    (users.filter_map(|user| user.jid("jid")).collect(), info.text("rekey").as_deref() == Some("1"))
}

fn said(state: &State, kind: &'static str) -> Node {
    let creator = own(state, 1);
    to(scope(), node(kind).attr("call-id", CALL).attr("call-creator", creator).children([audio(), net()]).build())
}

#[test]
fn what_no_server_takes_is_refused() {
    let (mut state, mut links) = devices(4);
    let new = New {
        subject: "Friends".to_owned(),
        participants: vec![account(&state, 2).jid(), account(&state, 3).jid()],
        description: None,
        ephemeral: 0,
        approval: false,
        admins_add: false,
        key: None,
        kind: community::Kind::Alone,
    };
    let (group, _): (GroupId, _) = act::create(&mut state, number(1), new).unwrap();
    phone::answer_all(&mut state);
    (1..=4).for_each(|n| drop(told(&mut links, n)));
    let group = group.jid();
    let whole = |state: &State, named: &[u64]| vec![audio(), net(), people(state, named)];
    let nowhere = Jid::group("120363999999999999");
    let mut too_many = vec![1, 2, 3];
    too_many.extend(std::iter::repeat_n(4, MEMBERS_MAX));
    for (why, creator, children, group, code) in [
        ("in another's name", 2, whole(&state, &[1, 2, 3]), None, "400"),
        ("without who calls", 1, whole(&state, &[2, 3, 4]), None, "400"),
        ("to one alone", 1, whole(&state, &[1, 2]), None, "400"),
        ("to too many", 1, whole(&state, &too_many), None, "400"),
        ("to somebody twice", 1, whole(&state, &[1, 2, 2]), None, "400"),
        ("to who is no member", 1, whole(&state, &[1, 2, 4]), Some(&group), "403"),
        ("to no group", 1, whole(&state, &[1, 2, 3]), Some(&nowhere), "404"),
        ("out of order", 1, vec![net(), audio(), people(&state, &[1, 2, 3])], None, "439"),
        ("without people", 1, vec![audio(), net()], None, "439"),
    ] {
        let offer = offer(&state, creator, children, group);
        assert_eq!(refusal(&say(&mut state, &mut links, 1, offer)).as_deref(), Some(code), "{why}");
        assert!(actions(told(&mut links, 2), "offer").is_empty(), "{why}");
    }
    let good = offer(&state, 1, whole(&state, &[1, 2, 3]), Some(&group));
    assert_eq!(refusal(&say(&mut state, &mut links, 1, good.clone())), None);
    assert_eq!(refusal(&say(&mut state, &mut links, 1, good)).as_deref(), Some("400"), "there is one of that id");
    // Somebody who was not asked, and somebody who is not in it.
    let stranger = said(&state, "accept");
    assert_eq!(refusal(&say(&mut state, &mut links, 4, stranger)).as_deref(), Some("403"));
    let key = node("enc_rekey").attr("call-id", CALL).attr("call-creator", own(&state, 1)).attr("transaction-id", "1");
    let key = to(own(&state, 1), key.build());
    assert_eq!(refusal(&say(&mut state, &mut links, 2, key)).as_deref(), Some("403"));
}

#[test]
fn people_join_leave_and_are_told_of_each_other() {
    let (mut state, mut links) = devices(3);
    let children = vec![audio(), net(), people(&state, &[1, 2, 3])];
    let offer = offer(&state, 1, children, None);
    let told_back = say(&mut state, &mut links, 1, offer);
    let ack = told_back.iter().find(|one| one.tag == "ack").unwrap();
    let info = ack.child("group_info").unwrap();
    assert_eq!((info.text("transaction-id").unwrap(), info.text("rekey").unwrap()), ("1".into(), "1".into()));
    assert_eq!(ack.child("relay").unwrap().text("self_pid").unwrap(), "1");
    let rings = actions(told(&mut links, 2), "offer");
    assert!(rings[0].child("group_info").is_some() && rings[0].child("relay").is_none() && rings.len() == 1);
    told(&mut links, 1);

    let accept = said(&state, "accept");
    let joined = actions(say(&mut state, &mut links, 2, accept), "group_update");
    let (alice, bob) = (account(&state, 1).lid_jid(), account(&state, 2).lid_jid());
    assert_eq!(connected(&joined), (vec![alice.clone(), bob.clone()], false));
    assert_eq!(joined.last().unwrap().child("relay").unwrap().text("self_pid").unwrap(), "2");
    let caller = told(&mut links, 1);
    assert_eq!(actions(caller.clone(), "accept").len(), 1);
    let updates = actions(caller, "group_update");
    assert_eq!(connected(&updates), (vec![alice.clone(), bob], true), "who made the call makes the key");
    assert!(updates.last().unwrap().child("relay").is_none());
    // A key of a change that is yet to come is none.
    for (transaction, code) in [("99", Some("400")), ("2", None)] {
        let key = node("enc_rekey").attr("call-id", CALL).attr("call-creator", own(&state, 1));
        let key = to(own(&state, 2), key.attr("transaction-id", transaction).build());
        assert_eq!(refusal(&say(&mut state, &mut links, 1, key)).as_deref(), code);
    }
    assert_eq!(actions(told(&mut links, 2), "enc_rekey").len(), 1);

    assert_eq!(state.relay.traffic(CALL).len(), 2);
    let leave = said(&state, "terminate");
    say(&mut state, &mut links, 2, leave);
    let updates = actions(told(&mut links, 1), "group_update");
    assert_eq!(connected(&updates), (vec![alice], true), "what is said from now on is not for who left");
    assert_eq!(state.relay.pid(CALL, &own(&state, 2).to_string()), None);
    // The third declines on her phone: nobody is left.
    let reject = to(own(&state, 1), node("reject").attr("call-id", CALL).attr("call-creator", own(&state, 1)).build());
    super::super::receive(&mut state, DeviceId::phone(number(3)), reject);
    let ended = actions(told(&mut links, 1), "terminate");
    assert_eq!(ended[0].text("reason").as_deref(), Some("group_call_ended"));
    assert_eq!(actions(told(&mut links, 3), "terminate")[0].text("reason").as_deref(), Some("rejected_elsewhere"));
    assert!(state.relay.traffic(CALL).is_empty());
}

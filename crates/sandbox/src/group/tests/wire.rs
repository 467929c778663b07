//! As a linked device sees it, stanza by stanza.

use wacore_binary::Node;

use super::*;
use crate::{
    link::{self, Link},
    stanza::{
        self,
        read::{Read as _, node},
    },
};

const DEVICE: u16 = 1;

/// The first phone's linked device, connected.
fn connect(state: &mut State) -> Link {
    messages::add_companion(state, 1);
    let (mut outlet, link) = link::open(1);
    outlet.active = true;
    state.outlets.insert(device(), outlet);
    link
}

fn device() -> DeviceId {
    DeviceId { number: number(1), device: DEVICE }
}

/// What the device says, and what it is told thereupon.
fn tell(state: &mut State, link: &mut Link, stanza: Node) -> Vec<Node> {
    stanza::receive(state, device(), stanza);
    phone::answer_all(state);
    std::iter::from_fn(|| link.stanzas.try_recv().ok()).collect()
}

fn ask(state: &mut State, link: &mut Link, kind: &'static str, to: &str, question: Node) -> Node {
    let iq = node("iq").attr("id", "7").attr("xmlns", "w:g2").attr("type", kind).attr("to", to);
    let told = tell(state, link, iq.children([question]).build());
    told.into_iter().find(|stanza| stanza.tag == "iq").expect("an answer")
}

fn code(answer: &Node) -> Option<String> {
    answer.child("error").and_then(|error| error.text("code"))
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let mut state = phones(2);
    let mut link = connect(&mut state);
    let group = group(&mut state, &[2]).jid().to_string();
    let to_person = jid(2).to_string();
    let empty = |tag: &'static str| node(tag).build();
    let cases = [
        ("get", to_person.as_str(), empty("query"), "400"),
        ("get", "120363999999999999@g.us", empty("query"), "404"),
        ("get", "15550000001-1400000000@g.us", empty("query"), "404"),
        ("get", group.as_str(), empty("dance"), "501"),
        ("set", group.as_str(), empty("dance"), "501"),
        ("set", group.as_str(), empty("add"), "400"),
        ("set", group.as_str(), empty("subject"), "406"),
        ("set", group.as_str(), node("member_add_mode").string_content("nobody").build(), "400"),
        ("set", group.as_str(), node("ephemeral").attr("expiration", "soon").build(), "400"),
        ("set", "@g.us", empty("create"), "400"),
        ("set", "@g.us", empty("leave"), "400"),
        ("get", "@g.us", node("invite").attr("code", "nonsense").build(), "406"),
    ];
    for (kind, to, question, expected) in cases {
        let tag = question.tag.clone();
        let answer = ask(&mut state, &mut link, kind, to, question);
        assert_eq!(code(&answer).as_deref(), Some(expected), "{kind} {tag} to {to}");
        assert_eq!(answer.text("from").as_deref(), Some(to.trim_start_matches('@')));
    }
}

#[test]
fn a_group_that_did_not_change_is_not_sent_again() {
    let mut state = phones(2);
    let mut link = connect(&mut state);
    let id = group(&mut state, &[2]);
    let to = id.jid().to_string();
    let query = |hash: &str| node("query").attr("request", "interactive").attr("phash", hash).build();
    let answer = ask(&mut state, &mut link, "get", &to, query("2:nonsense"));
    let group = answer.child("group").expect("it changed");
    let people: Vec<Jid> = group.nodes().iter().filter_map(|child| child.jid("jid")).collect();
    assert_eq!(people.len(), 2);
    let hash = wacore::messages::MessageUtils::participant_list_hash(&people).unwrap();
    assert!(ask(&mut state, &mut link, "get", &to, query(&hash)).child("group").is_none());
}

#[test]
fn several_groups_are_asked_for_at_once() {
    let mut state = phones(3);
    let mut link = connect(&mut state);
    let own = group(&mut state, &[2]).jid();
    let (other, _) = act::create(&mut state, number(2), new("Others", &[3])).unwrap();
    let named = [own, other.jid(), Jid::group("120363999999999999")].map(|jid| node("group").attr("jid", jid).build());
    let answer = ask(&mut state, &mut link, "get", "@g.us", node("query").children(named).build());
    let groups = answer.child("groups").expect("groups").nodes();
    let errors: Vec<_> = groups.iter().map(|group| group.text("error")).collect();
    assert_eq!(errors, [None, Some("403".to_owned()), Some("404".to_owned())]);
}

#[test]
fn who_thought_of_other_devices_is_told_the_hash() {
    let mut state = phones(2);
    let mut link = connect(&mut state);
    let id = group(&mut state, &[2]);
    let message = |id: &str, to: &str| {
        let enc = node("enc").attr("v", "2").attr("type", "skmsg").bytes([1, 2, 3]).build();
        node("message").attr("id", id).attr("to", to).attr("type", "text").children([enc])
    };
    let mut ack = |stanza: Node| {
        let told = tell(&mut state, &mut link, stanza);
        told.into_iter().find(|stanza| stanza.tag == "ack").expect("an ack")
    };
    let to = id.jid().to_string();
    let first = ack(message("A", &to).attr("phash", "2:nonsense").build());
    let hash = first.text("phash").expect("the right one");
    assert_eq!(first.text("error"), None);
    assert_eq!(ack(message("B", &to).attr("phash", hash).build()).text("phash"), None);
    let by_number = ack(message("C", &to).attr("addressing_mode", "pn").build());
    assert_eq!(by_number.text("error").as_deref(), Some("421"));
    let empty = node("message").attr("id", "D").attr("to", to.as_str()).build();
    assert_eq!(ack(empty).text("error").as_deref(), Some("400"));
    let nowhere = ack(message("E", "120363999999999999@g.us").build());
    assert_eq!(nowhere.text("error").as_deref(), Some("404"));
}

#[test]
fn a_device_that_reads_slowly_is_not_cut() {
    let mut state = phones(2);
    let mut link = connect(&mut state);
    let id = group(&mut state, &[2]);
    for n in 0..1_000 {
        setting::set(&mut state, number(1), id, Setting::Subject(n.to_string())).unwrap();
    }
    let mut heard = 0;
    while link.stanzas.try_recv().is_ok() {
        heard += 1;
        state.catch_up(device());
    }
    assert_eq!(heard, 1_001, "that the group is there, and the changes");
}

#[test]
fn each_change_is_one_that_clients_know() {
    let mut state = phones(3);
    let mut link = connect(&mut state);
    let id = group(&mut state, &[2]);
    let change = |word: &str| Node {
        tag: word.to_owned().into(),
        ..node("x").children(vec![node("participant").attr("jid", jid(2)).build()]).build()
    };
    while link.stanzas.try_recv().is_ok() {}
    for word in ["promote", "demote", "remove", "add"] {
        let to = id.jid().to_string();
        let iq = node("iq").attr("id", "7").attr("xmlns", "w:g2").attr("type", "set").attr("to", to);
        let told = tell(&mut state, &mut link, iq.children([change(word)]).build());
        let notification = told.iter().find(|stanza| stanza.tag == "notification").expect(word);
        assert_eq!(notification.text("type").as_deref(), Some("w:gp2"));
        let lid = state.accounts[&number(1)].lid_jid();
        assert_eq!(notification.jid("participant"), Some(lid));
        assert_eq!(notification.jid("participant_pn"), Some(jid(1)));
        let person = notification.child(word).and_then(|change| change.child("participant")).expect(word);
        assert_eq!(person.jid("phone_number"), Some(jid(2)), "{word}");
    }
}

#[test]
fn who_comes_into_a_new_group_of_a_community_is_told_whose_it_is() {
    let mut state = phones(2);
    let mut link = connect(&mut state);
    let made = |kind| New { kind, ..new("Town", &[1]) };
    let kind = community::Kind::Community(community::Community { closed: false, members_make: false });
    let (town, _) = act::create(&mut state, number(2), made(kind)).unwrap();
    let (choir, _) = act::create(&mut state, number(2), made(community::Kind::Within(town))).unwrap();
    phone::answer_all(&mut state);
    let told: Vec<Node> = std::iter::from_fn(|| link.stanzas.try_recv().ok()).collect();
    let told = told.iter().find(|stanza| stanza.jid("from") == Some(choir.jid()) && stanza.child("create").is_some());
    let group = told.and_then(|stanza| stanza.child("create")).and_then(|create| create.child("group"));
    let parent = group.and_then(|group| group.child("linked_parent")).and_then(|parent| parent.jid("jid"));
    assert_eq!(parent, Some(town.jid()));
}

//! What people show of themselves, stanza by stanza: Alice (1) with a linked device, Bob (2) and Carol (3) with theirs.

mod group_calls;

use wacore_binary::{Jid, Node};

use super::read::{Read as _, node};
use crate::{
    account::{Account, Number},
    device::DeviceId,
    faults::Kind,
    journal::{Journal, Tables},
    link::{self, Link},
    phone::{self, person},
    state::State,
};
use wago_contract::phone::person as shape;

fn number(n: u64) -> Number {
    Number::parse(&(15_550_000_000 + n).to_string()).unwrap()
}

fn device(n: u64) -> DeviceId {
    DeviceId { number: number(n), device: 1 }
}

fn account(state: &State, n: u64) -> &Account {
    &state.accounts[&number(n)]
}

/// So many phones, each with a device that is connected.
fn devices(count: u64) -> (State, Vec<Link>) {
    let mut state = State::restore(Journal::in_memory(), &Tables::new(), 1);
    let mut links = Vec::new();
    for n in 1..=count {
        phone::create(&mut state, &number(n).to_string(), &format!("Phone {n}")).unwrap();
        phone::answer_all(&mut state);
        let mut companion = state.devices[&DeviceId::phone(number(n))].clone();
        companion.key_index = 1;
        state.add_device(device(n), companion);
        let (mut outlet, link) = link::open(n);
        outlet.active = true;
        state.outlets.insert(device(n), outlet);
        links.push(link);
    }
    (state, links)
}

/// What a device says, and what it is told thereupon.
fn say(state: &mut State, links: &mut [Link], n: u64, stanza: Node) -> Vec<Node> {
    super::receive(state, device(n), stanza);
    phone::answer_all(state);
    told(links, n)
}

fn told(links: &mut [Link], n: u64) -> Vec<Node> {
    let link = &mut links[usize::try_from(n - 1).unwrap()];
    std::iter::from_fn(|| link.stanzas.try_recv().ok()).collect()
}

fn ask(
    state: &mut State,
    links: &mut [Link],
    n: u64,
    kind: &'static str,
    namespace: &'static str,
    target: Option<&Jid>,
    children: Vec<Node>,
) -> Node {
    let mut iq = node("iq").attr("id", "7").attr("xmlns", namespace).attr("type", kind);
    if let Some(target) = target {
        iq = iq.attr("target", target);
    }
    let told = say(state, links, n, iq.children(children).build());
    told.into_iter().find(|stanza| stanza.tag == "iq").expect("an answer")
}

fn code(answer: &Node) -> Option<String> {
    answer.child("error").and_then(|error| error.text("code"))
}

/// The notifications of a type among what was told.
fn notices(told: Vec<Node>, kind: &str) -> Vec<Node> {
    told.into_iter().filter(|one| one.tag == "notification" && one.text("type").as_deref() == Some(kind)).collect()
}

fn chat(state: &mut State, a: u64, b: u64) {
    state.remember_peers(number(a), number(b));
}

fn set_privacy(state: &mut State, n: u64, name: &str, value: &str, except: Option<&[u64]>) {
    let except = except.map(|people| people.iter().map(|n| number(*n).to_string()).collect());
    let set = shape::SetPrivacy { name: Some(name.to_owned()), value: Some(value.to_owned()), except };
    person::set_privacy(state, number(n), &set).unwrap();
}

fn add_contact(state: &mut State, n: u64, who: u64) {
    let contact = shape::Contact { number: number(who).to_string(), name: "somebody".to_owned() };
    person::set_contact(state, number(n), &contact).unwrap();
}

/// A JPEG of 640 x 480 as far as anybody looks.
fn jpeg(last: u8) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc2\0\x0b\x08\x01\xe0\x02\x80".to_vec();
    bytes.push(last);
    bytes
}

fn picture(bytes: Vec<u8>) -> Vec<Node> {
    vec![node("picture").attr("type", "image").bytes(bytes).build()]
}

fn wanted(kind: &'static str) -> Vec<Node> {
    vec![node("picture").attr("type", kind).attr("query", "url").build()]
}

const PICTURE: &str = "w:profile:picture";

#[test]
fn a_picture_is_set_seen_and_told() {
    let (mut state, mut links) = devices(3);
    chat(&mut state, 1, 2);
    let (alice, bob) = (account(&state, 1).jid(), account(&state, 2).lid_jid());
    assert_eq!(code(&ask(&mut state, &mut links, 2, "get", PICTURE, Some(&alice), wanted("image"))).unwrap(), "404");
    assert_eq!(
        code(&ask(&mut state, &mut links, 1, "set", PICTURE, None, picture(b"GIF89a".to_vec()))).unwrap(),
        "406"
    );
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", PICTURE, Some(&bob), picture(jpeg(1)))).unwrap(), "403");
    let nobody = Jid::pn("15559999999");
    assert_eq!(code(&ask(&mut state, &mut links, 1, "get", PICTURE, Some(&nobody), wanted("image"))).unwrap(), "404");

    let set = ask(&mut state, &mut links, 1, "set", PICTURE, None, picture(jpeg(1)));
    let id = set.child("picture").unwrap().text("id").unwrap();
    let news = notices(told(&mut links, 2), "picture");
    assert_eq!(news.len(), 1);
    assert_eq!(news[0].child("set").unwrap().text("id").unwrap(), id);
    assert!(told(&mut links, 3).is_empty(), "a stranger is told nothing");
    let seen = ask(&mut state, &mut links, 2, "get", PICTURE, Some(&alice), wanted("preview"));
    let seen = seen.child("picture").unwrap();
    assert_eq!((seen.text("id").unwrap(), seen.text("type").as_deref()), (id.clone(), Some("preview")));
    let path = seen.text("direct_path").unwrap();
    assert!(seen.text("url").unwrap().ends_with(&path));
    assert!(crate::media::Hash::of_path(&path).is_some());
    let known = vec![node("picture").attr("type", "image").attr("id", id.as_str()).build()];
    let unchanged = ask(&mut state, &mut links, 2, "get", PICTURE, Some(&alice), known);
    assert_eq!(unchanged.child("picture").unwrap().text("url"), None);

    // The phone removes it, and the account's device hears of that.
    person::set_picture(&mut state, number(1), &shape::SetPicture::default()).unwrap();
    let own = notices(told(&mut links, 1), "account_sync");
    assert!(own.iter().any(|one| one.child("picture").is_some()));
    assert!(notices(told(&mut links, 2), "picture")[0].child("delete").is_some());
    assert_eq!(code(&ask(&mut state, &mut links, 2, "get", PICTURE, Some(&alice), wanted("image"))).unwrap(), "404");
}

#[test]
fn what_is_hidden_is_hidden_and_not_told() {
    let (mut state, mut links) = devices(3);
    for n in [2, 3] {
        chat(&mut state, 1, n);
        add_contact(&mut state, 1, n);
    }
    let alice = account(&state, 1).jid();
    set_privacy(&mut state, 1, "profile", "contact_blacklist", Some(&[3]));
    set_privacy(&mut state, 1, "status", "none", None);
    told(&mut links, 1);
    ask(&mut state, &mut links, 1, "set", PICTURE, None, picture(jpeg(1)));
    let about = vec![node("status").string_content("at sea").build()];
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "status", None, about)), None);
    assert_eq!(notices(told(&mut links, 2), "picture").len(), 1);
    assert!(told(&mut links, 3).is_empty());
    assert_eq!(code(&ask(&mut state, &mut links, 2, "get", PICTURE, Some(&alice), wanted("image"))), None);
    assert_eq!(code(&ask(&mut state, &mut links, 3, "get", PICTURE, Some(&alice), wanted("image"))).unwrap(), "401");

    let user = |state: &mut State, links: &mut [Link], n: u64| {
        let query = node("query").children([node("status").build(), node("picture").build()]).build();
        let list = node("list").children([node("user").attr("jid", &alice).build()]).build();
        let usync = node("usync").attr("mode", "query").children([query, list]).build();
        let answer = ask(state, links, n, "get", "usync", None, vec![usync]);
        answer
            .child("usync")
            .and_then(|usync| usync.child("list"))
            .and_then(|list| list.nodes().first())
            .cloned()
            .unwrap()
    };
    let bobs = user(&mut state, &mut links, 2);
    assert_eq!(bobs.child("status").unwrap().text("code").as_deref(), Some("401"));
    assert!(bobs.child("picture").unwrap().text("id").is_some());
    assert_eq!(code(user(&mut state, &mut links, 3).child("picture").unwrap()).as_deref(), Some("401"));
    set_privacy(&mut state, 1, "status", "all", None);
    let bobs = user(&mut state, &mut links, 2);
    assert_eq!(bobs.child("status").unwrap().content(), b"at sea");
    assert!(bobs.child("status").unwrap().text("t").is_some_and(|t| t != "0"));
}

#[test]
fn a_groups_picture_is_its_members() {
    let (mut state, mut links) = devices(3);
    let new = crate::group::act::New {
        subject: "Group".to_owned(),
        participants: vec![Jid::pn(number(2).to_string())],
        description: None,
        ephemeral: 0,
        approval: false,
        admins_add: false,
        key: None,
        kind: crate::group::community::Kind::Alone,
    };
    let (id, _) = crate::group::act::create(&mut state, number(1), new).unwrap();
    phone::answer_all(&mut state);
    for n in 1..=3 {
        told(&mut links, n);
    }
    let group = id.jid();
    assert_eq!(code(&ask(&mut state, &mut links, 3, "set", PICTURE, Some(&group), picture(jpeg(1)))).unwrap(), "403");
    assert_eq!(code(&ask(&mut state, &mut links, 3, "get", PICTURE, Some(&group), wanted("image"))).unwrap(), "401");
    assert_eq!(code(&ask(&mut state, &mut links, 2, "set", PICTURE, Some(&group), picture(jpeg(1)))), None);
    let news = notices(told(&mut links, 1), "picture");
    assert_eq!(
        (news[0].jid("from"), news[0].child("set").unwrap().jid("author")),
        (Some(group.clone()), Some(account(&state, 2).lid_jid()))
    );
    assert_eq!(code(&ask(&mut state, &mut links, 1, "get", PICTURE, Some(&group), wanted("image"))), None);
    state.change_group(id, |group| group.locked = true);
    assert_eq!(code(&ask(&mut state, &mut links, 2, "set", PICTURE, Some(&group), Vec::new())).unwrap(), "403");
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", PICTURE, Some(&group), Vec::new())), None);
    let none = Jid::group("120363999999999999");
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", PICTURE, Some(&none), picture(jpeg(1)))).unwrap(), "404");
}

fn category(name: &str, value: &str, dhash: Option<&str>, users: &[(&Jid, &str)]) -> Vec<Node> {
    let users = users.iter().map(|(jid, action)| node("user").attr("jid", *jid).attr("action", *action).build());
    let mut category = node("category").attr("name", name).attr("value", value).children(users.collect::<Vec<_>>());
    if let Some(dhash) = dhash {
        category = category.attr("dhash", dhash);
    }
    vec![node("privacy").attr("addressing_mode", "lid").children([category.build()]).build()]
}

#[test]
fn lists_of_those_left_out_have_versions() {
    let (mut state, mut links) = devices(3);
    let (bob, carol) = (account(&state, 2).lid_jid(), account(&state, 3).lid_jid());
    let list = |state: &mut State, links: &mut [Link]| {
        let list = node("list").attr("name", "last").attr("value", "contact_blacklist").build();
        let asked = vec![node("privacy").attr("addressing_mode", "lid").children([list]).build()];
        ask(state, links, 1, "get", "privacy", None, asked).child("privacy").unwrap().child("list").cloned()
    };
    assert!(list(&mut state, &mut links).is_none(), "another setting is in force");
    let but = "contact_blacklist";
    let set =
        ask(&mut state, &mut links, 1, "set", "privacy", None, category("last", but, Some("none"), &[(&bob, "add")]));
    let first = set.child("privacy").unwrap().child("category").unwrap().text("dhash").unwrap();
    let told = list(&mut state, &mut links).unwrap();
    assert_eq!((told.text("dhash").as_ref(), told.nodes()[0].jid("jid")), (Some(&first), Some(bob.clone())));
    let old = category("last", but, Some("none"), &[(&carol, "add")]);
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "privacy", None, old)).unwrap(), "409");
    let new = category("last", but, Some(&first), &[(&carol, "add"), (&bob, "remove")]);
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "privacy", None, new)), None);
    assert_eq!(account(&state, 1).excepted["last"], [number(3)].into());

    for (asked, refusal) in [
        (category("shoes", "all", None, &[]), "400"),
        (category("last", "some", None, &[]), "400"),
        (category("online", but, None, &[]), "400"),
        (category("last", "all", None, &[(&bob, "add")]), "400"),
        (category("last", but, None, &[(&Jid::lid("7"), "add")]), "404"),
        (Vec::new(), "400"),
    ] {
        assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "privacy", None, asked)).unwrap(), refusal);
    }
}

#[test]
fn a_block_needs_both_names_and_the_own_devices_are_told() {
    let (mut state, mut links) = devices(2);
    let (bob, bobs_lid) = (account(&state, 2).jid(), account(&state, 2).lid_jid());
    let item = |action: &'static str, jid: &Jid| node("item").attr("action", action).attr("jid", jid);
    for (item, refusal) in [
        (item("block", &bob).build(), "400"),
        (item("block", &bobs_lid).build(), "400"),
        (item("block", &bobs_lid).attr("pn_jid", account(&state, 1).jid()).build(), "400"),
        (item("forget", &bobs_lid).build(), "400"),
        (item("unblock", &Jid::lid("7")).build(), "404"),
        (item("block", &account(&state, 1).lid_jid()).attr("unknown_identifier", "true").build(), "406"),
    ] {
        assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "blocklist", None, vec![item])).unwrap(), refusal);
    }
    let block = vec![item("block", &bobs_lid).attr("pn_jid", &bob).build()];
    let list = ask(&mut state, &mut links, 1, "set", "blocklist", None, block).child("list").cloned().unwrap();
    assert_eq!((list.text("matched").as_deref(), list.nodes()[0].jid("jid")), (Some("false"), Some(bobs_lid.clone())));
    let version = list.text("dhash").unwrap();
    let known = vec![node("item").attr("dhash", version.as_str()).build()];
    let same = ask(&mut state, &mut links, 1, "get", "blocklist", None, known).child("list").cloned().unwrap();
    assert_eq!((same.text("matched").as_deref(), same.nodes().len()), (Some("true"), 0));
    let unblock = vec![item("unblock", &bobs_lid).attr("dhash", version.as_str()).build()];
    let matched = ask(&mut state, &mut links, 1, "set", "blocklist", None, unblock).child("list").cloned().unwrap();
    assert_eq!(matched.text("matched").as_deref(), Some("true"));

    let block = wago_contract::phone::Block { who: Some(bob.to_string()), blocked: None };
    person::block(&mut state, number(1), &block).unwrap();
    let news = notices(told(&mut links, 1), "account_sync");
    let news = news[0].child("blocklist").unwrap();
    assert_eq!(news.nodes()[0].text("action").as_deref(), Some("block"));
    assert_ne!(news.text("dhash"), news.text("prev_dhash"));
}

fn presence(kind: &'static str) -> Node {
    node("presence").attr("type", kind).build()
}

/// What the watcher was told of presence: type and last.
fn seen(told: Vec<Node>) -> Vec<(String, Option<String>)> {
    let presences = told.into_iter().filter(|stanza| stanza.tag == "presence");
    presences.map(|one| (one.text("type").unwrap_or_default(), one.text("last"))).collect()
}

#[test]
fn presence_shows_what_both_show() {
    let (mut state, mut links) = devices(2);
    let alice = account(&state, 1).lid_jid();
    let follow = node("presence").attr("type", "subscribe").attr("to", &alice).build();
    assert_eq!(seen(say(&mut state, &mut links, 2, follow.clone())), [("unavailable".to_owned(), None)]);
    say(&mut state, &mut links, 1, presence("available"));
    let there = told(&mut links, 2);
    assert_eq!(there[0].jid("from"), Some(alice), "by the name that was asked for");
    assert_eq!(seen(there), [("available".to_owned(), None)]);
    say(&mut state, &mut links, 1, presence("available"));
    assert!(told(&mut links, 2).is_empty(), "nothing changed");
    say(&mut state, &mut links, 1, presence("unavailable"));
    let gone = seen(told(&mut links, 2));
    assert!(gone[0].1.as_deref().is_some_and(|last| last.parse::<u64>().is_ok()), "{gone:?}");

    set_privacy(&mut state, 1, "last", "none", None);
    let deny = [("unavailable".to_owned(), Some("deny".to_owned()))];
    assert_eq!(seen(told(&mut links, 2)), deny);
    set_privacy(&mut state, 1, "online", "match_last_seen", None);
    told(&mut links, 2);
    say(&mut state, &mut links, 1, presence("available"));
    assert!(told(&mut links, 2).is_empty());
    assert_eq!(seen(say(&mut state, &mut links, 2, follow.clone())), deny);
    set_privacy(&mut state, 1, "last", "all", None);
    assert_eq!(seen(told(&mut links, 2)), [("available".to_owned(), None)]);
    // Who hides it sees it of nobody.
    set_privacy(&mut state, 2, "last", "none", None);
    say(&mut state, &mut links, 1, presence("unavailable"));
    assert_eq!(seen(told(&mut links, 2)), deny);
    let block = wago_contract::phone::Block { who: Some(number(2).to_string()), blocked: None };
    person::block(&mut state, number(1), &block).unwrap();
    assert!(seen(say(&mut state, &mut links, 2, follow)).is_empty());

    let named = node("presence").attr("name", "Alicia").build();
    say(&mut state, &mut links, 1, named);
    assert_eq!(account(&state, 1).name, "Alicia");
}

#[test]
fn what_was_read_is_told_by_who_is_told_it() {
    let (mut state, mut links) = devices(2);
    let bob = account(&state, 2).jid();
    let read = node("receipt").attr("id", "A1").attr("to", &bob).attr("type", "read").build();
    let receipts = |told: Vec<Node>| told.into_iter().filter(|one| one.tag == "receipt").count();
    say(&mut state, &mut links, 1, read.clone());
    assert_eq!(receipts(told(&mut links, 2)), 1);
    for hides in [1, 2] {
        set_privacy(&mut state, hides, "readreceipts", "none", None);
        say(&mut state, &mut links, 1, read.clone());
        assert_eq!(receipts(told(&mut links, 2)), 0, "{hides} hides it");
        set_privacy(&mut state, hides, "readreceipts", "all", None);
    }
}

fn message(to: &Jid) -> Node {
    let enc = node("enc").attr("type", "msg").attr("v", "2").bytes(vec![1]).build();
    node("message").attr("id", "A1").attr("type", "text").attr("to", to).children([enc]).build()
}

fn refused(told: &[Node]) -> Option<String> {
    told.iter().find(|one| one.tag == "ack").expect("an ack").text("error")
}

#[test]
fn strangers_are_kept_away() {
    let (mut state, mut links) = devices(2);
    let bob = DeviceId { number: number(2), device: 1 }.jid();
    state.faults.add(Kind::Restricted, Some(number(1)), None, 1.0, 0);
    assert_eq!(refused(&say(&mut state, &mut links, 1, message(&bob))).as_deref(), Some("463"));
    chat(&mut state, 1, 2);
    assert_eq!(refused(&say(&mut state, &mut links, 1, message(&bob))), None);
    assert!(told(&mut links, 2).iter().any(|one| one.tag == "message"));
    // Taken, and not brought.
    set_privacy(&mut state, 2, "messages", "contacts", None);
    told(&mut links, 2);
    assert_eq!(refused(&say(&mut state, &mut links, 1, message(&bob))), None);
    assert!(!told(&mut links, 2).iter().any(|one| one.tag == "message"));
    add_contact(&mut state, 2, 1);
    say(&mut state, &mut links, 1, message(&bob));
    assert!(told(&mut links, 2).iter().any(|one| one.tag == "message"));

    state.faults.add(Kind::Overlimit, Some(number(1)), None, 1.0, 0);
    for namespace in ["usync", PICTURE, "privacy", "blocklist"] {
        assert_eq!(code(&ask(&mut state, &mut links, 1, "get", namespace, None, Vec::new())).unwrap(), "429");
    }
    assert_eq!(code(&ask(&mut state, &mut links, 2, "get", "privacy", None, Vec::new())), None);
}

#[test]
fn disappearing_messages_are_told_to_those_who_have_a_chat() {
    let (mut state, mut links) = devices(3);
    chat(&mut state, 1, 2);
    let mode = |seconds: u32| vec![node("disappearing_mode").attr("duration", seconds).build()];
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "disappearing_mode", None, mode(5))).unwrap(), "406");
    assert_eq!(code(&ask(&mut state, &mut links, 1, "set", "disappearing_mode", None, mode(86_400))), None);
    let news = notices(told(&mut links, 2), "disappearing_mode");
    assert_eq!(news[0].child("disappearing_mode").unwrap().text("duration").as_deref(), Some("86400"));
    assert!(told(&mut links, 3).is_empty());
}

#[test]
fn all_of_it_survives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (journal, tables) = Journal::open(&path).unwrap();
    let mut state = State::restore(journal, &tables, 1);
    for n in [1, 2] {
        phone::create(&mut state, &number(n).to_string(), "").unwrap();
    }
    let alice = account(&state, 1).jid();
    let owner = super::pictures::Owner::Person(number(1));
    super::pictures::change_picture(&mut state, DeviceId::phone(number(1)), owner, Some((jpeg(1), None))).unwrap();
    set_privacy(&mut state, 1, "last", "contact_blacklist", Some(&[2]));
    add_contact(&mut state, 1, 2);
    super::receive(&mut state, DeviceId::phone(number(1)), presence("available"));
    super::receive(&mut state, DeviceId::phone(number(1)), presence("unavailable"));
    let (before, picture) = (account(&state, 1).clone(), state.pictures.of(&alice).cloned());
    drop(state);
    let (journal, tables) = Journal::open(&path).unwrap();
    let state = State::restore(journal, &tables, 1);
    let after = account(&state, 1);
    assert_eq!(
        (&after.privacy, &after.excepted, &after.contacts),
        (&before.privacy, &before.excepted, &before.contacts)
    );
    assert_eq!(state.pictures.of(&alice).cloned(), picture);
    assert!(super::presence::glimpse(&state, number(1), number(1)).last.flatten().is_some());
}

//! Messages to many: sealed once, read by each member, and by nobody else.

use serde_json::{Value, json};

use crate::{
    api::Session,
    hook::Inbox,
    kill::Processes,
    phones::{ALICE, BOB, Phones, jid},
    world::World,
};

const CAROL: &str = "15550000003";
const MEMBERS: usize = 1_000;
/// Of each member, its phone among them.
const DEVICES: usize = 3;
/// How much more a gateway may hold at any time than before it wrote to the largest group: a few KiB for each device.
const MEMORY_MAX: u64 = 64 << 20;

/// A group that Alice made, with its JID.
async fn group(phones: &Phones, participants: &[String]) -> String {
    let new = json!({"subject": "Friends", "owner": ALICE, "participants": participants});
    let made = phones.post("/groups", new).await.data();
    assert_eq!(made["failed"].as_array().map_or(0, Vec::len), 0, "{made}");
    made["jid"].as_str().unwrap().to_owned()
}

async fn act(phones: &Phones, group: &str, action: &str, who: &str) {
    let path = format!("/phones/{ALICE}/groups/{group}/{action}");
    let done = phones.post(&path, json!({"participants": [who]})).await.data();
    assert_eq!(done[0]["code"], 200, "{done}");
}

async fn say(session: &Session, group: &str, text: &str) -> String {
    session.text(group, text).await.data()["Id"].as_str().unwrap().to_owned()
}

/// The texts of the group on a phone.
async fn texts(world: &World, number: &str, group: &str) -> Vec<Value> {
    let messages = world.phones.messages(number).await.into_iter();
    messages.filter(|message| message["chat"] == group).map(|message| message["text"].clone()).collect()
}

/// How often something happened in the network.
async fn count(phones: &Phones, name: &str) -> usize {
    let counted = phones.get("/network").await["counters"][name].as_u64().unwrap_or(0);
    counted.try_into().unwrap()
}

/// What is told of who wrote a text: chat, phone number, LID with the device, and whether it is the own account.
async fn written(inbox: &Inbox, text: &str) -> Value {
    let told = inbox.text(text).await;
    let info = &told.event()["Info"];
    assert_eq!((&info["IsGroup"], &info["AddressingMode"]), (&json!(true), &json!("lid")));
    json!([info["Chat"], info["SenderAlt"], info["Sender"], info["IsFromMe"]])
}

/// A JID of the device of that account.
fn device(jid: &Value, device: &Value) -> String {
    let (user, server) = jid.as_str().unwrap().split_once('@').unwrap();
    format!("{user}:{device}@{server}")
}

#[tokio::test(flavor = "multi_thread")]
async fn all_devices_of_all_members_read_it() {
    let (world, session, inbox) = World::linked().await;
    world.phones.create(CAROL).await;
    let group = group(&world.phones, &[BOB.to_owned(), CAROL.to_owned()]).await;
    let (bobs, bobs_inbox) = world.session("bob").await;
    bobs.link(&world.phones, BOB, &bobs_inbox).await;
    let (other, others_inbox) = world.session("other").await;
    other.link(&world.phones, BOB, &others_inbox).await;
    let phones = world.phones.get("/phones").await;
    let lid =
        |number: &str| phones.as_array().unwrap().iter().find(|one| one["number"] == number).unwrap()["lid"].clone();
    let devices = [world.phones.devices(ALICE).await, world.phones.devices(BOB).await];

    let id = say(&session, &group, "from a session").await;
    let own = &devices[0][0];
    let expected = json!([group, jid(ALICE), own["lid"], false]);
    assert_eq!(own["lid"], device(&lid(ALICE), &own["id"]));
    for inbox in [&bobs_inbox, &others_inbox] {
        assert_eq!(written(inbox, "from a session").await, expected);
    }
    for number in [ALICE, BOB, CAROL] {
        assert_eq!(world.phones.shows(number, &id).await["from"], jid(ALICE), "{number}");
    }

    world.phones.text(BOB, &group, "from a phone").await;
    for (inbox, from_me) in [(&inbox, false), (&bobs_inbox, true), (&others_inbox, true)] {
        assert_eq!(written(inbox, "from a phone").await, json!([group, jid(BOB), lid(BOB), from_me]));
    }

    // The other one of Bob's devices learns it as the account's own.
    let id = say(&bobs, &group, "from a member's session").await;
    let first = &devices[1][0];
    for (inbox, from_me) in [(&inbox, false), (&others_inbox, true)] {
        let expected = json!([group, jid(BOB), first["lid"], from_me]);
        assert_eq!(written(inbox, "from a member's session").await, expected);
    }
    for (number, from_me) in [(ALICE, false), (BOB, true), (CAROL, false)] {
        assert_eq!(world.phones.shows(number, &id).await["fromMe"], from_me, "{number}");
    }
    assert_eq!(count(&world.phones, "phone could not open a message").await, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_lost_the_key_gets_the_message_again() {
    let (world, session, inbox) = World::linked().await;
    world.phones.create(CAROL).await;
    let group = group(&world.phones, &[BOB.to_owned(), CAROL.to_owned()]).await;
    let first = say(&session, &group, "first").await;
    world.phones.shows(BOB, &first).await;
    world.phones.post(&format!("/phones/{BOB}/lose-keys"), Value::Null).await.data();
    let lost = say(&session, &group, "second").await;
    assert_eq!(world.phones.shows(BOB, &lost).await["text"], "second");
    assert_eq!(count(&world.phones, "receipt retry").await, 1);
    // Then it has the key again, and those who had it got nothing twice.
    let third = say(&session, &group, "third").await;
    world.phones.shows(BOB, &third).await;
    assert_eq!(count(&world.phones, "receipt retry").await, 1);
    for number in [BOB, CAROL] {
        assert_eq!(texts(&world, number, &group).await, ["first", "second", "third"]);
    }

    // A session that was linked after the key was given out asks for it, too.
    world.phones.text(CAROL, &group, "fourth").await;
    inbox.text("fourth").await;
    let (late, late_inbox) = world.session("late").await;
    late.link(&world.phones, BOB, &late_inbox).await;
    world.phones.text(CAROL, &group, "fifth").await;
    late_inbox.text("fifth").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_read_what_is_said_while_they_are_in() {
    let (world, session, inbox) = World::linked().await;
    world.phones.create(CAROL).await;
    let group = group(&world.phones, &[BOB.to_owned()]).await;
    let first = say(&session, &group, "first").await;
    let shown = world.phones.shows(BOB, &first).await;
    assert_eq!((&shown["text"], &shown["chat"]), (&json!("first"), &json!(group)));
    world.phones.shows(ALICE, &first).await;
    world.phones.read(BOB, &first).await;
    inbox.first("Bob's receipt", |one| one.kind() == "ReadReceipt" && one.json["state"] == "Read").await;

    act(&world.phones, &group, "add", CAROL).await;
    inbox.first("news of Carol", |one| one.kind() == "GroupInfo" && one.event()["Join"][0].is_string()).await;
    let second = say(&session, &group, "second").await;
    for number in [BOB, CAROL] {
        assert_eq!(world.phones.shows(number, &second).await["text"], "second");
    }
    assert_eq!(texts(&world, CAROL, &group).await, ["second"]);

    act(&world.phones, &group, "remove", BOB).await;
    inbox.first("news of Bob", |one| one.kind() == "GroupInfo" && one.event()["Leave"][0].is_string()).await;
    let third = say(&session, &group, "third").await;
    assert_eq!(world.phones.shows(CAROL, &third).await["text"], "third");
    assert_eq!(texts(&world, BOB, &group).await, ["first", "second"]);
    // Others are heard, too.
    world.phones.text(CAROL, &group, "fourth").await;
    inbox.text("fourth").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_told_to_those_who_know_its_author() {
    let (world, _, inbox) = World::linked().await;
    world.phones.create(CAROL).await;
    // Nobody else at Alice's has anything to do with Bob.
    world.phones.text(BOB, ALICE, "hello").await;
    inbox.text("hello").await;
    let dot = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    world.phones.text(CAROL, "status@broadcast", "for nobody").await;
    world.phones.text(BOB, "status@broadcast", "at the sea").await;
    let picture = json!({"to": "status@broadcast", "image": dot, "caption": "the sea", "recipients": [ALICE]});
    let picture = world.phones.send(BOB, picture).await;

    let text = inbox.text("at the sea").await;
    let phones = world.phones.get("/phones").await;
    let bob = phones.as_array().unwrap().iter().find(|one| one["number"] == BOB).unwrap();
    let info = &text.event()["Info"];
    assert_eq!(
        json!([info["Chat"], info["SenderAlt"], info["Sender"], info["IsGroup"], info["IsFromMe"]]),
        json!(["status@broadcast", jid(BOB), bob["lid"], true, false])
    );
    let shown = inbox.first("the picture", |one| one.event()["Info"]["ID"] == picture.as_str()).await;
    assert_eq!(shown.event()["Info"]["Chat"], "status@broadcast");
    assert_eq!(shown.event()["Message"]["imageMessage"]["caption"], "the sea");
    assert!(shown.file.is_some());
    assert!(!inbox.all().iter().any(|one| one.is_text("for nobody")));

    // And of one that the phone itself posts.
    world.phones.text(ALICE, "status@broadcast", "at home").await;
    assert_eq!(inbox.text("at home").await.event()["Info"]["IsFromMe"], true);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_members_are_written_to_at_once() {
    let all = Processes::start().await;
    let phones = &all.phones;
    let others: Vec<String> = (1..MEMBERS).map(|n| (16_660_000_000 + n).to_string()).collect();
    for number in &others {
        phones.create(number).await;
        for _ in 1..DEVICES {
            phones.post(&format!("/phones/{number}/devices"), json!({})).await.data();
        }
    }
    let group = group(phones, &others).await;
    let before = all.gateway.memory_peak();
    // Everybody's devices, and Alice's phone.
    let mut keys = (MEMBERS - 1) * DEVICES + 1;
    let first = say(&all.session, &group, "to all").await;
    for number in &others {
        assert_eq!(phones.shows(number, &first).await["text"], "to all");
    }
    assert_eq!(count(phones, "group key").await, keys);
    // Who has the key is not given it again, but for the own phone, which always is.
    let second = say(&all.session, &group, "to all again").await;
    keys += 1;
    for number in &others {
        assert_eq!(phones.shows(number, &second).await["text"], "to all again");
    }
    assert_eq!(count(phones, "group key").await, keys);
    // Without one of them there is another key, for all who are left.
    act(phones, &group, "remove", &others[0]).await;
    all.inbox.first("news of who left", |one| one.kind() == "GroupInfo" && one.event()["Leave"][0].is_string()).await;
    let id = say(&all.session, &group, "to the others").await;
    keys += (MEMBERS - 2) * DEVICES + 1;
    assert_eq!(phones.shows(&others[1], &id).await["text"], "to the others");
    assert_eq!(count(phones, "group key").await, keys);
    assert_eq!(count(phones, "phone could not open a message").await, 0);
    if let (Some(before), Some(after)) = (before, all.gateway.memory_peak()) {
        assert!(after - before < MEMORY_MAX, "{before} bytes before, {after} after");
    }
}

//! Messages to many: sealed once, read by each member, and by nobody else.

use serde_json::{Value, json};

use crate::{
    api::Session,
    phones::{ALICE, BOB},
    world::World,
};

const CAROL: &str = "15550000003";
const MEMBERS: u64 = 1_000;

/// A group that Alice made, with its JID.
async fn group(world: &World, participants: &[String]) -> String {
    let new = json!({"subject": "Friends", "owner": ALICE, "participants": participants});
    let made = world.phones.post("/groups", new).await.data();
    assert_eq!(made["failed"].as_array().map_or(0, Vec::len), 0, "{made}");
    made["jid"].as_str().unwrap().to_owned()
}

async fn act(world: &World, group: &str, action: &str, who: &str) {
    let path = format!("/phones/{ALICE}/groups/{group}/{action}");
    let done = world.phones.post(&path, json!({"participants": [who]})).await.data();
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

#[tokio::test(flavor = "multi_thread")]
async fn members_read_what_is_said_while_they_are_in() {
    let (world, session, inbox) = World::linked().await;
    world.phones.create(CAROL).await;
    let group = group(&world, &[BOB.to_owned()]).await;
    let first = say(&session, &group, "first").await;
    let shown = world.phones.shows(BOB, &first).await;
    assert_eq!((&shown["text"], &shown["chat"]), (&json!("first"), &json!(group)));
    world.phones.shows(ALICE, &first).await;
    world.phones.read(BOB, &first).await;
    inbox.first("Bob's receipt", |one| one.kind() == "ReadReceipt" && one.json["state"] == "Read").await;

    act(&world, &group, "add", CAROL).await;
    inbox.first("news of Carol", |one| one.kind() == "GroupInfo" && one.event()["Join"][0].is_string()).await;
    let second = say(&session, &group, "second").await;
    for number in [BOB, CAROL] {
        assert_eq!(world.phones.shows(number, &second).await["text"], "second");
    }
    assert_eq!(texts(&world, CAROL, &group).await, ["second"]);

    act(&world, &group, "remove", BOB).await;
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
async fn a_thousand_members_are_written_to_at_once() {
    let (world, session, _) = World::linked().await;
    let others: Vec<String> = (1..MEMBERS).map(|n| (16_660_000_000 + n).to_string()).collect();
    for number in &others {
        world.phones.create(number).await;
    }
    let group = group(&world, &others).await;
    let id = say(&session, &group, "to all").await;
    for number in &others {
        assert_eq!(world.phones.shows(number, &id).await["text"], "to all");
    }
    world.stop().await;
}

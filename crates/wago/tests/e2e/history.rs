//! What a phone tells a device that it was linked with of before.

use serde_json::{Value, json};

use crate::{
    hook::Delivered,
    phones::{ALICE, BOB, jid},
    world::World,
};

/// What is told of the messages in a part of a history, the newest first.
fn texts(part: &Delivered) -> Vec<String> {
    let chats = part.event()["Data"]["conversations"].as_array().cloned().unwrap_or_default();
    let messages = chats.iter().flat_map(|chat| chat["messages"].as_array().cloned().unwrap_or_default());
    messages
        .filter_map(|message| Some(message.pointer("/message/message/conversation")?.as_str()?.to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_of_before_are_told_and_stored() {
    let world = World::start_with(&[("storemessage", "true")]).await;
    let group = json!({"subject": "Friends", "owner": BOB, "participants": [ALICE]});
    let group = world.phones.post("/groups", group).await.data()["jid"].as_str().unwrap().to_owned();
    // More than what comes in the first chunk.
    for at in 0..30 {
        let (from, to) = if at % 2 == 0 { (BOB, ALICE) } else { (ALICE, BOB) };
        world.phones.text(from, to, &format!("old {at}")).await;
    }
    let said = world.phones.text(BOB, &group, "to all").await;
    world.phones.shows(ALICE, &said).await;
    let (session, inbox) = world.session("alice").await;
    session.link(&world.phones, ALICE, &inbox).await;

    let part = |what: &'static str, kind: i64| {
        let inbox = &inbox;
        async move {
            let fits = |one: &Delivered| one.kind() == "HistorySync" && one.event()["Data"]["syncType"] == kind;
            inbox.first(what, fits).await
        }
    };
    let first = part("the newest of all chats", 0).await;
    let chats = first.event()["Data"]["conversations"].as_array().unwrap();
    let ids: Vec<&Value> = chats.iter().map(|chat| &chat["ID"]).collect();
    assert_eq!(ids, [&json!(jid(BOB)), &json!(group)]);
    assert_eq!(chats[1]["name"], "Friends");
    let told = texts(&first);
    assert_eq!((told.len(), told[0].as_str(), told[20].as_str()), (21, "old 29", "to all"));
    let names = part("the names", 4).await;
    assert_eq!(names.event()["Data"]["pushnames"][0]["ID"], jid(BOB));
    let rest = texts(&part("the rest", 3).await);
    assert_eq!((rest.len(), rest[9].as_str()), (10, "old 0"));

    let stored = session.get(&format!("/messages?chat={BOB}&limit=100")).await.data();
    let stored = stored["messages"].as_array().unwrap();
    assert_eq!(stored.len(), 30);
    for (text, from_me) in [("old 0", false), ("old 29", true)] {
        let found = stored.iter().find(|message| message["text"] == text).unwrap();
        assert_eq!(found["fromMe"], from_me, "{text}");
    }
    let found = session.get("/messages?q=all").await.data();
    assert_eq!((&found["messages"][0]["chat"], &found["messages"][0]["id"]), (&json!(group), &json!(said)));
    // And what comes now goes on from there.
    world.phones.text(BOB, ALICE, "new").await;
    inbox.text("new").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_of_before_are_listed() {
    let world = World::start().await;
    let group = json!({"subject": "Friends", "owner": BOB, "participants": [ALICE]});
    let group = world.phones.post("/groups", group).await.data()["jid"].as_str().unwrap().to_owned();
    let said = world.phones.text(ALICE, &group, "to all").await;
    world.phones.shows(BOB, &said).await;
    for text in ["one", "two"] {
        let id = world.phones.text(BOB, ALICE, text).await;
        world.phones.shows(ALICE, &id).await;
    }
    world.phones.post(&format!("/phones/{ALICE}/chats/pin"), json!({"chat": BOB})).await.data();
    let (session, inbox) = world.session("alice").await;
    session.link(&world.phones, ALICE, &inbox).await;
    inbox.first("its names", |one| one.kind() == "HistorySync" && one.event()["Data"]["syncType"] == 4).await;

    inbox.first("its pins", |one| one.kind() == "Pin").await;
    let chats = session.get("/chat/list").await.data()["chats"].take();
    let of = |chat: &Value| json!([chat["JID"], chat["Name"], chat["UnreadCount"], chat["Pinned"], chat["IsGroup"]]);
    let listed: Vec<Value> = chats.as_array().unwrap().iter().map(of).collect();
    assert_eq!(listed, [json!([jid(BOB), "Bob", 2, true, false]), json!([group, "Friends", 0, false, true])]);
    assert!(chats[1]["LastMessageAt"].as_i64().unwrap() > 0);
    // It counts on from there.
    world.phones.text(BOB, ALICE, "three").await;
    inbox.text("three").await;
    assert_eq!(session.get("/chat/list").await.data()["chats"][0]["UnreadCount"], 3);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_messages_are_asked_for() {
    let world = World::start_with(&[("storemessage", "true")]).await;
    // As many as come in the first chunk: of what was sent within a second, the later chunk would pass for the newer.
    for at in 0..15 {
        world.phones.text(BOB, ALICE, &format!("old {at}")).await;
    }
    let (session, inbox) = world.session("alice").await;
    session.link(&world.phones, ALICE, &inbox).await;
    let of = |id: &Value| {
        let id = id.clone();
        let inbox = &inbox;
        async move { inbox.first("the answer", |one| one.event()["Data"]["peerDataRequestSessionID"] == id).await }
    };
    let all = || async {
        let stored = session.get(&format!("/messages?chat={BOB}&limit=100")).await.data();
        stored["messages"].as_array().unwrap().clone()
    };
    inbox.first("the chats", |one| one.kind() == "HistorySync" && one.event()["Data"]["syncType"] == 0).await;
    let newest = all().await[0].clone();
    assert_eq!(newest["text"], "old 14");

    let before = json!({"Chat": BOB, "Count": 3, "MessageID": newest["id"], "IsFromMe": false,
        "Timestamp": newest["timestamp"]});
    let asked = session.post("/session/history", before).await.data();
    assert_eq!((&asked["Details"], &asked["MessageID"]), (&json!("History requested"), &newest["id"]));
    let told = of(&asked["Id"]).await;
    assert_eq!(told.event()["Data"]["syncType"], 6);
    assert_eq!(texts(&told), ["old 13", "old 12", "old 11"]);

    // Of the oldest that is stored there is nothing before, which is an answer too. LID and number are the same chat.
    let lid = session.get(&format!("/user/lid/{BOB}")).await.data()["lid"].as_str().unwrap().to_owned();
    let asked = session.get(&format!("/session/history?chat={lid}")).await.data();
    let stored = all().await;
    assert_eq!(asked["MessageID"], stored.last().unwrap()["id"]);
    assert!(texts(&of(&asked["Id"]).await).is_empty());
    assert_eq!(stored.len(), 15);

    let nothing = session.get("/session/history?chat=15550000009").await;
    nothing.fails(400, "invalid_field", "MessageID, IsFromMe and Timestamp");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_would_get_is_not_asked_for() {
    let (world, session, _inbox) = World::linked().await;
    session.post("/session/connect", json!({"Subscribe": ["Message"], "Immediate": true})).await.data();
    let oldest = json!({"Chat": BOB, "MessageID": "3EB0AA", "IsFromMe": false, "Timestamp": 1_700_000_000});
    session.post("/session/history", oldest).await.fails(400, "invalid_field", "subscribe to HistorySync");
    world.stop().await;
}

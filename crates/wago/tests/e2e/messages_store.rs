use serde_json::{Value, json};

use crate::{
    api::Session,
    hook::Inbox,
    phones::{ALICE, BOB, jid},
    world::World,
};

const STORED: &[(&str, &str)] = &[("storemessage", "true")];

async fn texts(session: &Session, query: &str) -> Vec<Value> {
    let data = session.get(&format!("/messages{query}")).await.data();
    data["messages"].as_array().unwrap().iter().map(|message| message["text"].clone()).collect()
}

/// Waits for the event that tells of a receipt: what follows from it is stored with it.
async fn receipt(inbox: &Inbox, id: &str, state: &str) {
    let tells = |one: &crate::hook::Delivered| {
        one.kind() == "ReadReceipt" && one.json["state"] == state && one.event()["MessageIDs"] == json!([id])
    };
    inbox.first(state, tells).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_stored_and_found() {
    let (world, session, inbox) = World::linked_with(STORED).await;
    let sent = session.text(BOB, "Bom dia! A reunião é às três").await.data();
    world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await;
    let answer = world.phones.text(BOB, ALICE, "Obrigado, até já").await;
    inbox.text("Obrigado, até já").await;

    assert_eq!(texts(&session, "").await, ["Obrigado, até já", "Bom dia! A reunião é às três"]);
    assert_eq!(texts(&session, "?q=reuniao").await, ["Bom dia! A reunião é às três"]);
    assert_eq!(texts(&session, "?q=obri*").await, ["Obrigado, até já"]);
    assert_eq!(texts(&session, &format!("?chat={BOB}&limit=1")).await, ["Obrigado, até já"]);
    let whole = session.get(&format!("/messages/{answer}")).await.data();
    assert_eq!((&whole["fromMe"], &whole["chat"], &whole["kind"]), (&json!(false), &json!(jid(BOB)), &json!("text")));
    assert_eq!(whole["event"]["Info"]["ID"], answer.as_str());
    // The other address of the same chat finds it too.
    let phones = world.phones.get("/phones").await;
    let bob = phones.as_array().unwrap().iter().find(|phone| phone["number"] == BOB).unwrap();
    assert_eq!(texts(&session, &format!("?chat={}", bob["lid"].as_str().unwrap())).await.len(), 2);

    let post = async |path: &str, body: Value| {
        let path = format!("/phones/{BOB}/{path}");
        world.phones.ask(reqwest::Method::POST, &path, body).await.data();
    };
    let seen = inbox.count();
    post("react", json!({"id": sent["Id"], "emoji": "👍"})).await;
    inbox.next_of(seen, "Message").await;
    let id = sent["Id"].as_str().unwrap();
    let reacted = session.get(&format!("/messages/{id}")).await.data();
    assert_eq!(reacted["reactions"], json!({jid(BOB): "👍"}));
    let seen = inbox.count();
    post("edit", json!({"id": answer, "text": "Obrigada, até já"})).await;
    inbox.next_of(seen, "Message").await;
    let edited = session.get(&format!("/messages/{answer}")).await.data();
    assert_eq!(edited["text"], "Obrigada, até já");
    assert!(edited["edited"].is_i64(), "{edited}");
    let seen = inbox.count();
    post("delete", json!({"id": answer})).await;
    inbox.next_of(seen, "Message").await;
    let revoked = session.get(&format!("/messages/{answer}")).await.data();
    assert_eq!((&revoked["text"], &revoked["event"]), (&json!(""), &Value::Null));
    assert!(revoked["revoked"].is_i64(), "{revoked}");
    assert_eq!(texts(&session, "?q=obrigada").await, [""; 0]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_then_delivered_then_read() {
    let (world, session, inbox) = World::linked_with(STORED).await;
    world.phones.fault(json!({"kind": "offline", "target": BOB})).await;
    let sent = session.text(BOB, "Hello").await.data();
    let id = sent["Id"].as_str().unwrap();
    let status = async || {
        let status = session.post("/message/status", json!({"Id": id})).await.data();
        assert_eq!(status["Recipients"][0]["JID"], jid(BOB));
        assert_eq!(status["Recipients"][0]["Sent"], sent["Timestamp"]);
        status["Recipients"][0].clone()
    };
    assert_eq!(status().await["State"], "sent");
    world.phones.repair().await;
    receipt(&inbox, id, "Delivered").await;
    let delivered = status().await;
    assert_eq!((&delivered["State"], &delivered["Read"]), (&json!("delivered"), &Value::Null));
    world.phones.read(BOB, id).await;
    receipt(&inbox, id, "Read").await;
    let read = status().await;
    assert_eq!(read["State"], "read");
    assert!(read["Read"].as_i64() >= read["Delivered"].as_i64(), "{read}");
    session.post("/message/status", json!({"Id": "3EB0NONE"})).await.fails(404, "unknown_message", "no message");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_unless_it_is_asked_for() {
    let (world, session, _) = World::linked().await;
    session.text(BOB, "Hello").await.data();
    session.get("/messages").await.fails(501, "messages_not_stored", "-storemessage");
    world.stop().await;
}

//! Several webhooks of one session over the whole product.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    api::{Session, send},
    hook::Inbox,
    patiently,
    phones::{ALICE, BOB, jid},
    world::World,
};

async fn add(session: &Session, inbox: &Inbox, rest: Value) -> i64 {
    let mut body = json!({"URL": inbox.url});
    body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    session.post("/webhooks", body).await.data()["id"].as_i64().unwrap()
}

async fn patch(session: &Session, id: i64, body: Value) -> Value {
    send(session.ask(Method::PATCH, &format!("/webhooks/{id}")).json(&body)).await.data()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_gets_what_it_asks_for_and_settings_leave_each_other_alone() {
    let (world, session, all) = World::linked().await;
    let (messages, from_bob) = (world.hook.inbox("messages"), world.hook.inbox("from-bob"));
    add(&session, &messages, json!({"Events": ["Message"]})).await;
    let filtered = add(&session, &from_bob, json!({"Chats": [BOB], "Events": ["Message"]})).await;
    // None of these drops another, and none needs a reconnect.
    session.post("/session/connect", json!({"Subscribe": ["ReadReceipt"], "Immediate": true})).await.data();
    session.post("/webhook", json!({"WebhookURL": all.url, "Headers": {"x-team": "blue"}})).await.data();

    world.phones.create("17770000001").await;
    world.phones.text("17770000001", ALICE, "from a stranger").await;
    world.phones.text(BOB, ALICE, "from Bob").await;
    messages.text("from a stranger").await;
    messages.text("from Bob").await;
    from_bob.text("from Bob").await;
    assert_eq!(from_bob.all().len(), 1, "the stranger's was for others");
    let sent = session.text(BOB, "to Bob").await.data();
    world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await;
    let receipt = all.first("a receipt", |one| one.kind() == "ReadReceipt").await;
    assert_eq!(receipt.headers["x-team"], "blue");
    assert!(all.all().iter().all(|one| one.text() != Some("from Bob")), "it no longer subscribes to messages");

    let paused = patch(&session, filtered, json!({"Active": false})).await;
    assert_eq!(paused["events"], json!(["Message"]));
    world.phones.text(BOB, ALICE, "while it rests").await;
    messages.text("while it rests").await;
    let path = format!("/webhooks/{filtered}/deliveries?status=waiting");
    let waiting = session.get(&path).await.data();
    assert!(!waiting["deliveries"].as_array().unwrap().is_empty(), "{waiting}");
    patch(&session, filtered, json!({"Active": true})).await;
    from_bob.text("while it rests").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_delivered_when_asked_for() {
    let (world, session, inbox) = World::linked_with(&[("webhook-retries", "0.01")]).await;
    inbox.answer(StatusCode::SERVICE_UNAVAILABLE);
    world.phones.text(BOB, ALICE, "first").await;
    world.phones.text(BOB, ALICE, "second").await;
    let id = session.get("/webhooks").await.data()[0]["id"].clone();
    let failed = format!("/webhooks/{id}/deliveries?status=failed");
    // Two attempts each, and what came before them.
    inbox.refused_more_than(3).await;
    let given_up = patiently("the end of the attempts", async {
        loop {
            let list = session.get(&failed).await.data()["deliveries"].as_array().unwrap().clone();
            let messages: Vec<_> = list.into_iter().filter(|one| one["type"] == "Message").collect();
            if messages.len() == 2 {
                break messages;
            }
        }
    })
    .await;
    assert_eq!(given_up[0]["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(given_up[0]["attempts"][1]["status"], 503);

    inbox.answer(StatusCode::OK);
    let replayed = session.post(&format!("/webhooks/{id}/replay"), json!({})).await.data();
    assert!(replayed["replayed"].as_u64().unwrap() >= 2, "{replayed}");
    let first = inbox.text("first").await;
    inbox.text("second").await;
    let order: Vec<_> = inbox.all().iter().filter_map(|one| Some(one.text()?.to_owned())).collect();
    assert_eq!(order, ["first", "second"]);
    let ids: Vec<_> = given_up.iter().map(|one| one["eventId"].clone()).collect();
    assert!(ids.contains(&first.json["eventId"]), "the id is the same");

    // One event, once more.
    let event = first.json["eventId"].as_str().unwrap();
    session.post(&format!("/events/{event}/replay"), json!({})).await.data();
    inbox
        .until("the same again", |all| (all.iter().filter(|one| one.is_text("first")).count() == 2).then_some(()))
        .await;
    let deliveries = session.get(&format!("/events/{event}/deliveries")).await.data();
    let statuses: Vec<_> = deliveries["deliveries"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses[0], "replayed");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_without_a_gap() {
    let (world, session, _) = World::linked().await;
    let inbox = world.hook.inbox("signed");
    let id = add(&session, &inbox, json!({"Events": ["Message"], "Format": "form", "Secret": "old"})).await;
    world.phones.text(BOB, ALICE, "one").await;
    let one = inbox.text("one").await;
    patch(&session, id, json!({"Secret": "new"})).await;
    world.phones.text(BOB, ALICE, "two").await;
    let two = inbox.text("two").await;
    let signatures = |one: &crate::hook::Delivered| {
        let header = one.headers["webhook-signature"].to_str().unwrap().to_owned();
        header.split(' ').count()
    };
    assert_eq!((signatures(&one), signatures(&two)), (1, 2));
    assert!(two.headers.contains_key("x-hmac-signature-old"));
    let gone = patch(&session, id, json!({"Secret": ""})).await;
    assert_eq!(gone["secretSet"], false);
    world.phones.text(BOB, ALICE, "three").await;
    assert!(!inbox.text("three").await.headers.contains_key("webhook-signature"));
    world.stop().await;
}

/// The log, over the API: what happened, in order, each under the id that the webhook got.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_what_the_webhook_got() {
    let (world, session, inbox) = World::linked().await;
    world.phones.text(BOB, ALICE, "in the log").await;
    let got = inbox.text("in the log").await;
    let path = format!("/events?type=Message&chat={}", jid(BOB));
    let page = session.get(&path).await.data();
    let event = &page["events"][0];
    assert_eq!(event["eventId"], got.json["eventId"]);
    let mut as_recorded = event.clone();
    as_recorded.as_object_mut().unwrap().remove("cursor");
    assert_eq!(as_recorded, got.json);
    world.stop().await;
}

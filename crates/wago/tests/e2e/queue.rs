use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{
    Method, StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::{
    api::{Api, Session, send},
    kill::{self, Processes},
    phones::{ALICE, BOB, Phones},
    world::World,
};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Queues a text; the answer is its id.
async fn queue(session: &Session, to: &str, text: &str, send_at: u64) -> String {
    let queued = session.post("/send/text", json!({"Phone": to, "Body": text, "SendAt": send_at})).await;
    assert_eq!(queued.status, StatusCode::ACCEPTED, "{}", queued.text);
    assert_eq!(queued.data()["Details"], "Queued");
    queued.data()["Id"].as_str().unwrap().to_owned()
}

async fn texts(phones: &Phones, number: &str) -> Vec<Value> {
    phones.messages(number).await.iter().map(|message| message["text"].clone()).collect()
}

async fn state(session: &Session, id: &str) -> Value {
    session.get(&format!("/queue/{id}")).await.data()["State"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_waits_for_its_time() {
    let (world, session, _) = World::linked().await;
    let at = now() + 2;
    let id = queue(&session, BOB, "later", at).await;
    let due = queue(&session, BOB, "due", now() - 60).await;
    let shown = world.phones.shows(BOB, &id).await;
    assert_eq!(shown["text"], "later");
    assert!(shown["timestamp"].as_u64().unwrap() >= at, "{shown}");
    assert_eq!(texts(&world.phones, BOB).await, ["due", "later"]);
    assert_eq!(state(&session, &due).await, "sent");
    world.stop().await;
}

/// As base64 and as a form, each larger than what is held in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_waits_with_its_send() {
    let (world, session, _) = World::linked().await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    let at = now() + 1;
    let url = format!("data:application/x-thing;base64,{}", BASE64_STANDARD.encode(&content));
    let body = json!({"Phone": BOB, "Document": url, "FileName": "a.thing", "SendAt": at});
    let file = Part::bytes(content.clone()).file_name("b.thing").mime_str("application/x-thing").unwrap();
    let form = Form::new().text("Phone", BOB).text("SendAt", at.to_string()).part("Document", file);
    let queued = [
        session.post("/send/document", body).await,
        send(session.ask(Method::POST, "/send/document").multipart(form)).await,
    ];
    for (queued, name) in queued.iter().zip(["a.thing", "b.thing"]) {
        assert_eq!(queued.status, StatusCode::ACCEPTED, "{}", queued.text);
        let id = queued.data()["Id"].as_str().unwrap().to_owned();
        assert_eq!(world.phones.shows(BOB, &id).await["media"]["filename"], name);
        assert!(world.phones.file(BOB, &id).await == content);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_send_is_not_sent() {
    let (world, session, _) = World::linked().await;
    let id = queue(&session, BOB, "never", now() + 3_600).await;
    let list = session.get("/queue").await.data();
    assert_eq!((&list["queue"][0]["Id"], &list["queue"][0]["State"]), (&json!(id), &json!("waiting")));
    let cancel = async || send(session.ask(Method::DELETE, &format!("/queue/{id}"))).await;
    assert_eq!(cancel().await.data()["State"], "cancelled");
    let sent = queue(&session, BOB, "sent", now()).await;
    world.phones.shows(BOB, &sent).await;
    assert_eq!(texts(&world.phones, BOB).await, ["sent"]);
    assert_eq!(session.get("/queue?state=waiting").await.data()["queue"], json!([]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_told() {
    let (world, session, inbox) = World::linked().await;
    let seen = inbox.count();
    let id = queue(&session, "15559999999", "nobody", now()).await;
    let told = inbox.next_of(seen, "QueuedSendFailed").await;
    assert_eq!(told.event()["Id"], id.as_str());
    assert!(told.event()["Error"].as_str().unwrap().contains("not on WhatsApp"), "{}", told.json);
    let entry = session.get(&format!("/queue/{id}")).await.data();
    assert_eq!(entry["State"], "failed");
    assert_eq!(entry["Error"], told.event()["Error"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_waits_for_the_session() {
    let (world, session, inbox) = World::linked().await;
    session.post("/session/disconnect", json!({})).await.data();
    let id = queue(&session, BOB, "patient", now()).await;
    assert_eq!(state(&session, &id).await, "waiting");
    let seen = inbox.count();
    session.connect().await.data();
    inbox.next_of(seen, "Connected").await;
    assert_eq!(world.phones.shows(BOB, &id).await["text"], "patient");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paced_session_keeps_its_distance_and_its_nights() {
    let (world, session, _) = World::linked().await;
    session.post("/session/pacing", json!({"RecipientGap": 2})).await.data();
    let ids = [
        session.text(BOB, "first").await.data()["Id"].as_str().unwrap().to_owned(),
        session.text(BOB, "second").await.data()["Id"].as_str().unwrap().to_owned(),
    ];
    let first = world.phones.shows(BOB, &ids[0]).await["timestamp"].as_u64().unwrap();
    let second = world.phones.shows(BOB, &ids[1]).await["timestamp"].as_u64().unwrap();
    // The gap is from WhatsApp's word on the first, and both times are in whole seconds.
    assert!(second > first, "{first} {second}");

    // It is night now, for two hours at least.
    let clock = |seconds: u64| format!("{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60);
    let night = json!({"From": clock(now() - 3_600), "To": clock(now() + 7_200)});
    session.post("/session/pacing", json!({"QuietHours": night})).await.data();
    let late = session.text(BOB, "good night").await;
    assert_eq!(late.status, StatusCode::ACCEPTED);
    let late = late.data()["Id"].as_str().unwrap().to_owned();
    assert_eq!(state(&session, &late).await, "waiting");
    // Without the night it goes out, and then everything goes straight out.
    session.post("/session/pacing", json!({})).await.data();
    world.phones.shows(BOB, &late).await;
    assert_eq!(session.text(BOB, "straight").await.data()["Details"], "Sent");
    assert_eq!(texts(&world.phones, BOB).await, ["first", "second", "good night", "straight"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_sends_what_was_queued_once() {
    const COUNT: usize = 40;
    let mut all = Processes::start().await;
    let expected: Vec<_> = (0..COUNT).map(|n| json!(format!("queued {n}"))).collect();
    for n in 0..COUNT {
        queue(&all.session, BOB, &format!("queued {n}"), now() + 1).await;
    }
    let path = format!("/phones/{BOB}/messages");
    let some = |messages: &Value| (messages.as_array()?.len() >= COUNT / 4).then_some(());
    all.phones.until("some of the queued messages", &path, some).await;
    all.gateway.kill();
    all.gateway = kill::gateway(all.gateway_data.path(), &all.phones.url).await;
    all.session = Api::new(all.gateway.urls[0].clone()).session("alice");
    let every = |messages: &Value| (messages.as_array()?.len() >= COUNT).then_some(());
    all.phones.until("every queued message", &path, every).await;
    // Whatever came twice would have come before this.
    let last = queue(&all.session, BOB, "last", now()).await;
    all.phones.shows(BOB, &last).await;
    let mut got = texts(&all.phones, BOB).await;
    assert_eq!(got.pop(), Some(json!("last")));
    assert_eq!(got, expected);
    let mut own = texts(&all.phones, ALICE).await;
    own.retain(|text| text != "last");
    assert_eq!(own.len(), COUNT);
    let waiting = all.session.get("/queue?state=waiting").await.data();
    assert_eq!(waiting["queue"], json!([]));
}

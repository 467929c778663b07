use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::json;

use crate::{
    api::send,
    phones::{ALICE, BOB, jid},
    world::World,
};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_shows_what_is_sent() {
    let (world, session, inbox) = World::linked().await;
    let before = now();
    let sent = session.text(BOB, "Hello Bob ✓").await.data();
    assert_eq!(sent["Details"], "Sent");
    let at = sent["Timestamp"].as_u64().unwrap();
    assert!((before..=now()).contains(&at), "{sent}");
    let id = sent["Id"].as_str().unwrap();
    let shown = world.phones.shows(BOB, id).await;
    assert_eq!(shown["text"], "Hello Bob ✓");
    assert_eq!(shown["from"], jid(ALICE));
    assert_eq!(shown["state"], "received");
    assert_eq!(shown["timestamp"], at);
    // The account's own phone is shown it too.
    assert_eq!(world.phones.shows(ALICE, id).await["fromMe"], true);

    // The phone has it, and then somebody reads it.
    let receipt = |state: &'static str| {
        let (inbox, id) = (inbox.clone(), id.to_owned());
        async move {
            inbox
                .first(state, |one| {
                    one.kind() == "ReadReceipt"
                        && one.json["state"] == state
                        && one.event()["MessageIDs"] == json!([id])
                })
                .await
        }
    };
    let delivered = receipt("Delivered").await;
    assert_eq!(delivered.event()["Type"], "");
    world.phones.read(BOB, id).await;
    let read = receipt("Read").await;
    assert_eq!(read.event()["Type"], "read");
    assert_eq!(read.event()["Chat"], jid(BOB));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_sends_once() {
    let (world, session, _) = World::linked().await;
    let body = json!({"Phone": BOB, "Body": "once", "Id": "3EB0CHOSEN"});
    let once = || {
        let ask = session.ask(Method::POST, "/send/text");
        send(ask.header("Idempotency-Key", "key-1").json(&body))
    };
    let (first, second) = (once().await, once().await);
    assert_eq!(first.data()["Id"], "3EB0CHOSEN");
    assert_eq!(first.text, second.text);
    let last = session.text(BOB, "last").await.data();
    world.phones.shows(BOB, last["Id"].as_str().unwrap()).await;
    let shown = world.phones.messages(BOB).await;
    let texts: Vec<_> = shown.iter().map(|one| &one["text"]).collect();
    assert_eq!(texts, ["once", "last"]);

    let ask = session.ask(Method::POST, "/send/text");
    let other = json!({"Phone": BOB, "Body": "other"});
    let reused = send(ask.header("Idempotency-Key", "key-1").json(&other)).await;
    reused.fails(409, "idempotency_mismatch", "another request");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_and_mentions_reach_the_phone() {
    let (world, session, inbox) = World::linked().await;
    let asked = world.phones.text(BOB, ALICE, "Who is it?").await;
    inbox.text("Who is it?").await;
    let reply = json!({
        "Phone": jid(BOB),
        "Body": "It is @15550000001",
        "QuotedText": "Who is it?",
        "ContextInfo": {"StanzaID": asked, "Participant": jid(BOB), "MentionedJID": [jid(ALICE)]},
    });
    let sent = session.post("/send/text", reply).await.data();
    let shown = world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await;
    assert_eq!(shown["quoted"]["id"], asked);
    assert_eq!(shown["quoted"]["from"], jid(BOB));
    assert_eq!(shown["quoted"]["text"], "Who is it?");
    assert_eq!(shown["mentions"], json!([jid(ALICE)]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_gets_what_a_phone_sends() {
    let (world, session, inbox) = World::linked().await;
    let id = world.phones.text(BOB, ALICE, "Hello Alice & all").await;
    let got = inbox.text("Hello Alice & all").await;

    assert_eq!(got.token, session.token);
    assert_eq!(got.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(got.headers["x-wago-session"], "alice");
    assert_eq!(got.headers["x-wago-attempt"], "1");
    assert_eq!(got.headers["webhook-id"], got.json["eventId"].as_str().unwrap());
    assert_eq!(got.json["session"]["name"], "alice");
    assert_eq!(got.json["session"]["jid"], format!("{ALICE}:1@s.whatsapp.net"));
    let info = &got.event()["Info"];
    assert_eq!(info["ID"], id);
    assert_eq!(info["Type"], "text");
    assert_eq!(info["PushName"], "Bob");
    assert_eq!(info["IsFromMe"], false);
    assert_eq!(info["IsGroup"], false);
    assert_eq!(info["Chat"], jid(BOB));
    assert_eq!(info["Sender"], jid(BOB));
    for name in ["SenderAlt", "Timestamp", "MediaType", "Category", "Edit"] {
        assert!(info[name].is_string(), "{name}: {info}");
    }

    // A reply and a mention, in whatsmeow's names.
    let sent = session.text(BOB, "What is it?").await.data();
    world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await;
    let answer = json!({"to": ALICE, "text": "This", "reply": sent["Id"], "mentions": [ALICE]});
    world.phones.send(BOB, answer).await;
    let got = inbox.text("This").await;
    let context = &got.event()["Message"]["extendedTextMessage"]["contextInfo"];
    assert_eq!(context["stanzaID"], sent["Id"]);
    assert_eq!(context["mentionedJID"], json!([jid(ALICE)]));

    // The phone hears that the gateway has it.
    let path = format!("/phones/{BOB}/messages");
    world
        .phones
        .until("a delivered message", &path, |messages| {
            let mut messages = messages.as_array()?.iter();
            let message = messages.find(|message| message["id"] == id.as_str())?;
            (message["state"] == "delivered").then_some(())
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_says_why() {
    let world = World::start().await;
    let (session, inbox) = world.session("alice").await;
    let hello = || session.text(BOB, "Hello");
    hello().await.fails(500, "no_session", "No session");
    session.connect().await.data();
    hello().await.fails(500, "not_logged_in", "not logged in");
    session.link(&world.phones, ALICE, &inbox).await;
    hello().await.data();

    let nobody = session.text("15559999999", "Hello").await;
    nobody.fails(400, "not_on_whatsapp", "15559999999 is not on WhatsApp");
    assert_eq!(nobody.json()["field"], "Phone");

    let reject = json!({"kind": "reject", "target": ALICE});
    world.phones.fault(reject).await;
    let refused = hello().await;
    refused.fails(502, "whatsapp_refused", "503");
    assert_eq!(refused.json()["retryable"], true);
    world.phones.repair().await;
    hello().await.data();

    session.post("/session/logout", json!({})).await.data();
    hello().await.fails(500, "no_session", "No session");
    world.stop().await;
}

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api::Session,
    phones::{ALICE, BOB},
    world::World,
};

/// The head of a PNG, and enough behind it for several reads.
fn picture() -> Vec<u8> {
    let noise = (0..300_000_u32).map(|at| u8::try_from(at.wrapping_mul(at) % 253).unwrap());
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0".iter().copied().chain(noise).collect()
}

fn data_url(mimetype: &str, bytes: &[u8]) -> String {
    format!("data:{mimetype};base64,{}", BASE64_STANDARD.encode(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_the_file_of_a_message() {
    let (world, _session, inbox) = World::linked().await;
    let content = picture();
    let image = json!({"to": ALICE, "image": data_url("image/png", &content), "caption": "look"});
    let id = world.phones.send(BOB, image).await;
    let came = inbox.first("the image", |one| one.event()["Info"]["ID"] == id.as_str()).await;
    assert_eq!(came.token, "alice-token");
    assert_eq!(came.event()["Message"]["imageMessage"]["caption"], "look");
    assert_eq!(came.file_error, None);
    let file = came.file.unwrap();
    assert!(file.head.contains("Content-Type: image/png"), "{}", file.head);
    assert!(file.head.contains(&format!("filename=\"{}.png\"", came.json["eventId"].as_str().unwrap())));
    assert!(file.bytes == content, "the same bytes");

    let document = json!({
        "to": ALICE, "document": data_url("text/plain", b"hello"), "filename": "a b.txt", "caption": "read",
    });
    let id = world.phones.send(BOB, document).await;
    let came = inbox.first("the document", |one| one.event()["Info"]["ID"] == id.as_str()).await;
    let file = came.file.unwrap();
    assert!(file.head.contains("filename=\"a b.txt\""), "{}", file.head);
    assert_eq!(file.bytes, b"hello");

    // What has no file comes as ever.
    world.phones.text(BOB, ALICE, "no file").await;
    assert!(inbox.text("no file").await.file.is_none());
    world.stop().await;
}

/// While the gateway is away Bob sends Alice a picture, and the media host loses it.
async fn expired(world: &mut World, query: &str) -> String {
    world.stop_gateway().await;
    let id = world.phones.send(BOB, json!({"to": ALICE, "image": data_url("image/png", &picture())})).await;
    let path = format!("/phones/{BOB}/messages/{id}/media{query}");
    world.phones.ask(Method::DELETE, &path, Value::Null).await.data();
    world.phones.text(BOB, ALICE, "behind it").await;
    world.start_gateway().await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_has_expired_comes_from_the_phone() {
    let (mut world, _, inbox) = World::linked().await;
    let id = expired(&mut world, "").await;
    let came = inbox.first("the image", |one| one.event()["Info"]["ID"] == id.as_str()).await;
    assert_eq!(came.file_error, None);
    assert!(came.file.unwrap().bytes == picture(), "the same bytes");
    let told = inbox.first("the phone's answer", |one| one.kind() == "MediaRetry").await;
    assert_eq!((&told.event()["MessageID"], &told.event()["Error"]), (&json!(id), &Value::Null));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_nobody_has_is_told_of() {
    let (mut world, session, inbox) = World::linked().await;
    let id = expired(&mut world, "?copies=true").await;
    let came = inbox.first("the image", |one| one.event()["Info"]["ID"] == id.as_str()).await;
    assert_eq!(came.token, session.token);
    assert!(came.file.is_none());
    let said = "the file has expired at WhatsApp, and the phone does not have it any more";
    assert_eq!(came.file_error.as_deref(), Some(said));
    inbox.text("behind it").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_kept_and_given_out() {
    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path().to_str().unwrap();
    let settings = [("media-storage", "folder"), ("media-folder", folder), ("webhookfiles", "false")];
    let (mut world, session, inbox) = World::linked_with(&settings).await;
    let content = picture();
    let image = json!({"to": ALICE, "image": data_url("image/png", &content)});
    let id = world.phones.send(BOB, image).await;
    let came = inbox.first("the image", |one| one.event()["Info"]["ID"] == id.as_str()).await;
    assert!(came.file.is_none(), "webhooks get none");
    let path = format!("/events/{}/file", came.json["eventId"].as_str().unwrap());
    let get = |session: &Session, range: &'static str| session.ask(Method::GET, &path).header("range", range).send();
    // 409 while it is on its way.
    let whole = loop {
        let answer = get(&session, "").await.unwrap();
        match answer.status().as_u16() {
            409 => assert_eq!(answer.json::<Value>().await.unwrap()["errorCode"], "file_not_ready"),
            _ => break answer,
        }
    };
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.headers()["content-type"], "image/png");
    assert!(whole.bytes().await.unwrap() == content);
    let part = get(&session, "bytes=100-199").await.unwrap();
    assert_eq!(
        (part.status().as_u16(), part.headers()["content-range"].to_str().unwrap()),
        (206, "bytes 100-199/300024")
    );
    assert!(part.bytes().await.unwrap() == content[100..200]);
    assert_eq!(get(&session, "bytes=300024-").await.unwrap().status(), 416);

    // It is there after a restart, and when WhatsApp has it no more; other sessions do not get it.
    world.phones.ask(Method::DELETE, &format!("/phones/{BOB}/messages/{id}/media"), Value::Null).await.data();
    world.stop_gateway().await;
    world.start_gateway_with(&settings).await;
    let session = world.api.session("alice");
    assert!(get(&session, "").await.unwrap().bytes().await.unwrap() == content);
    let (other, _) = world.session("other").await;
    let none = other.get(&path).await;
    assert_eq!(none.status, 404, "{}", none.text);
    let text = world.phones.text(BOB, ALICE, "no file").await;
    let came = inbox.first("the text", |one| one.event()["Info"]["ID"] == text.as_str()).await;
    assert_eq!(session.get(&format!("/events/{}/file", came.json["eventId"].as_str().unwrap())).await.status, 404);
    world.stop().await;
}

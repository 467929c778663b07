use reqwest::Method;
use serde_json::json;

use crate::{
    phones::{ALICE, BOB},
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_phone() {
    let (world, session, inbox) = World::linked().await;
    world.phones.unlink(ALICE, 1).await;
    let out = inbox.next_of(0, "LoggedOut").await;
    assert_eq!(out.event()["OnConnect"], false);
    assert!(!out.event()["Reason"].as_str().unwrap().is_empty());
    let status = session.status().await;
    assert_eq!(status["Connected"], false);
    assert_eq!(status["LoggedIn"], false);
    assert_eq!(status["Health"]["state"], "logged_out");

    // It can be linked again, to another phone.
    session.link(&world.phones, BOB, &inbox).await;
    assert_eq!(session.status().await["Jid"]["User"], BOB);
    session.text(ALICE, "it is me now").await.data();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_gateway_is_down() {
    let (mut world, _, inbox) = World::linked().await;
    world.stop_gateway().await;
    world.phones.unlink(ALICE, 1).await;
    world.start_gateway().await;
    let out = inbox.next_of(0, "LoggedOut").await;
    assert_eq!(out.event()["OnConnect"], true);
    assert_eq!(world.api.session("alice").health().await, "logged_out");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_request() {
    let (world, session, inbox) = World::linked().await;
    let done = session.post("/session/logout", json!({})).await;
    assert_eq!(done.text, r#"{"code":200,"data":{"Details":"Logged out"},"success":true}"#);
    assert!(world.phones.devices(ALICE).await.is_empty());
    inbox.next_of(0, "LoggedOut").await;
    let status = session.status().await;
    assert_eq!(status["LoggedIn"], false);
    assert_eq!(status["Jid"], json!({"User": "", "Server": ""}));
    assert_eq!(status["Health"]["state"], "logged_out");

    session.link(&world.phones, ALICE, &inbox).await;
    session.text(BOB, "linked again").await.data();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_session_leaves_nothing() {
    let (world, session, _) = World::linked().await;
    let deleted = session.admin("/session/delete", json!({})).await;
    assert_eq!(deleted.text, r#"{"code":200,"data":{"details":"session deleted successfully"},"success":true}"#);
    assert!(world.phones.devices(ALICE).await.is_empty());
    let gone = session.get("/session/status").await;
    gone.fails(401, "invalid_token", "invalid token");
    let all = world.api.admin(Method::GET, "/session/all").await;
    assert_eq!(all.data(), json!([]));

    // Its name and token are free, and the new session is nobody's yet.
    let (again, inbox) = world.session("alice").await;
    assert_eq!(again.status().await["LoggedIn"], false);
    again.link(&world.phones, BOB, &inbox).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_goes_on_with_the_session() {
    let (world, mut session, inbox) = World::linked().await;
    let new = json!({"Token": "another-token"});
    session.admin("/session/rotate", new).await.data();
    let old = session.text(BOB, "by the old token").await;
    old.fails(401, "invalid_token", "invalid token");
    session.token = "another-token".to_owned();
    assert_eq!(session.status().await["Connected"], true);
    session.text(BOB, "by the new token").await.data();
    world.phones.text(BOB, ALICE, "hello").await;
    assert_eq!(inbox.text("hello").await.token, "another-token");
    world.stop().await;
}

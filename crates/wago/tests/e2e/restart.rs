use reqwest::StatusCode;

use crate::{
    phones::{ALICE, BOB},
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_comes_back_without_a_scan() {
    let (mut world, _, inbox) = World::linked().await;
    world.phones.text(BOB, ALICE, "before").await;
    inbox.text("before").await;
    world.stop_gateway().await;
    let devices = world.phones.devices(ALICE).await;
    assert_eq!(devices[0]["online"], false, "{devices:?}");
    for text in ["while it was down", "and again"] {
        world.phones.text(BOB, ALICE, text).await;
    }

    let seen = inbox.count();
    world.start_gateway().await;
    inbox.next_of(seen, "Connected").await;
    let session = world.api.session("alice");
    let status = session.status().await;
    assert_eq!(status["Jid"]["User"], ALICE);
    assert_eq!(status["Health"]["state"], "ok");
    let kinds = inbox.all();
    assert!(kinds[seen..].iter().all(|one| one.kind() != "QR"));

    inbox.text("and again").await;
    let all = inbox.all();
    let texts: Vec<_> = all.iter().filter_map(|one| one.text()).collect();
    assert_eq!(texts, ["before", "while it was down", "and again"]);
    let sent = session.text(BOB, "after").await.data();
    let shown = world.phones.shows(BOB, sent["Id"].as_str().unwrap()).await;
    assert_eq!(shown["text"], "after");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_due_outlives_a_stop() {
    let (mut world, _, inbox) = World::linked().await;
    inbox.answer(StatusCode::SERVICE_UNAVAILABLE);
    world.phones.text(BOB, ALICE, "kept").await;
    inbox.refused().await;
    world.stop_gateway().await;
    inbox.answer(StatusCode::OK);
    world.start_gateway().await;
    let got = inbox.text("kept").await;
    assert_eq!(got.headers["webhook-id"], got.json["eventId"].as_str().unwrap());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_session_stays_so() {
    let (mut world, session, inbox) = World::linked().await;
    session.post("/session/disconnect", serde_json::json!({})).await.data();
    assert_eq!(session.health().await, "stopped");
    world.stop_gateway().await;
    world.start_gateway().await;
    let session = world.api.session("alice");
    let status = session.status().await;
    assert_eq!(status["Connected"], false);
    assert_eq!(status["LoggedIn"], true);
    assert_eq!(status["Health"]["state"], "stopped");

    let seen = inbox.count();
    session.connect().await.data();
    inbox.next_of(seen, "Connected").await;
    session.text(BOB, "back").await.data();
    world.stop().await;
}

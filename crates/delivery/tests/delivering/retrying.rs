use std::time::Duration;

use wago_delivery::Tail;
use wago_store::{EventFilter, WebhookChange};

use crate::{
    fixture::{Fixture, NEVER, options},
    receiver::Receiver,
};

#[tokio::test]
async fn a_failed_delivery_is_repeated_before_the_next_of_its_chat() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "chat", &["a", "b"]).await;
    let running = fixture.start(options(&[Duration::from_millis(1); 3]));
    for (attempt, status) in [("1", 500), ("2", 404), ("3", 302), ("4", 200)] {
        let request = receiver.request().await;
        assert_eq!((request.id(), request.header("x-wago-attempt")), ("a", attempt));
        request.answer(status);
    }
    let request = receiver.request().await;
    assert_eq!((request.id(), request.header("x-wago-attempt")), ("b", "1"));
    request.answer(200);
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn after_its_last_attempt_a_delivery_is_dead_and_its_chat_goes_on() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "chat", &["a", "b"]).await;
    let running = fixture.start(options(&[Duration::ZERO]));
    for id in ["a", "a", "b"] {
        let request = receiver.request().await;
        assert_eq!(request.id(), id);
        request.answer(if id == "a" { 503 } else { 200 });
    }
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn a_retry_comes_after_what_was_in_flight_beside_it() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    let running = fixture.start(options(&[Duration::from_millis(50)]));
    for id in ["first", "second"] {
        fixture.record(session, "chat", &[id]).await;
        receiver.request().await.answer(200);
    }
    fixture.record(session, "slow", &["slow"]).await;
    let held = receiver.request().await;
    fixture.record(session, "chat", &["a"]).await;
    receiver.request().await.answer(500);
    // A failure leaves one place, which the slow one has.
    held.answer(200);
    let again = receiver.request().await;
    assert_eq!((again.id(), again.header("x-wago-attempt")), ("a", "2"));
    again.answer(200);
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn a_broken_connection_fails_the_attempt() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "chat", &["a"]).await;
    let running = fixture.start(options(&[NEVER]));
    drop(receiver.request().await);
    running.stop().await;
    assert_eq!(fixture.attempts(session).await[0], 1);
}

/// A webhook that fails is tried with one request at a time, and with more again once it answers.
#[tokio::test]
async fn a_failing_webhook_has_one_place() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    for chat in ["a", "b", "c", "d"] {
        fixture.record(session, chat, &[chat]).await;
    }
    let running = fixture.start(options(&[Duration::ZERO; 20]));
    for _ in 0..8 {
        let request = receiver.request().await;
        assert!(receiver.is_idle(), "one at a time");
        request.answer(500);
    }
    receiver.request().await.answer(200);
    let two = [receiver.request().await, receiver.request().await];
    two.into_iter().for_each(|request| request.answer(200));
    receiver.request().await.answer(200);
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn gone_pauses_at_once_and_tells() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "chat", &["a", "b"]).await;
    let running = fixture.start(options(&[Duration::ZERO]));
    receiver.request().await.answer(410);
    let mut told = Tail::new(fixture.store.clone(), session, EventFilter::default(), Some(0)).await.unwrap();
    let told = loop {
        let page = told.next(10).await.unwrap();
        if let Some(event) = page.events.into_iter().find(|event| event.kind == "WebhookPaused") {
            break event;
        }
    };
    let told: serde_json::Value = serde_json::from_slice(&told.payload).unwrap();
    assert_eq!(told["event"]["Reason"], "the receiver answered 410 Gone");
    let webhook = fixture.webhook(session).await;
    assert_eq!(webhook.paused.unwrap().reason, "the receiver answered 410 Gone");
    assert_eq!(fixture.attempts(session).await, [1, 0, 0], "they wait, and so does the event that tells of it");

    let resume = WebhookChange { paused: Some(None), ..Default::default() };
    fixture.store.update_webhook(session, webhook.id, resume, 2_000).await.unwrap();
    let first = receiver.request().await;
    assert_eq!((first.id(), first.header("x-wago-attempt")), ("a", "2"));
    first.answer(200);
    receiver.request().await.answer(200);
    receiver.request().await.answer(200);
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn a_webhook_that_fails_for_too_long_is_paused() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "chat", &["a"]).await;
    let mut strict = options(&[Duration::ZERO; 20]);
    strict.failing_max = Duration::ZERO;
    let running = fixture.start(strict);
    receiver.request().await.answer(500);
    running.stop().await;
    let paused = fixture.webhook(session).await.paused.unwrap();
    assert_eq!(paused.reason, "no attempt succeeded for 0 days");
    assert_eq!(fixture.pending().await, 2, "the event, and the one that tells of the pause");
}

#[tokio::test]
async fn a_receiver_that_asks_for_rest_gets_it() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "a", &["a"]).await;
    fixture.record(session, "b", &["b"]).await;
    let running = fixture.start(options(&[Duration::ZERO; 3]));
    receiver.request().await.answer_with(429, "Retry-After: 1000\r\n");
    running.stop().await;
    assert!(receiver.is_idle(), "its other chats rest too");
    let webhook = fixture.webhook(session).await.id;
    let records = fixture.store.webhook_deliveries(webhook, None, None, 10).await.unwrap();
    let first = records.last().unwrap();
    let wait = first.due_at.unwrap() - first.attempts[0].at_ms;
    assert!((1_000_000..2_000_000).contains(&wait), "{wait}");
}

#[tokio::test]
async fn attempts_are_kept_with_the_response() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "chat", &["a"]).await;
    let running = fixture.start(options(&[Duration::ZERO]));
    let long = "x".repeat(10_000);
    receiver.request().await.answer_whole(500, &long);
    receiver.request().await.answer_whole(200, "thanks");
    running.stop().await;
    let webhook = fixture.webhook(session).await;
    let record = fixture.store.webhook_deliveries(webhook.id, None, None, 10).await.unwrap().remove(0);
    let seen: Vec<_> =
        record.attempts.iter().map(|one| (one.status, one.error.as_deref(), one.response.len())).collect();
    assert_eq!(seen, [(Some(500), Some("responded 500"), 4_096), (Some(200), None, 6)]);
    assert_eq!(record.attempts[1].url, receiver.url());
}

/// What a receiver said with its status stands, however its body ends.
#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "chat", &["a"]).await;
    let running = fixture.start(options(&[NEVER]));
    receiver.request().await.answer_raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

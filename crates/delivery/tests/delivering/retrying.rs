use std::time::Duration;

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
async fn a_retry_comes_though_another_delivery_is_in_flight() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    let running = fixture.start(options(&[Duration::from_millis(50)]));
    fixture.record(session, "slow", &["slow"]).await;
    let held = receiver.request().await;
    fixture.record(session, "chat", &["a"]).await;
    receiver.request().await.answer(500);
    let again = receiver.request().await;
    assert_eq!((again.id(), again.header("x-wago-attempt")), ("a", "2"));
    again.answer(200);
    held.answer(200);
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
    assert_eq!(fixture.attempts_of_first().await, 1);
}

use crate::{
    fixture::{Fixture, NEVER, options},
    receiver::Receiver,
};

#[tokio::test]
async fn a_chat_keeps_its_order() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    let ids: Vec<String> = (0..70).map(|n| format!("e{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    fixture.record(session, "chat", &ids[..40]).await;
    let running = fixture.start(options(&[NEVER]));
    fixture.record(session, "chat", &ids[40..]).await;
    for id in ids {
        let request = receiver.request().await;
        assert_eq!(request.id(), id);
        assert!(receiver.is_idle(), "one of a chat at a time");
        request.answer(200);
    }
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn an_event_recorded_later_is_delivered_at_once() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    let running = fixture.start(options(&[]));
    for id in ["a", "b"] {
        fixture.record(session, "chat", &[id]).await;
        let request = receiver.request().await;
        assert_eq!((request.id(), request.body.as_str()), (id, format!(r#"{{"eventId":"{id}"}}"#).as_str()));
        assert_eq!((request.header("x-wago-session"), request.header("x-wago-attempt")), ("sales", "1"));
        request.answer(204);
    }
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn a_failing_chat_holds_back_only_itself() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "bad", &["bad1", "bad2"]).await;
    let running = fixture.start(options(&[NEVER]));
    let failing = receiver.request().await;
    assert_eq!(failing.id(), "bad1");
    failing.answer(500);
    for id in ["good1", "good2", "good3"] {
        fixture.record(session, "good", &[id]).await;
        let request = receiver.request().await;
        assert_eq!(request.id(), id);
        request.answer(200);
    }
    running.stop().await;
    assert_eq!(fixture.pending().await, 2);
    assert_eq!(fixture.attempts(session).await[0], 1);
}

#[tokio::test]
async fn a_slow_chat_holds_back_only_itself() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    let running = fixture.start(options(&[NEVER]));
    fixture.record(session, "first", &["first"]).await;
    receiver.request().await.answer(200);
    fixture.record(session, "slow", &["slow"]).await;
    let held = receiver.request().await;
    fixture.record(session, "quick", &["quick"]).await;
    let request = receiver.request().await;
    assert_eq!(request.id(), "quick");
    request.answer(200);
    held.answer(200);
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn a_webhook_with_all_its_places_taken_leaves_places_to_others() {
    let (fixture, mut slow, mut other) = (Fixture::new().await, Receiver::start().await, Receiver::start().await);
    let busy = fixture.session("busy", &slow.url()).await;
    let calm = fixture.session("calm", &other.url()).await;
    for chat in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        fixture.record(busy, chat, &[chat]).await;
    }
    fixture.record(calm, "chat", &["calm"]).await;
    let mut bounded = options(&[NEVER]);
    (bounded.in_flight_max, bounded.per_webhook_max) = (3, 2);
    let running = fixture.start(bounded);
    // It has shown that it answers, so it gets a second place.
    slow.request().await.answer(200);
    let mut held = vec![slow.request().await, slow.request().await];
    other.request().await.answer(200);
    assert!(slow.is_idle(), "no third beside two");
    for _ in 0..5 {
        held.remove(0).answer(200);
        held.push(slow.request().await);
    }
    held.into_iter().for_each(|request| request.answer(200));
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

#[tokio::test]
async fn a_restart_resumes_where_the_last_run_stopped() {
    let (mut fixture, mut receiver) = (Fixture::new().await, Receiver::start().await);
    let session = fixture.session("sales", &receiver.url()).await;
    fixture.record(session, "chat", &["a", "b", "c"]).await;
    let running = fixture.start(options(&[NEVER]));
    receiver.request().await.answer(200);
    let second = receiver.request().await;
    assert_eq!(second.id(), "b");
    // The token ends while `b` is in flight: its answer is still taken, and `c` is left.
    let (_, ()) = tokio::join!(running.stop(), async { second.answer(200) });
    fixture.reopen().await;
    let running = fixture.start(options(&[NEVER]));
    let third = receiver.request().await;
    assert_eq!(third.id(), "c");
    third.answer(200);
    running.stop().await;
    assert_eq!(fixture.pending().await, 0);
}

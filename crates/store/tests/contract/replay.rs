use wago_store::{DeliveryState, EventFilter, Outcome, Replay, SessionId, Store, WebhookChange, WebhookId};

use crate::fixture::{Database, attempt, chats, due, event, leading_to, session_with_webhook};

crate::on_both_engines!(one_event, what_died, everything_since);

/// Delivers or buries all that is due, until nothing is.
async fn finish_all(store: &Store, session: SessionId, hook: WebhookId, outcome: Outcome) {
    loop {
        let now = due(store, hook, 5_000).await;
        if now.is_empty() {
            return;
        }
        for delivery in now {
            store.finish_attempt(session, delivery.id, attempt(200, 2_000), outcome.clone()).await.unwrap();
        }
    }
}

async fn one_event(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    let none = WebhookChange { events: Some(Some(vec!["Call".into()])), ..leading_to("http://example.com/2") };
    let other = store.create_webhook(a, none, 1).await.unwrap().unwrap().id;
    let recorded = store.record_events(vec![event(a, "x", 1), event(a, "x", 2)]).await.unwrap();
    let (first, now_ms) = (recorded[0].cursor, 3_000);
    let again = Replay::Event { event: first, webhook: None, now_ms };
    assert_eq!(store.replay(a, again.clone()).await.unwrap().count, 0, "it waits already");
    finish_all(&store, a, hook, Outcome::Delivered).await;
    assert_eq!(store.replay(a, again).await.unwrap().count, 1);
    let now = due(&store, hook, 5_000).await;
    assert_eq!((now[0].event.cursor, now[0].attempts), (first, 0));
    let there = Replay::Event { event: first, webhook: Some(other), now_ms };
    assert_eq!(store.replay(a, there).await.unwrap().count, 1, "asked for by name");
    let elsewhere = Replay::Event { event: first, webhook: Some(WebhookId(-1)), now_ms };
    assert_eq!(store.replay(a, elsewhere).await.unwrap().count, 0);
    let log = store.events_after(a, 0, 10, &EventFilter::default()).await.unwrap();
    assert_eq!(log.events.len(), 2, "a replay is no new event");
}

async fn what_died(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "x", 1), event(a, "y", 1), event(a, "x", 2)]).await.unwrap();
    finish_all(&store, a, hook, Outcome::Dead).await;
    store.record_events(vec![event(a, "x", 3)]).await.unwrap();
    let late = Replay::Dead { webhook: hook, since_ms: 1_001, until_ms: i64::MAX, now_ms: 3_000 };
    assert_eq!(store.replay(a, late).await.unwrap().count, 0);
    let dead = Replay::Dead { webhook: hook, since_ms: 1_000, until_ms: i64::MAX, now_ms: 3_000 };
    assert_eq!(store.replay(a, dead.clone()).await.unwrap().count, 3);
    assert_eq!(store.replay(a, dead).await.unwrap().count, 0, "they wait now");
    assert_eq!(chats(&due(&store, hook, 3_000).await), ["x", "y"]);
    assert!(store.webhook_deliveries(hook, Some(DeliveryState::Dead), None, 10).await.unwrap().is_empty());
    assert_eq!(store.webhook_deliveries(hook, Some(DeliveryState::Replayed), None, 10).await.unwrap().len(), 3);
}

async fn everything_since(database: Database) {
    const EVENTS: usize = 1_200;
    let store = database.open().await;
    let (a, _) = session_with_webhook(&store, "a").await;
    store.record_events((0..EVENTS).map(|n| event(a, "x@g.us", n)).collect()).await.unwrap();
    store.record_events(vec![event(a, "y@lid", 1)]).await.unwrap();
    let groups = WebhookChange { chats: Some(vec!["*@g.us".into()]), ..leading_to("http://example.com/2") };
    let hook = store.create_webhook(a, groups, 1).await.unwrap().unwrap().id;
    let all = |after| Replay::All { webhook: hook, since_ms: 0, until_ms: i64::MAX, after, now_ms: 3_000 };
    let part = store.replay(a, all(0)).await.unwrap();
    assert_eq!(part.count, 1_000);
    let rest = store.replay(a, all(part.next.unwrap())).await.unwrap();
    assert_eq!((rest.count, rest.next), (EVENTS as u64 - 1_000, None));
    assert_eq!(due(&store, hook, 3_000).await[0].event.payload, br#"{"n":0}"#);
}

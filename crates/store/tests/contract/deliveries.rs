use std::collections::HashMap;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use wago_store::{Attempt, Outcome};

use crate::fixture::{Database, event, session_with_webhook};

crate::on_both_engines!(
    only_heads_are_due,
    a_retry_holds_back_its_lane_alone,
    dead_ones_make_way,
    lanes_keep_their_order
);

fn attempt(status: u16) -> Attempt {
    Attempt { at_ms: 2_000, latency_ms: 5, status: Some(status), error: None }
}

async fn only_heads_are_due(database: Database) {
    let store = database.open().await;
    let a = session_with_webhook(&store, "a").await;
    store.set_identity(a.id, Some("1@s.whatsapp.net"), None).await.unwrap();
    store.record_events(vec![event(a.id, "x", 1), event(a.id, "x", 2), event(a.id, "y", 1)]).await.unwrap();
    assert!(store.due_deliveries(999, 10, &[], &[]).await.unwrap().is_empty(), "not yet");
    let due = store.due_deliveries(1_000, 10, &[], &[]).await.unwrap();
    assert_eq!(due.iter().map(|d| d.event.chat.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(due[0].session_name, "a");
    assert_eq!(due[0].session_jid.as_deref(), Some("1@s.whatsapp.net"));
    let busy = [(due[0].webhook, "x".to_owned())];
    assert_eq!(store.due_deliveries(1_000, 10, &busy, &[]).await.unwrap().len(), 1);
    store.finish_attempt(due[0].id, attempt(200), Outcome::Delivered).await.unwrap();
    let next = store.next_in_lane(due[0].webhook, "x", 1_000).await.unwrap().unwrap();
    assert_eq!(next.event.payload, br#"{"n":2}"#);
}

async fn a_retry_holds_back_its_lane_alone(database: Database) {
    let store = database.open().await;
    let a = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a.id, "x", 1), event(a.id, "x", 2), event(a.id, "y", 1)]).await.unwrap();
    let head = store.due_deliveries(1_000, 1, &[], &[]).await.unwrap().remove(0);
    store.finish_attempt(head.id, attempt(500), Outcome::RetryAt { at_ms: 9_000 }).await.unwrap();
    let due = store.due_deliveries(2_000, 10, &[], &[]).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].event.chat, "y");
    assert!(store.next_in_lane(head.webhook, "x", 2_000).await.unwrap().is_none());
    store.finish_attempt(due[0].id, attempt(200), Outcome::Delivered).await.unwrap();
    assert_eq!(store.next_delivery_at().await.unwrap(), Some(9_000), "the second of the lane waits for the first");
    let due = store.due_deliveries(9_000, 10, &[], &[]).await.unwrap();
    assert_eq!((due[0].id, due[0].attempts), (head.id, 1));
}

async fn dead_ones_make_way(database: Database) {
    let store = database.open().await;
    let a = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a.id, "x", 1), event(a.id, "x", 2)]).await.unwrap();
    let head = store.due_deliveries(1_000, 1, &[], &[]).await.unwrap().remove(0);
    store.finish_attempt(head.id, attempt(500), Outcome::Dead).await.unwrap();
    assert_eq!(store.due_deliveries(1_000, 10, &[], &[]).await.unwrap()[0].event.payload, br#"{"n":2}"#);
    assert_eq!(store.count_pending(None).await.unwrap(), 1);
}

/// Attempts succeed, fail and give up at random; within a chat nothing overtakes.
async fn lanes_keep_their_order(database: Database) {
    const SEED: u64 = 7;
    let store = database.open().await;
    let a = session_with_webhook(&store, "a").await;
    let mut rng = StdRng::seed_from_u64(SEED);
    let chats = ["u", "v", "w", "x"];
    let mut made: HashMap<&str, usize> = HashMap::new();
    let events = (0..300).map(|_| {
        let chat = chats[rng.random_range(0..chats.len())];
        let n = made.entry(chat).or_default();
        *n += 1;
        event(a.id, chat, *n)
    });
    store.record_events(events.collect()).await.unwrap();

    let mut finished: HashMap<String, usize> = HashMap::new();
    let mut now = 1_000;
    let mut steps = 0;
    while store.count_pending(None).await.unwrap() > 0 {
        steps += 1;
        assert!(steps < 5_000, "seed {SEED}: it does not end");
        let due = store.due_deliveries(now, 3, &[], &[]).await.unwrap();
        if due.is_empty() {
            now = store.next_delivery_at().await.unwrap().unwrap();
        }
        for delivery in due {
            let last = finished.entry(delivery.event.chat.clone()).or_default();
            let expected = format!(r#"{{"n":{}}}"#, *last + 1);
            assert_eq!(
                delivery.event.payload,
                expected.as_bytes(),
                "seed {SEED}: {} is out of order",
                delivery.event.chat
            );
            let outcome = match rng.random_range(0..10) {
                0..7 => Outcome::Delivered,
                7..9 => Outcome::RetryAt { at_ms: now + rng.random_range(1..500) },
                _ => Outcome::Dead,
            };
            if !matches!(outcome, Outcome::RetryAt { .. }) {
                *last += 1;
            }
            store.finish_attempt(delivery.id, attempt(200), outcome).await.unwrap();
        }
    }
    for (chat, count) in made {
        assert_eq!(finished[chat], count, "seed {SEED}");
    }
}

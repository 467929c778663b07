use std::collections::HashMap;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use wago_store::{DeliveryState, Outcome};

use crate::fixture::{Database, attempt, chats, due, event, session_with_webhook};

crate::on_both_engines!(
    only_heads_are_due,
    what_is_in_flight_is_left_out,
    a_retry_holds_back_its_lane_alone,
    dead_ones_make_way,
    attempts_are_shown,
    a_webhook_that_fails_knows_since_when,
    a_pause_keeps_what_waits,
    lanes_keep_their_order
);

async fn only_heads_are_due(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "x", 1), event(a, "x", 2), event(a, "y", 1)]).await.unwrap();
    assert_eq!(store.take_due_webhooks().filter(|id| *id == hook).count(), 1);
    assert!(due(&store, hook, 999).await.is_empty(), "not yet");
    let first = due(&store, hook, 1_000).await;
    assert_eq!(chats(&first), ["x", "y"]);
    store.finish_attempt(a, first[0].id, attempt(200, 2_000), Outcome::Delivered).await.unwrap();
    let next = due(&store, hook, 2_000).await;
    assert_eq!(chats(&next), ["y", "x"], "the longest due first");
    assert_eq!(next[1].event.payload, br#"{"n":2}"#);
}

async fn what_is_in_flight_is_left_out(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "x", 1), event(a, "y", 1), event(a, "z", 1)]).await.unwrap();
    let all = due(&store, hook, 1_000).await;
    let left = store.due(hook, 1_000, 1, &[all[0].id, all[2].id]).await.unwrap().unwrap();
    assert_eq!(chats(&left.deliveries), ["y"]);
    assert_eq!(left.session_name, "a");
    let none = store.due(hook, 1_000, 5, &all.iter().map(|one| one.id).collect::<Vec<_>>()).await.unwrap().unwrap();
    assert_eq!((none.deliveries.len(), store.next_due_at(hook, 1_000).await.unwrap()), (0, None));
}

async fn a_retry_holds_back_its_lane_alone(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "x", 1), event(a, "x", 2), event(a, "y", 1)]).await.unwrap();
    let head = due(&store, hook, 1_000).await.remove(0);
    store.finish_attempt(a, head.id, attempt(500, 2_000), Outcome::RetryAt { at_ms: 9_000 }).await.unwrap();
    assert_eq!(chats(&due(&store, hook, 2_000).await), ["y"]);
    assert_eq!(store.next_due_at(hook, 2_000).await.unwrap(), Some(9_000));
    store.record_events(vec![event(a, "x", 3)]).await.unwrap();
    assert_eq!(chats(&due(&store, hook, 8_000).await), ["y"], "a new one of the chat waits too");
    let again = due(&store, hook, 9_000).await;
    assert_eq!((again[1].id, again[1].attempts), (head.id, 1));
}

async fn dead_ones_make_way(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "x", 1), event(a, "x", 2)]).await.unwrap();
    let head = due(&store, hook, 1_000).await.remove(0);
    assert!(store.finish_attempt(a, head.id, attempt(500, 1_000), Outcome::Dead).await.unwrap(), "the next is due");
    assert_eq!(due(&store, hook, 1_000).await[0].event.payload, br#"{"n":2}"#);
    assert_eq!(store.count_pending(None).await.unwrap(), 1);
}

async fn attempts_are_shown(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "x", 1), event(a, "x", 2)]).await.unwrap();
    let head = due(&store, hook, 1_000).await.remove(0);
    store.finish_attempt(a, head.id, attempt(500, 1_000), Outcome::RetryAt { at_ms: 5_000 }).await.unwrap();
    store.finish_attempt(a, head.id, attempt(200, 5_000), Outcome::Delivered).await.unwrap();
    let shown = store.event_deliveries(&head.event).await.unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].webhook, shown[0].state, shown[0].due_at), (hook, DeliveryState::Delivered, None));
    assert_eq!(shown[0].attempts, [attempt(500, 1_000), attempt(200, 5_000)]);
    let newest = store.webhook_deliveries(hook, None, None, 10).await.unwrap();
    assert_eq!(
        newest.iter().map(|one| one.state).collect::<Vec<_>>(),
        [DeliveryState::Waiting, DeliveryState::Delivered]
    );
    let older = store.webhook_deliveries(hook, None, Some(newest[0].id), 10).await.unwrap();
    assert_eq!((older.len(), older[0].id), (1, head.id));
    let waiting = store.webhook_deliveries(hook, Some(DeliveryState::Waiting), None, 10).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].due_at), (1, Some(5_000)));
}

async fn a_webhook_that_fails_knows_since_when(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "x", 1)]).await.unwrap();
    let head = due(&store, hook, 1_000).await.remove(0);
    for at in [2_000, 3_000] {
        store.finish_attempt(a, head.id, attempt(500, at), Outcome::RetryAt { at_ms: at }).await.unwrap();
        assert_eq!(store.webhook(hook).await.unwrap().unwrap().failing_since, Some(2_000));
    }
    store.finish_attempt(a, head.id, attempt(200, 4_000), Outcome::Delivered).await.unwrap();
    assert_eq!(store.webhook(hook).await.unwrap().unwrap().failing_since, None);
}

async fn a_pause_keeps_what_waits(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "x", 1)]).await.unwrap();
    let head = due(&store, hook, 1_000).await.remove(0);
    store.finish_attempt(a, head.id, attempt(410, 2_000), Outcome::Pause { reason: "gone".into() }).await.unwrap();
    let webhook = store.webhook(hook).await.unwrap().unwrap();
    let paused = webhook.paused.unwrap();
    assert_eq!((paused.at_ms, paused.reason.as_str()), (2_000, "gone"));
    store.record_events(vec![event(a, "x", 2)]).await.unwrap();
    assert_eq!(store.count_pending(Some(a)).await.unwrap(), 2);
    assert_eq!(due(&store, hook, 3_000).await[0].id, head.id, "it is the first again");
}

/// Attempts succeed, fail and give up at random, and events come in between; within a chat nothing overtakes.
async fn lanes_keep_their_order(database: Database) {
    const SEED: u64 = 7;
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    let mut rng = StdRng::seed_from_u64(SEED);
    let names = ["u", "v", "w", "x"];
    let mut made: HashMap<&str, usize> = HashMap::new();
    let mut finished: HashMap<String, usize> = HashMap::new();
    let mut now = 1_000;
    for step in 0.. {
        assert!(step < 5_000, "seed {SEED}: it does not end");
        if step < 100 {
            let new = (0..3).map(|_| {
                let chat = names[rng.random_range(0..names.len())];
                let n = made.entry(chat).or_default();
                *n += 1;
                event(a, chat, *n)
            });
            store.record_events(new.collect()).await.unwrap();
        } else if store.count_pending(None).await.unwrap() == 0 {
            break;
        }
        let look = store.due(hook, now, 3, &[]).await.unwrap().unwrap();
        if look.deliveries.is_empty()
            && let Some(next) = store.next_due_at(hook, now).await.unwrap()
        {
            now = next;
        }
        for delivery in look.deliveries {
            let last = finished.entry(delivery.event.chat.clone()).or_default();
            let expected = format!(r#"{{"n":{}}}"#, *last + 1);
            let chat = &delivery.event.chat;
            assert_eq!(delivery.event.payload, expected.as_bytes(), "seed {SEED}: {chat} is out of order");
            let outcome = match rng.random_range(0..10) {
                0..7 => Outcome::Delivered,
                7..9 => Outcome::RetryAt { at_ms: now + rng.random_range(1..500) },
                _ => Outcome::Dead,
            };
            if !matches!(outcome, Outcome::RetryAt { .. }) {
                *last += 1;
            }
            store.finish_attempt(a, delivery.id, attempt(200, now), outcome).await.unwrap();
        }
    }
    for (chat, count) in made {
        assert_eq!(finished[chat], count, "seed {SEED}");
    }
}

use wago_store::{EventFilter, NewEvent, Outcome, WebhookChange};

use crate::fixture::{Database, attempt, due, event, session, session_with_webhook};

crate::on_both_engines!(what_is_old_goes, what_waits_stays, a_paused_webhook_keeps_nothing, by_size);

async fn what_is_old_goes(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let mut new: Vec<_> = (0..700).map(|n| event(a, "chat", n)).collect();
    new.push(NewEvent { created_at_ms: 9_000, ..event(a, "chat", 700) });
    let last = store.record_events(new).await.unwrap()[700].cursor;
    let mut removed = 0;
    loop {
        let some = store.prune_events(9_000).await.unwrap();
        assert!(some <= 500, "a bounded part at a time");
        removed += some;
        if some == 0 {
            break;
        }
    }
    assert_eq!(removed, 700);
    let page = store.events_after(a, 5, 10, &EventFilter::default()).await.unwrap();
    assert_eq!((page.events.len(), page.next, page.gap), (1, last, true));
    assert!(!store.events_after(a, last, 10, &EventFilter::default()).await.unwrap().gap);
}

async fn what_waits_stays(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "x", 1), event(a, "y", 1)]).await.unwrap();
    let head = due(&store, hook, 1_000).await.remove(0);
    store.finish_attempt(a, head.id, attempt(200, 2_000), Outcome::Delivered).await.unwrap();
    assert_eq!(store.prune_events(9_000).await.unwrap(), 1);
    assert_eq!(due(&store, hook, 5_000).await[0].event.chat, "y");
}

async fn a_paused_webhook_keeps_nothing(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    let late = NewEvent { created_at_ms: 9_000, ..event(a, "x", 2) };
    store.record_events(vec![event(a, "x", 1), late]).await.unwrap();
    let pause = WebhookChange { paused: Some(Some("by hand".into())), ..Default::default() };
    store.update_webhook(a, hook, pause, 2_000).await.unwrap();
    assert_eq!(store.prune_events(9_000).await.unwrap(), 1);
    assert_eq!(due(&store, hook, 9_000).await[0].event.payload, br#"{"n":2}"#, "the next one is the first now");
}

async fn by_size(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let new =
        (0..10).map(|n| NewEvent { created_at_ms: 1_000 + n as i64, payload: vec![b'x'; 100], ..event(a, "x", n) });
    store.record_events(new.collect()).await.unwrap();
    assert_eq!(store.events_bytes().await.unwrap(), 1_000);
    assert_eq!(store.events_older_than_the_last(1_000).await.unwrap(), None);
    let before = store.events_older_than_the_last(450).await.unwrap().unwrap();
    assert_eq!(store.prune_events(before).await.unwrap(), 6);
    assert_eq!(store.events_bytes().await.unwrap(), 400);
}

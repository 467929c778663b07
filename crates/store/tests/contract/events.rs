use wago_store::{Event, EventFilter, NewEvent, SessionId, Store, WebhookChange};

use crate::fixture::{Database, event, session, session_with_webhook};

crate::on_both_engines!(
    records_once,
    a_delivery_for_each_subscriber,
    wakes_its_readers,
    keeps_the_order_of_one_call,
    cursors_of_a_session_grow_with_its_commits,
    reads_what_is_asked_for
);

async fn log(store: &Store, session: SessionId, after: i64, limit: u64) -> Vec<Event> {
    store.events_after(session, after, limit, &EventFilter::default()).await.unwrap().events
}

async fn records_once(database: Database) {
    let store = database.open().await;
    let (a, _) = session_with_webhook(&store, "a").await;
    let b = session(&store, "b").await.id;
    let first = NewEvent { dedupe: Some("chat|sender|id".into()), ..event(a, "chat", 1) };
    let again = NewEvent { event_id: "another".into(), ..first.clone() };
    let other_session = NewEvent { session: b, event_id: "of b".into(), ..first.clone() };
    let one = store.record_events(vec![first]).await.unwrap();
    let two = store.record_events(vec![again]).await.unwrap();
    assert!(one[0].new && !two[0].new);
    assert_eq!(one[0].cursor, two[0].cursor);
    assert!(store.record_events(vec![other_session]).await.unwrap()[0].new);
    assert_eq!(store.count_pending(Some(a)).await.unwrap(), 1, "no second delivery");
    assert_eq!(log(&store, a, 0, 10).await[0].event_id, format!("{}-chat-1", a.0));
}

async fn a_delivery_for_each_subscriber(database: Database) {
    let store = database.open().await;
    let (a, _) = session_with_webhook(&store, "a").await;
    let b = session(&store, "b").await.id;
    let receipt = NewEvent { kind: "ReadReceipt".into(), topic: "Receipt".into(), ..event(a, "chat", 2) };
    store.record_events(vec![event(a, "chat", 1)]).await.unwrap();
    store.record_events(vec![event(b, "chat", 1)]).await.unwrap();
    assert_eq!(store.count_pending(None).await.unwrap(), 1, "b has no webhook");
    store
        .change_webhook(a, WebhookChange { subscribe: Some(vec!["Message".into()]), ..Default::default() }, 0)
        .await
        .unwrap();
    store.record_events(vec![receipt]).await.unwrap();
    assert_eq!(store.count_pending(Some(a)).await.unwrap(), 1, "not subscribed");
    store.record_events(vec![event(a, "chat", 3)]).await.unwrap();
    assert_eq!(store.count_pending(Some(a)).await.unwrap(), 2);
    assert_eq!(log(&store, a, 0, 10).await.len(), 3, "the log has all, subscribed or not");
}

async fn wakes_its_readers(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let b = session(&store, "b").await.id;
    let (mut of_a, of_b) = (store.watch_events(a), store.watch_events(b));
    let recorded = store.record_events(vec![event(a, "chat", 1)]).await.unwrap();
    of_a.changed().await.unwrap();
    assert_eq!(*of_a.borrow(), recorded[0].cursor);
    assert!(!of_b.has_changed().unwrap(), "nothing happened there");
    assert_eq!(store.last_cursor(a).await.unwrap(), recorded[0].cursor);
    assert_eq!(store.last_cursor(b).await.unwrap(), 0);
}

async fn keeps_the_order_of_one_call(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let recorded = store.record_events((0..50).map(|n| event(a, "chat", n)).collect()).await.unwrap();
    assert!(recorded.is_sorted_by_key(|recorded| recorded.cursor));
    let page = log(&store, a, recorded[9].cursor, 5).await;
    assert_eq!(
        page.iter().map(|event| event.payload.clone()).collect::<Vec<_>>(),
        (10..15).map(|n| format!(r#"{{"n":{n}}}"#).into_bytes()).collect::<Vec<_>>()
    );
}

/// A reader that goes on from the last cursor it saw would miss an event that was committed later with a smaller one.
async fn cursors_of_a_session_grow_with_its_commits(database: Database) {
    let store = database.open().await;
    let (a, b) = (session(&store, "a").await.id, session(&store, "b").await.id);
    let write = |session: SessionId| {
        let store = store.clone();
        async move {
            let one = |n: usize| {
                let store = store.clone();
                tokio::spawn(async move { store.record_events(vec![event(session, "chat", n)]).await.unwrap() })
            };
            for writing in (0..200).map(one).collect::<Vec<_>>() {
                writing.await.unwrap();
            }
        }
    };
    let read = async {
        let (mut watch, mut after, mut seen) = (store.watch_events(a), 0, 0);
        while seen < 200 {
            let page = store.events_after(a, after, 1_000, &EventFilter::default()).await.unwrap();
            seen += page.events.len();
            after = page.next;
            if page.end && seen < 200 {
                watch.changed().await.unwrap();
            }
        }
    };
    let all = async { tokio::join!(write(a), write(b), read) };
    tokio::time::timeout(std::time::Duration::from_secs(60), all).await.expect("an event was passed over");
}

async fn reads_what_is_asked_for(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let call = |topic: &str, n| NewEvent { kind: "Call".into(), topic: topic.into(), ..event(a, "", n) };
    let new = vec![event(a, "x", 1), call("CallOffer", 1), event(a, "y", 1), call("CallAccept", 2), event(a, "x", 2)];
    let cursors: Vec<_> = store.record_events(new).await.unwrap().into_iter().map(|one| one.cursor).collect();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for (kinds, chats, expected) in [
        (&["Message"][..], &[][..], &[0, 2, 4][..]),
        (&["Call"], &[], &[1, 3]),
        (&["CallOffer"], &[], &[1]),
        (&["Message", "CallAccept"], &[], &[0, 2, 3, 4]),
        (&[], &["x"], &[0, 4]),
        (&["Message"], &["y", "z"], &[2]),
        (&["Presence"], &[], &[]),
    ] {
        let filter = EventFilter { kinds: words(kinds), chats: words(chats) };
        let page = store.events_after(a, 0, 10, &filter).await.unwrap();
        let found: Vec<_> = page.events.iter().map(|event| event.cursor).collect();
        assert_eq!(found, expected.iter().map(|at| cursors[*at]).collect::<Vec<_>>(), "{filter:?}");
        assert_eq!((page.next, page.end, page.gap), (cursors[4], true, false), "{filter:?}");
    }
    let filter = EventFilter { kinds: words(&["Message"]), chats: Vec::new() };
    let page = store.events_after(a, 0, 2, &filter).await.unwrap();
    assert_eq!((page.events.len(), page.next, page.end), (2, cursors[2], false));
    let found = store.event(a, &page.events[0].event_id).await.unwrap().unwrap();
    assert_eq!(found.cursor, cursors[0]);
    assert!(store.event(session(&store, "b").await.id, &found.event_id).await.unwrap().is_none());
}

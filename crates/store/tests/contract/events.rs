use wago_store::{NewEvent, WebhookChange};

use crate::fixture::{Database, event, session, session_with_webhook};

crate::on_both_engines!(records_once, a_delivery_for_each_subscriber, wakes_its_readers, keeps_the_order_of_one_call);

async fn records_once(database: Database) {
    let store = database.open().await;
    let a = session_with_webhook(&store, "a").await.id;
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
    assert_eq!(store.events_after(a, 0, 10).await.unwrap()[0].event_id, format!("{}-chat-1", a.0));
}

async fn a_delivery_for_each_subscriber(database: Database) {
    let store = database.open().await;
    let a = session_with_webhook(&store, "a").await.id;
    let b = session(&store, "b").await.id;
    let receipt = NewEvent { kind: "ReadReceipt".into(), topic: "Receipt".into(), ..event(a, "chat", 2) };
    store.record_events(vec![event(a, "chat", 1), event(b, "chat", 1)]).await.unwrap();
    assert_eq!(store.count_pending(None).await.unwrap(), 1, "b has no webhook");
    store
        .change_webhook(a, WebhookChange { subscribe: Some(vec!["Message".into()]), ..Default::default() })
        .await
        .unwrap();
    store.record_events(vec![receipt]).await.unwrap();
    assert_eq!(store.count_pending(Some(a)).await.unwrap(), 1, "not subscribed");
    store.record_events(vec![event(a, "chat", 3)]).await.unwrap();
    assert_eq!(store.count_pending(Some(a)).await.unwrap(), 2);
    assert_eq!(store.events_after(a, 0, 10).await.unwrap().len(), 3, "the log has all, subscribed or not");
}

async fn wakes_its_readers(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let woken = store.events_recorded();
    store.record_events(vec![event(a, "chat", 1)]).await.unwrap();
    woken.notified().await;
}

async fn keeps_the_order_of_one_call(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let recorded = store.record_events((0..50).map(|n| event(a, "chat", n)).collect()).await.unwrap();
    assert!(recorded.is_sorted_by_key(|recorded| recorded.cursor));
    let page = store.events_after(a, recorded[9].cursor, 5).await.unwrap();
    assert_eq!(
        page.iter().map(|event| event.payload.clone()).collect::<Vec<_>>(),
        (10..15).map(|n| format!(r#"{{"n":{n}}}"#).into_bytes()).collect::<Vec<_>>()
    );
}

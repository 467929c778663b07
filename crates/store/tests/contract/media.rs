use wago_store::{
    DeliveryFile, MediaOutcome, NewEvent, NewMedia, Outcome, Replay, SessionId, WebhookChange, WebhookFormat,
};

use crate::fixture::{Database, attempt, chats, due, event, session, session_with_webhook};

crate::on_both_engines!(
    a_delivery_waits_for_its_file,
    nobody_to_take_it,
    a_failure_is_told,
    a_spent_file_is_fetched_again
);

/// A file that webhooks want and nobody keeps.
pub fn how() -> NewMedia {
    NewMedia { descriptor: b"how".into(), for_webhooks: true, to_keep: false }
}

fn picture(session: SessionId, chat: &str, n: usize) -> NewEvent {
    NewEvent { media: Some(how()), ..event(session, chat, n) }
}

fn ready() -> MediaOutcome {
    MediaOutcome::Ready { file: "f".into(), name: "cat.jpg".into(), mimetype: "image/jpeg".into() }
}

async fn a_delivery_waits_for_its_file(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![picture(a, "x", 1), event(a, "x", 2), event(a, "y", 1)]).await.unwrap();
    assert_eq!(chats(&due(&store, hook, 1_000).await), ["y"], "only its own chat waits");
    let job = store.due_media(1_000, 10).await.unwrap().remove(0);
    assert_eq!((job.session, job.session_name.as_str(), job.descriptor.as_slice()), (a, "a", &b"how"[..]));
    store.finish_media(a, job.event, 1_000, MediaOutcome::RetryAt { at_ms: 4_000 }).await.unwrap();
    store.finish_media(a, job.event, 1_000, MediaOutcome::Moved { descriptor: b"there".into() }).await.unwrap();
    assert!(store.due_media(3_999, 10).await.unwrap().is_empty());
    assert_eq!(store.next_media_at(3_000).await.unwrap(), Some(4_000));
    assert_eq!(store.due_media(4_000, 10).await.unwrap()[0].attempts, 1);
    store.finish_media(a, job.event, 4_000, ready()).await.unwrap();
    let now = due(&store, hook, 4_000).await;
    assert_eq!(chats(&now), ["y", "x"]);
    let file = DeliveryFile::Ready { path: "f".into(), name: "cat.jpg".into(), mimetype: "image/jpeg".into() };
    assert_eq!((now[0].file.as_ref(), now[1].file.as_ref()), (None, Some(&file)));
    assert!(store.spent_media(10).await.unwrap().is_empty(), "it is still to be delivered");
    store.finish_attempt(a, now[1].id, attempt(200, 5_000), Outcome::Delivered).await.unwrap();
    assert_eq!(store.spent_media(10).await.unwrap(), [(a, job.event, "f".to_owned())]);
}

async fn nobody_to_take_it(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    let b = session(&store, "b").await.id;
    let json = WebhookChange { format: Some(WebhookFormat::Json), ..Default::default() };
    store.update_webhook(a, hook, json, 1).await.unwrap();
    store.record_events(vec![picture(a, "x", 1)]).await.unwrap();
    store.record_events(vec![picture(b, "x", 1)]).await.unwrap();
    assert!(store.due_media(i64::MAX, 10).await.unwrap().is_empty());
    assert_eq!(due(&store, hook, 1_000).await[0].file, None);
}

async fn a_failure_is_told(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![picture(a, "x", 1)]).await.unwrap();
    let job = store.due_media(1_000, 10).await.unwrap().remove(0);
    store.finish_media(a, job.event, 2_000, MediaOutcome::Failed { reason: "expired".into() }).await.unwrap();
    let file = due(&store, hook, 2_000).await.remove(0).file;
    assert_eq!(file, Some(DeliveryFile::Failed { reason: "expired".into() }));
}

async fn a_spent_file_is_fetched_again(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![picture(a, "x", 1)]).await.unwrap();
    let job = store.due_media(1_000, 10).await.unwrap().remove(0);
    store.finish_media(a, job.event, 1_000, ready()).await.unwrap();
    let head = due(&store, hook, 1_000).await.remove(0);
    store.finish_attempt(a, head.id, attempt(200, 2_000), Outcome::Delivered).await.unwrap();
    assert_eq!(store.kept_media().await.unwrap(), ["f"]);
    store.forget_media(a, job.event).await.unwrap();
    assert!(store.kept_media().await.unwrap().is_empty());
    store.replay(a, Replay::Event { event: job.event, webhook: None, now_ms: 3_000 }).await.unwrap();
    assert!(due(&store, hook, 3_000).await.is_empty());
    assert_eq!(store.due_media(3_000, 10).await.unwrap().len(), 1);
    store.finish_media(a, job.event, 4_000, ready()).await.unwrap();
    assert!(matches!(due(&store, hook, 4_000).await[0].file, Some(DeliveryFile::Ready { .. })));
}

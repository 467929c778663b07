use wago_store::{EventFile, KeepJob, Keeping, KeptFile, MediaOutcome, NewEvent, NewMedia, Outcome, SessionId, Store};

use crate::{
    fixture::{Database, attempt, due, event, session, session_with_webhook},
    media,
};

crate::on_both_engines!(
    a_fetched_file_is_kept,
    a_file_is_tried_again_and_given_up,
    files_of_deleted_sessions_are_found,
    what_is_known_of_a_file
);

fn picture(session: SessionId, chat: &str, n: usize) -> NewEvent {
    NewEvent { media: Some(NewMedia { to_keep: true, ..media::how() }), ..event(session, chat, n) }
}

async fn fetched(store: &Store, now_ms: i64) {
    let job = store.due_media(now_ms, 1).await.unwrap().remove(0);
    let ready = MediaOutcome::Ready { file: "f".into(), name: "cat.jpg".into(), mimetype: "image/jpeg".into() };
    store.finish_media(job.session, job.event, now_ms, ready).await.unwrap();
}

async fn next(store: &Store, now_ms: i64) -> KeepJob {
    store.due_keeping(now_ms, 10).await.unwrap().remove(0)
}

async fn a_fetched_file_is_kept(database: Database) {
    let store = database.open().await;
    // Nobody but the shelf wants it.
    let a = session(&store, "a").await.id;
    let media = NewMedia { for_webhooks: false, to_keep: true, ..media::how() };
    store.record_events(vec![NewEvent { media: Some(media), ..event(a, "x", 1) }]).await.unwrap();
    let changed = store.keeping_changed();
    assert!(store.due_keeping(i64::MAX, 10).await.unwrap().is_empty(), "it is not fetched yet");
    fetched(&store, 1_000).await;
    changed.notified().await;
    let job = next(&store, 1_000).await;
    assert_eq!((job.file.as_str(), job.name.as_str(), job.mimetype.as_str()), ("f", "cat.jpg", "image/jpeg"));
    assert_eq!((job.session, job.session_name.as_str(), job.attempts), (a, "a", 0));
    assert!(store.spent_media(10).await.unwrap().is_empty(), "the shelf waits for it");

    store.begin_keeping(&job, "1/f", 1_000).await.unwrap();
    assert_eq!(store.kept_file(a, &job.event_id).await.unwrap(), None, "it is not whole");
    store.finish_keeping(&job, Keeping::Done { size: 7 }).await.unwrap();
    let kept = KeptFile {
        event_id: job.event_id.clone(),
        place: "1/f".into(),
        name: "cat.jpg".into(),
        mimetype: "image/jpeg".into(),
        size: 7,
    };
    assert_eq!(store.kept_file(a, &job.event_id).await.unwrap().as_ref(), Some(&kept));
    assert!(store.due_keeping(i64::MAX, 10).await.unwrap().is_empty());
    assert_eq!(store.spent_media(10).await.unwrap().len(), 1);
    assert!(store.forgettable_files(1_000, 10).await.unwrap().is_empty());
    assert_eq!(store.forgettable_files(1_001, 10).await.unwrap(), [kept]);
    store.forget_file(&job.event_id).await.unwrap();
    assert!(store.forgettable_files(i64::MAX, 10).await.unwrap().is_empty());
}

async fn a_file_is_tried_again_and_given_up(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store.record_events(vec![picture(a, "x", 1)]).await.unwrap();
    fetched(&store, 1_000).await;
    let job = next(&store, 1_000).await;
    store.begin_keeping(&job, "1/f", 1_000).await.unwrap();
    store.finish_keeping(&job, Keeping::RetryAt { at_ms: 4_000 }).await.unwrap();
    let delivery = due(&store, hook, 1_000).await.remove(0);
    assert!(delivery.file.is_some(), "the webhook does not wait for the shelf");
    store.finish_attempt(a, delivery.id, attempt(200, 1_000), Outcome::Delivered).await.unwrap();
    assert!(store.due_keeping(3_999, 10).await.unwrap().is_empty());
    assert_eq!(store.next_keeping_at(1_000).await.unwrap(), Some(4_000));
    let job = next(&store, 4_000).await;
    assert_eq!(job.attempts, 1);
    store.begin_keeping(&job, "1/g", 4_000).await.unwrap();
    store.finish_keeping(&job, Keeping::GivenUp).await.unwrap();
    assert!(store.due_keeping(i64::MAX, 10).await.unwrap().is_empty());
    assert_eq!(store.kept_file(a, &job.event_id).await.unwrap(), None);
    assert_eq!(store.forgettable_files(1, 10).await.unwrap()[0].place, "1/g", "what is there of it goes");
    assert_eq!(store.spent_media(10).await.unwrap().len(), 1);
}

async fn files_of_deleted_sessions_are_found(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    store.record_events(vec![picture(a, "x", 1)]).await.unwrap();
    fetched(&store, 1_000).await;
    let job = next(&store, 1_000).await;
    store.begin_keeping(&job, "1/f", 1_000).await.unwrap();
    assert!(store.forgettable_files(1, 10).await.unwrap().is_empty());
    store.delete_session(a).await.unwrap();
    assert_eq!(store.forgettable_files(1, 10).await.unwrap()[0].place, "1/f");
}

async fn what_is_known_of_a_file(database: Database) {
    let store = database.open().await;
    let (a, _) = session_with_webhook(&store, "a").await;
    let b = session(&store, "b").await.id;
    let id = event(a, "x", 1).event_id;
    store.record_events(vec![picture(a, "x", 1), event(a, "x", 2)]).await.unwrap();
    assert_eq!(store.event_file(a, &id).await.unwrap(), Some(EventFile::Coming));
    assert_eq!(store.event_file(a, &event(a, "x", 2).event_id).await.unwrap(), None);
    fetched(&store, 1_000).await;
    let here = EventFile::Here { path: "f".into(), name: "cat.jpg".into(), mimetype: "image/jpeg".into() };
    assert_eq!(store.event_file(a, &id).await.unwrap(), Some(here));
    assert_eq!(store.event_file(b, &id).await.unwrap(), None, "it is another's");
    let job = next(&store, 1_000).await;
    store.begin_keeping(&job, "1/f", 1_000).await.unwrap();
    store.finish_keeping(&job, Keeping::Done { size: 7 }).await.unwrap();
    assert!(matches!(store.event_file(a, &id).await.unwrap(), Some(EventFile::Kept(_))));
    assert_eq!(store.event_file(b, &id).await.unwrap(), None, "it is another's");
    store.forget_media(a, job.event).await.unwrap();
    store.forget_file(&id).await.unwrap();
    assert_eq!(store.event_file(a, &id).await.unwrap(), Some(EventFile::Gone));
}

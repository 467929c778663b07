use futures_util::FutureExt as _;
use wago_store::{Cancelled, Enqueued, EventFilter, NewSend, SendFileId, SendOutcome, SendState, SessionId, Store};

use crate::fixture::{Database, event, session};

crate::on_both_engines!(
    due_in_order,
    a_send_has_one_id,
    survives_and_is_cancelled_only_while_it_waits,
    failures_are_told,
    what_was_sent_when,
    wakes_whoever_sends,
    pacing_is_kept,
    files_wait_with_their_send
);

pub fn send(session: SessionId, id: &str, not_before_ms: i64) -> NewSend {
    NewSend {
        session,
        message_id: id.into(),
        route: "/send/text".into(),
        body: br#"{"Body":"hello"}"#.into(),
        hash: [1; 32],
        files: Vec::new(),
        recipient: "bob".into(),
        not_before_ms,
        created_at_ms: 1_000,
    }
}

async fn waiting(store: &Store, session: SessionId) -> Vec<String> {
    let waiting = [SendState::Waiting, SendState::Sending];
    let mut waiting = store.queued_sends(session, &waiting, None, 10).await.unwrap();
    waiting.sort_by_key(|send| (send.not_before_ms, send.row));
    waiting.into_iter().map(|send| send.message_id).collect()
}

async fn begin_and(store: &Store, session: SessionId, id: &str, outcome: SendOutcome, now_ms: i64) {
    let row = store.queued_send(session, id).await.unwrap().unwrap().row;
    store.begin_send(session, row).await.unwrap().unwrap();
    store.finish_send(session, row, outcome, now_ms).await.unwrap();
}

async fn due_in_order(database: Database) {
    let store = database.open().await;
    let (a, b) = (session(&store, "a").await.id, session(&store, "b").await.id);
    for (id, at) in [("1", 5_000), ("2", 3_000), ("3", 3_000)] {
        assert_eq!(store.enqueue(send(a, id, at)).await.unwrap(), Enqueued::New);
    }
    store.enqueue(send(b, "1", 1)).await.unwrap();
    assert_eq!(waiting(&store, a).await, ["2", "3", "1"]);
    begin_and(&store, a, "2", SendOutcome::Sent, 4_000).await;
    let later = SendOutcome::RetryAt { at_ms: 9_000, reason: "no answer".into() };
    begin_and(&store, a, "3", later, 4_000).await;
    store.enqueue(NewSend { recipient: "carol".into(), ..send(a, "4", 4_000) }).await.unwrap();
    let heads = store.waiting_sends(a, 10).await.unwrap();
    let ids: Vec<_> = heads.iter().map(|send| send.message_id.as_str()).collect();
    assert_eq!(ids, ["3", "4"], "the first of each recipient");
    assert_eq!(store.waiting_sends(a, 1).await.unwrap().len(), 1);
    assert_eq!((heads[0].message_id.as_str(), heads[0].retry_at_ms, heads[0].attempts), ("3", 9_000, 1));
    assert_eq!((heads[0].state, heads[0].error.as_deref()), (SendState::Sending, Some("no answer")));
    let newest = store.queued_sends(a, &[], None, 2).await.unwrap();
    assert_eq!(newest.iter().map(|send| send.message_id.as_str()).collect::<Vec<_>>(), ["4", "3"]);
    let rest = store.queued_sends(a, &[SendState::Waiting], Some(newest[1].row), 2).await.unwrap();
    assert_eq!(rest[0].message_id, "1");
    assert_eq!(store.sessions_with_sends().await.unwrap().len(), 2);
}

async fn a_send_has_one_id(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    store.enqueue(send(a, "1", 5_000)).await.unwrap();
    let again = store.enqueue(send(a, "1", 6_000)).await.unwrap();
    assert_eq!(again, Enqueued::Again { not_before_ms: 5_000 });
    let other = NewSend { hash: [2; 32], ..send(a, "1", 5_000) };
    assert_eq!(store.enqueue(other).await.unwrap(), Enqueued::Taken);
    begin_and(&store, a, "1", SendOutcome::Sent, 5_000).await;
    assert_eq!(store.enqueue(send(a, "1", 5_000)).await.unwrap(), Enqueued::Taken);
}

async fn survives_and_is_cancelled_only_while_it_waits(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    store.enqueue(send(a, "1", 1)).await.unwrap();
    store.enqueue(send(a, "2", 2)).await.unwrap();
    let row = store.waiting_sends(a, 1).await.unwrap()[0].row;
    let request = store.begin_send(a, row).await.unwrap().unwrap();
    assert_eq!(request.body, br#"{"Body":"hello"}"#);
    assert_eq!(store.cancel_send(a, "1", 9).await.unwrap(), Cancelled::TooLate);
    drop(store);

    let store = database.open().await;
    assert_eq!(waiting(&store, a).await, ["1", "2"], "what was being sent is sent again");
    assert_eq!(store.cancel_send(a, "1", 9).await.unwrap(), Cancelled::TooLate);
    store.begin_send(a, row).await.unwrap().unwrap();
    store.finish_send(a, row, SendOutcome::PutBack, 9).await.unwrap();
    let first = store.queued_send(a, "1").await.unwrap().unwrap();
    assert_eq!((first.state, first.attempts), (SendState::Sending, 1), "nobody knows of the first attempt");
    assert_eq!(store.cancel_send(a, "2", 9).await.unwrap(), Cancelled::Done);
    assert_eq!(store.cancel_send(a, "2", 9).await.unwrap(), Cancelled::Finished(SendState::Cancelled));
    assert_eq!(store.cancel_send(a, "3", 9).await.unwrap(), Cancelled::Unknown);
    let second = store.queued_send(a, "2").await.unwrap().unwrap();
    assert!(store.begin_send(a, second.row).await.unwrap().is_none());
    assert_eq!(waiting(&store, a).await, ["1"]);

    store.enqueue(send(a, "4", 1)).await.unwrap();
    begin_and(&store, a, "4", SendOutcome::PutBack, 9).await;
    assert_eq!(store.cancel_send(a, "4", 9).await.unwrap(), Cancelled::Done, "nothing of it was sent");
}

async fn failures_are_told(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    store.enqueue(send(a, "1", 1)).await.unwrap();
    let failed = SendOutcome::Failed { reason: "refused".into(), event: Box::new(event(a, "bob", 1)) };
    begin_and(&store, a, "1", failed.clone(), 9).await;
    let send = store.queued_send(a, "1").await.unwrap().unwrap();
    assert_eq!((send.state, send.error.as_deref(), send.finished_at_ms), (SendState::Failed, Some("refused"), Some(9)));
    store.finish_send(a, send.row, failed, 10).await.unwrap();
    assert_eq!(store.events_after(a, 0, 9, &EventFilter::default()).await.unwrap().events.len(), 1, "once");
    assert_eq!(store.prune_sends(9).await.unwrap(), 0);
    assert_eq!(store.prune_sends(10).await.unwrap(), 1);
}

async fn what_was_sent_when(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    for (id, to, at) in [("1", "bob", 1_000), ("2", "carol", 2_000), ("3", "bob", 3_000)] {
        store.enqueue(NewSend { recipient: to.into(), ..send(a, id, 1) }).await.unwrap();
        begin_and(&store, a, id, SendOutcome::Sent, at).await;
    }
    assert_eq!(store.sent_at(a, 1).await.unwrap(), Some(3_000));
    assert_eq!(store.sent_at(a, 3).await.unwrap(), Some(1_000));
    assert_eq!(store.sent_at(a, 4).await.unwrap(), None);
    let mut since = store.sent_since(a, 1_000).await.unwrap();
    since.sort();
    assert_eq!(since, [("bob".to_owned(), 3_000), ("carol".to_owned(), 2_000)]);
}

async fn wakes_whoever_sends(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let changed = store.outbox_changed();
    assert!(changed.notified().now_or_never().is_none());
    store.enqueue(send(a, "1", 1)).await.unwrap();
    assert!(changed.notified().now_or_never().is_some());
    assert!(store.take_changed_outboxes().contains(&a));
    assert!(store.take_changed_outboxes().is_empty());
}

async fn pacing_is_kept(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    store.set_pacing(a, Some("{}")).await.unwrap();
    assert_eq!(store.session(a).await.unwrap().unwrap().pacing.as_deref(), Some("{}"));
    assert!(store.take_changed_outboxes().contains(&a));
    store.set_pacing(a, None).await.unwrap();
    assert_eq!(store.session(a).await.unwrap().unwrap().pacing, None);
}

/// A file in two pieces.
pub async fn file(store: &Store, session: SessionId, now_ms: i64) -> SendFileId {
    let file = store.keep_send_file(session, Some("a.txt"), Some("text/plain"), true, now_ms).await.unwrap();
    store.keep_send_piece(file, 0, b"one").await.unwrap();
    store.keep_send_piece(file, 1, b"two!").await.unwrap();
    file
}

async fn files_wait_with_their_send(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    let files = vec![file(&store, a, 1).await, file(&store, a, 1).await];
    store.enqueue(NewSend { files: files.clone(), ..send(a, "1", 1) }).await.unwrap();
    let other = file(&store, a, 1).await;
    store.enqueue(NewSend { files: vec![other], ..send(a, "2", 2) }).await.unwrap();
    let row = store.waiting_sends(a, 1).await.unwrap()[0].row;
    let kept = store.begin_send(a, row).await.unwrap().unwrap().files;
    assert_eq!(kept.iter().map(|file| file.id).collect::<Vec<_>>(), files);
    assert_eq!((kept[0].name.as_deref(), kept[0].mimetype.as_deref()), (Some("a.txt"), Some("text/plain")));
    assert_eq!((kept[0].encoded, kept[0].size), (true, 7));
    assert_eq!(store.send_file_piece(files[1], 1).await.unwrap().as_deref(), Some(&b"two!"[..]));
    assert_eq!(store.send_file_piece(files[1], 2).await.unwrap(), None);

    // What is not waiting any more has none; what was never queued goes at once, or after a while.
    store.finish_send(a, row, SendOutcome::Sent, 9).await.unwrap();
    store.cancel_send(a, "2", 9).await.unwrap();
    let (dropped, left) = (file(&store, a, 5).await, file(&store, a, 5).await);
    store.drop_send_files(&[dropped, other]).await.unwrap();
    for gone in [files[0], files[1], other, dropped] {
        assert_eq!(store.send_file_piece(gone, 0).await.unwrap(), None);
    }
    assert_eq!(store.prune_sends(5).await.unwrap(), 0);
    assert!(store.send_file_piece(left, 0).await.unwrap().is_some());
    store.prune_sends(6).await.unwrap();
    assert_eq!(store.send_file_piece(left, 0).await.unwrap(), None);
}

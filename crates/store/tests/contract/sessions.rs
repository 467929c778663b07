use secrecy::{ExposeSecret as _, SecretString};
use sqlx::Row as _;
use wago_store::{
    ChatChange, Error, KeyOp, KeyRow, Kind, MediaOutcome, MessageChange, NewEvent, NewMedia, NewSend, NewSession,
    Outcome, Reach, SessionId,
};

use crate::{
    calls, chats,
    fixture::{Database, attempt, due, event, session, session_with_webhook},
    media, messages, outbox,
};

crate::on_both_engines!(
    finds_by_token,
    name_and_token_are_taken_once,
    rotates,
    keeps_what_is_set,
    keeps_a_proxy_sealed,
    lists_in_pages,
    tokens_are_not_in_the_database,
    wipes_keys_and_keeps_the_rest,
    deletes_all_that_belongs_to_it
);

async fn finds_by_token(database: Database) {
    let store = database.open().await;
    let made = session(&store, "customer-1").await;
    let found = store.session_by_token(&"customer-1-token".into()).await.unwrap().unwrap();
    assert_eq!(found.id, made.id);
    assert_eq!(found.token.expose_secret(), "customer-1-token");
    assert_eq!(found.subscribe, ["All"]);
    assert!(store.session_by_token(&"other".into()).await.unwrap().is_none());
    assert!(store.session(SessionId(999)).await.unwrap().is_none());
}

async fn name_and_token_are_taken_once(database: Database) {
    let store = database.open().await;
    session(&store, "a").await;
    for (name, token) in [("a", "new"), ("new", "a-token")] {
        let again = NewSession { name: name.into(), token: token.into(), os_name: "linux".into() };
        assert!(matches!(store.create_session(again, 1).await, Err(Error::Taken)), "{name}");
    }
}

async fn rotates(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await;
    session(&store, "b").await;
    store.rotate_token(a.id, &SecretString::from("fresh")).await.unwrap();
    assert!(store.session_by_token(&"a-token".into()).await.unwrap().is_none());
    assert_eq!(store.session_by_token(&"fresh".into()).await.unwrap().unwrap().id, a.id);
    assert!(matches!(store.rotate_token(a.id, &"b-token".into()).await, Err(Error::Taken)));
}

async fn keeps_a_proxy_sealed(database: Database) {
    let store = database.open().await;
    let (a, b) = (session(&store, "a").await, session(&store, "b").await);
    assert!(store.proxy(a.id).await.unwrap().is_none());
    let url = SecretString::from("socks5://user:pass-word@proxy.example:1080");
    store.set_proxy(a.id, Some(&url)).await.unwrap();
    assert_eq!(store.proxy(a.id).await.unwrap().unwrap().expose_secret(), url.expose_secret());
    assert!(store.proxy(b.id).await.unwrap().is_none());
    let kept: Vec<u8> = sqlx::query("SELECT proxy FROM sessions WHERE name = 'a'")
        .fetch_one(&database.raw().await)
        .await
        .unwrap()
        .get(0);
    assert!(!kept.windows(9).any(|part| part == b"pass-word"));
    store.set_proxy(a.id, None).await.unwrap();
    assert!(store.proxy(a.id).await.unwrap().is_none());
}

async fn keeps_what_is_set(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await;
    assert!(store.wanted_sessions().await.unwrap().is_empty());
    store.set_identity(a.id, Some("1:2@s.whatsapp.net"), Some("9:2@lid")).await.unwrap();
    store.set_wanted(a.id, true).await.unwrap();
    store.set_subscribe(a.id, &["Message".into(), "Call".into()]).await.unwrap();
    store.set_health(a.id, Some("{}")).await.unwrap();
    let wanted = store.wanted_sessions().await.unwrap();
    assert_eq!(wanted.len(), 1);
    assert_eq!(wanted[0].jid.as_deref(), Some("1:2@s.whatsapp.net"));
    assert_eq!(wanted[0].lid.as_deref(), Some("9:2@lid"));
    assert_eq!(wanted[0].subscribe, ["Message", "Call"]);
    assert_eq!(wanted[0].health.as_deref(), Some("{}"));
}

async fn lists_in_pages(database: Database) {
    let store = database.open().await;
    for name in ["a", "b", "c"] {
        session(&store, name).await;
    }
    let linked = store.list_sessions(false, 0, 10).await.unwrap()[1].id;
    store.set_identity(linked, Some("1@s.whatsapp.net"), None).await.unwrap();
    let names = |rows: Vec<wago_store::Session>| rows.into_iter().map(|s| s.name).collect::<Vec<_>>();
    assert_eq!(names(store.list_sessions(false, 1, 1).await.unwrap()), ["b"]);
    assert_eq!(names(store.list_sessions(true, 0, 10).await.unwrap()), ["b"]);
}

async fn tokens_are_not_in_the_database(database: Database) {
    let store = database.open().await;
    session(&store, "a").await;
    let row = sqlx::query("SELECT token, token_hash FROM sessions").fetch_one(&database.raw().await).await.unwrap();
    for column in ["token", "token_hash"] {
        let bytes: Vec<u8> = row.get(column);
        assert!(!bytes.windows(7).any(|window| window == b"a-token"), "{column}");
    }
}

async fn wipes_keys_and_keeps_the_rest(database: Database) {
    let store = database.open().await;
    let (a, _) = session_with_webhook(&store, "a").await;
    store.set_identity(a, Some("1@s.whatsapp.net"), None).await.unwrap();
    store
        .write_keys(
            a,
            vec![KeyOp::Put { kind: Kind(1), row: KeyRow { key: b"k".to_vec(), value: vec![1], number: 0 } }],
        )
        .await
        .unwrap();
    store.record_events(vec![event(a, "chat", 1)]).await.unwrap();
    store.wipe_keys(a).await.unwrap();
    assert_eq!(store.count_keys(a, Kind(1)).await.unwrap(), 0);
    assert_eq!(store.session(a).await.unwrap().unwrap().jid, None);
    assert!(store.session_webhook(a).await.unwrap().is_some());
    assert_eq!(store.events_after(a, 0, 10, &wago_store::EventFilter::default()).await.unwrap().events.len(), 1);
}

async fn deletes_all_that_belongs_to_it(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    store
        .write_keys(
            a,
            vec![KeyOp::Put { kind: Kind(1), row: KeyRow { key: b"k".to_vec(), value: vec![1], number: 0 } }],
        )
        .await
        .unwrap();
    store.record_events(vec![event(a, "chat", 1)]).await.unwrap();
    store.claim_idempotency(a, "key", [0; 32], 0, 1).await.unwrap();
    let head = due(&store, hook, 2_000).await.remove(0);
    store.finish_attempt(a, head.id, attempt(500, 2_000), Outcome::RetryAt { at_ms: 5 }).await.unwrap();
    store
        .record_events(vec![NewEvent {
            media: Some(NewMedia { to_keep: true, ..media::how() }),
            ..event(a, "chat", 3)
        }])
        .await
        .unwrap();
    let fetched = store.due_media(i64::MAX, 1).await.unwrap().remove(0);
    let ready = MediaOutcome::Ready { file: "f".into(), name: "n".into(), mimetype: "m".into() };
    store.finish_media(a, fetched.event, 1, ready).await.unwrap();
    let job = store.due_keeping(i64::MAX, 1).await.unwrap().remove(0);
    store.begin_keeping(&job, "1/f", 1).await.unwrap();
    let reaction = MessageChange::Reacted {
        chat: "chat".into(),
        id: "M1".into(),
        sender: "bob".into(),
        emoji: "👍".into(),
        at_ms: 1,
    };
    let read =
        MessageChange::Receipts { ids: vec!["M1".into()], recipient: "bob".into(), reach: Reach::Read, at_ms: 1 };
    let changes = vec![MessageChange::New(messages::message("chat", "M1", "hello", 1)), reaction, read];
    store.change_messages(a, changes).await.unwrap();
    let early = MessageChange::Removed { chat: "chat".into(), id: "yet to come".into() };
    store.change_messages(a, vec![early]).await.unwrap();
    let label = ChatChange::Label { id: "1".into(), name: "New".into(), color: 0, predefined_id: None };
    let labelled = ChatChange::Labelled { label: "1".into(), chat: "chat".into(), message: None, on: true };
    let push = ChatChange::PushName { jid: "bob".into(), name: "Bob".into() };
    store.change_chats(a, vec![chats::said("chat", 1, true), label, labelled, push]).await.unwrap();
    let file = outbox::file(&store, a, 1).await;
    store.enqueue(NewSend { files: vec![file], ..outbox::send(a, "M2", 1) }).await.unwrap();
    store.begin_recording(&calls::recording(a, "1", 1)).await.unwrap();
    assert!(
        database.rows().await.iter().all(|(_, rows)| *rows > 0),
        "the test leaves a table empty: {:?}",
        database.rows().await
    );

    assert!(store.delete_session(a).await.unwrap());
    // Files outlive their session until they have been removed.
    let left: Vec<_> = database.rows().await.into_iter().filter(|(_, rows)| *rows > 0).collect();
    assert_eq!(left, [("kept_files".to_owned(), 1), ("recordings".to_owned(), 1)]);
    assert!(!store.delete_session(a).await.unwrap());
    assert!(store.record_events(vec![event(a, "chat", 2)]).await.is_err(), "nothing of a deleted session is written");
    assert!(
        store
            .write_keys(a, vec![KeyOp::Put { kind: Kind(1), row: KeyRow { key: vec![1], value: vec![1], number: 0 } }])
            .await
            .is_err()
    );
}

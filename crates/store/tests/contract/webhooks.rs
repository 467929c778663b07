use secrecy::ExposeSecret as _;
use wago_store::{EventFilter, NewEvent, WEBHOOKS_MAX, WebhookChange, WebhookFormat};

use crate::fixture::{Database, chats, due, event, leading_to, session, session_with_webhook};

crate::on_both_engines!(
    touches_only_what_is_named,
    an_empty_url_removes_it,
    a_new_secret_leaves_the_old_one_for_a_day,
    a_session_has_several,
    each_gets_what_it_wants,
    a_pause_ends_when_somebody_says_so
);

async fn touches_only_what_is_named(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await.id;
    assert!(store.session_webhook(a).await.unwrap().is_none());
    let full = WebhookChange {
        url: Some("http://example.com/1".into()),
        format: Some(WebhookFormat::Json),
        secret: Some(Some("hush".into())),
        headers: Some(vec![("X-Team".into(), "blue".into())]),
        subscribe: Some(vec!["Message".into()]),
        ..Default::default()
    };
    store.change_webhook(a, full, 0).await.unwrap();
    let changed = store.change_webhook(a, leading_to("http://example.com/2"), 0).await.unwrap().unwrap();
    assert_eq!(changed.url, "http://example.com/2");
    assert_eq!(changed.format, WebhookFormat::Json);
    assert_eq!(changed.secret.unwrap().expose_secret(), "hush");
    assert_eq!(changed.headers, [("X-Team".to_owned(), "blue".to_owned())]);
    assert_eq!(store.session(a).await.unwrap().unwrap().subscribe, ["Message"]);
    let bare =
        store.change_webhook(a, WebhookChange { secret: Some(None), ..Default::default() }, 0).await.unwrap().unwrap();
    assert!(bare.secret.is_none());
    assert_eq!(store.webhook(bare.id).await.unwrap().unwrap().url, "http://example.com/2");
}

async fn an_empty_url_removes_it(database: Database) {
    let store = database.open().await;
    let (a, _) = session_with_webhook(&store, "a").await;
    store.record_events(vec![event(a, "chat", 1)]).await.unwrap();
    let gone = store.change_webhook(a, leading_to(""), 0).await.unwrap();
    assert!(gone.is_none());
    assert_eq!(store.count_pending(None).await.unwrap(), 0);
    assert_eq!(
        store.events_after(a, 0, 10, &EventFilter::default()).await.unwrap().events.len(),
        1,
        "the log keeps the event"
    );
}

async fn a_new_secret_leaves_the_old_one_for_a_day(database: Database) {
    const DAY: i64 = 24 * 3_600_000;
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    let secret = |text: &str| WebhookChange { secret: Some(Some(text.into())), ..Default::default() };
    store.update_webhook(a, hook, secret("first"), 1).await.unwrap().unwrap();
    assert!(store.webhook(hook).await.unwrap().unwrap().old_secret.is_none());
    store.update_webhook(a, hook, secret("second"), 5).await.unwrap().unwrap();
    store.update_webhook(a, hook, secret("second"), 7).await.unwrap().unwrap();
    let webhook = store.webhook(hook).await.unwrap().unwrap();
    let (old, until) = webhook.old_secret.unwrap();
    assert_eq!((old.expose_secret(), until), ("first", 5 + DAY), "the same one again changes nothing");
    assert_eq!(webhook.secret.unwrap().expose_secret(), "second");
    let none = WebhookChange { secret: Some(None), ..Default::default() };
    let bare = store.update_webhook(a, hook, none, 9).await.unwrap().unwrap();
    assert!(bare.secret.is_none() && bare.old_secret.is_none());
}

async fn a_session_has_several(database: Database) {
    let store = database.open().await;
    let (a, first) = session_with_webhook(&store, "a").await;
    let b = session(&store, "b").await.id;
    for n in 2..=WEBHOOKS_MAX {
        let url = format!("http://example.com/{n}");
        assert!(store.create_webhook(a, leading_to(&url), 1).await.unwrap().is_some());
    }
    assert!(store.create_webhook(a, leading_to("http://example.com/"), 1).await.unwrap().is_none(), "one too many");
    assert!(store.update_webhook(b, first, leading_to("http://example.org"), 1).await.unwrap().is_none());
    assert!(!store.delete_webhook(b, first).await.unwrap(), "it is another session's");
    assert!(store.delete_webhook(a, first).await.unwrap());
    assert_eq!(store.webhooks(a).await.unwrap().len(), WEBHOOKS_MAX - 1);
}

async fn each_gets_what_it_wants(database: Database) {
    let store = database.open().await;
    let (a, all) = session_with_webhook(&store, "a").await;
    let calls = WebhookChange { events: Some(Some(vec!["CallOffer".into()])), ..leading_to("http://example.com/c") };
    let groups = WebhookChange { chats: Some(vec!["*@g.us".into()]), ..leading_to("http://example.com/g") };
    let one = WebhookChange { chats: Some(vec!["1@lid".into(), "2@lid".into()]), ..leading_to("http://example.com/o") };
    let mut hooks = vec![all];
    for change in [calls, groups, one] {
        hooks.push(store.create_webhook(a, change, 1).await.unwrap().unwrap().id);
    }
    let call = |topic: &str, n| NewEvent { kind: "Call".into(), topic: topic.into(), ..event(a, "", n) };
    let new = vec![
        event(a, "1@lid", 1),
        event(a, "11@lid", 1),
        event(a, "5@g.us", 1),
        call("CallOffer", 1),
        call("CallAccept", 2),
    ];
    store.record_events(new).await.unwrap();
    let expected: [&[&str]; 4] = [&["1@lid", "11@lid", "5@g.us", ""], &[""], &["5@g.us", ""], &["1@lid", ""]];
    for (hook, expected) in hooks.into_iter().zip(expected) {
        assert_eq!(chats(&due(&store, hook, 1_000).await), expected, "{hook:?}");
    }
}

async fn a_pause_ends_when_somebody_says_so(database: Database) {
    let store = database.open().await;
    let (a, hook) = session_with_webhook(&store, "a").await;
    let pause = |paused| WebhookChange { paused: Some(paused), ..Default::default() };
    let paused = store.update_webhook(a, hook, pause(Some("by hand".into())), 5).await.unwrap().unwrap();
    assert_eq!(paused.paused.unwrap().reason, "by hand");
    let _ = store.take_due_webhooks().count();
    assert!(store.update_webhook(a, hook, pause(None), 9).await.unwrap().unwrap().paused.is_none());
    assert_eq!(store.take_due_webhooks().collect::<Vec<_>>(), [hook], "its deliveries go on");
}

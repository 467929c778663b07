use secrecy::ExposeSecret as _;
use wago_store::{WebhookChange, WebhookFormat};

use crate::fixture::{Database, event, session, session_with_webhook};

crate::on_both_engines!(touches_only_what_is_named, an_empty_url_removes_it);

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
    };
    store.change_webhook(a, full).await.unwrap();
    let changed = store
        .change_webhook(a, WebhookChange { url: Some("http://example.com/2".into()), ..Default::default() })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(changed.url, "http://example.com/2");
    assert_eq!(changed.format, WebhookFormat::Json);
    assert_eq!(changed.secret.unwrap().expose_secret(), "hush");
    assert_eq!(changed.headers, [("X-Team".to_owned(), "blue".to_owned())]);
    assert_eq!(store.session(a).await.unwrap().unwrap().subscribe, ["Message"]);
    let bare =
        store.change_webhook(a, WebhookChange { secret: Some(None), ..Default::default() }).await.unwrap().unwrap();
    assert!(bare.secret.is_none());
    assert_eq!(store.webhook(bare.id).await.unwrap().unwrap().url, "http://example.com/2");
}

async fn an_empty_url_removes_it(database: Database) {
    let store = database.open().await;
    let a = session_with_webhook(&store, "a").await.id;
    store.record_events(vec![event(a, "chat", 1)]).await.unwrap();
    let gone = store.change_webhook(a, WebhookChange { url: Some(String::new()), ..Default::default() }).await.unwrap();
    assert!(gone.is_none());
    assert_eq!(store.count_pending(None).await.unwrap(), 0);
    assert_eq!(store.events_after(a, 0, 10).await.unwrap().len(), 1, "the log keeps the event");
}

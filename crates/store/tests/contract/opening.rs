use wago_store::{Error, SecretKey, Store};

use crate::fixture::{Database, key, session};

crate::on_both_engines!(
    reopens,
    refuses_a_newer_schema,
    refuses_another_secret,
    survives_being_dropped_without_a_close
);

async fn reopens(database: Database) {
    let store = database.open().await;
    session(&store, "a").await;
    store.close().await;
    let store = database.open().await;
    assert_eq!(store.list_sessions(false, 0, 10).await.unwrap().len(), 1);
    store.ping().await.unwrap();
}

async fn refuses_a_newer_schema(database: Database) {
    database.open().await.close().await;
    let raw = database.raw().await;
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, $1, 0)")
        .bind([0u8; 4].as_slice())
        .execute(&raw)
        .await
        .unwrap();
    let Err(error) = Store::open(&database.url, key()).await else { panic!("it opened") };
    assert!(matches!(error, Error::NewerSchema { found: 9999, known: 1..9999 }), "{error}");
    assert!(error.to_string().contains("newer WaGo"));
}

async fn refuses_another_secret(database: Database) {
    database.open().await.close().await;
    let error = Store::open(&database.url, SecretKey::from_bytes([1; 32])).await.err();
    assert!(matches!(error, Some(Error::WrongSecret)), "{error:?}");
}

async fn survives_being_dropped_without_a_close(database: Database) {
    let store = database.open().await;
    let a = session(&store, "a").await;
    store.record_events(vec![crate::fixture::event(a.id, "chat", 1)]).await.unwrap();
    drop(store);
    let store = database.open().await;
    assert_eq!(store.events_after(a.id, 0, 10, &wago_store::EventFilter::default()).await.unwrap().events.len(), 1);
}

#[tokio::test]
async fn a_url_of_neither_engine_is_refused() {
    let error = Store::open("mysql://localhost/wago", key()).await.err();
    assert!(matches!(error, Some(Error::Open(_))), "{error:?}");
}

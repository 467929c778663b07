use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AnyPool, Row as _};
use wago_store::{
    Attempt, Delivery, NewEvent, NewSession, SecretKey, Session, SessionId, Store, WebhookChange, WebhookId,
};

/// A fresh, empty database, gone with the test.
pub struct Database {
    pub url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    pub async fn open(&self) -> Store {
        Store::open(&self.url, key()).await.unwrap()
    }

    /// Past the store's back, to look at what it left.
    pub async fn raw(&self) -> AnyPool {
        sqlx::any::install_default_drivers();
        AnyPool::connect(&self.url).await.unwrap()
    }

    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    /// Rows in each of the store's tables, from the catalogue: a table that is added later is counted too. Those in which
    /// the full-text index keeps itself are never empty.
    pub async fn rows(&self) -> Vec<(String, i64)> {
        let raw = self.raw().await;
        let tables = if self.is_sqlite() {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'messages_fts_%' ORDER BY name"
        } else {
            "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        };
        let mut counts = Vec::new();
        for table in sqlx::query(tables).fetch_all(&raw).await.unwrap() {
            let name: String = table.get("name");
            if name == "_sqlx_migrations" || name == "settings" {
                continue;
            }
            let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) AS n FROM {name}"));
            counts.push((name, sqlx::query(sql).fetch_one(&raw).await.unwrap().get("n")));
        }
        raw.close().await;
        counts
    }
}

pub fn key() -> SecretKey {
    SecretKey::from_bytes([42; 32])
}

pub async fn sqlite() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("wago.db").display());
    Database { url, _folder: Some(folder) }
}

pub async fn postgres() -> Option<Database> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("WAGO_TEST_POSTGRES").ok()?;
    sqlx::any::install_default_drivers();
    let name = format!("wago_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = AnyPool::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
    admin.close().await;
    let (before, query) = server
        .split_once('?')
        .map_or((server.as_str(), String::new()), |(before, query)| (before, format!("?{query}")));
    let base = before.rsplit_once('/').unwrap().0;
    Some(Database { url: format!("{base}/{name}{query}"), _folder: None })
}

pub async fn session(store: &Store, name: &str) -> Session {
    store
        .create_session(
            NewSession { name: name.into(), token: format!("{name}-token").into(), os_name: "linux".into() },
            1_000,
        )
        .await
        .unwrap()
}

pub async fn session_with_webhook(store: &Store, name: &str) -> (SessionId, WebhookId) {
    let session = session(store, name).await.id;
    let webhook = store.change_webhook(session, leading_to("http://example.com/hook"), 1_000).await.unwrap();
    (session, webhook.unwrap().id)
}

pub fn leading_to(url: &str) -> WebhookChange {
    WebhookChange { url: Some(url.into()), ..Default::default() }
}

/// What is due at the webhook.
pub async fn due(store: &Store, webhook: WebhookId, now_ms: i64) -> Vec<Delivery> {
    store.due(webhook, now_ms, 100, &[]).await.unwrap().unwrap().deliveries
}

pub fn chats(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.event.chat.as_str()).collect()
}

pub fn attempt(status: u16, at_ms: i64) -> Attempt {
    Attempt {
        at_ms,
        url: "http://example.com/hook".into(),
        latency_ms: 5,
        status: Some(status),
        error: None,
        response: b"thanks".into(),
    }
}

pub fn event(session: SessionId, chat: &str, n: usize) -> NewEvent {
    NewEvent {
        session,
        event_id: format!("{}-{chat}-{n}", session.0),
        dedupe: None,
        chat: chat.into(),
        kind: "Message".into(),
        topic: "Message".into(),
        media: None,
        message: None,
        chats: Vec::new(),
        payload: format!(r#"{{"n":{n}}}"#).into_bytes(),
        created_at_ms: 1_000,
    }
}

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wago_delivery::{Deliverer, Options, Schedule};
use wago_store::{
    DeliveryState, NewEvent, NewSession, SecretKey, SessionId, Store, Webhook, WebhookChange, WebhookFormat,
};

pub struct Fixture {
    folder: tempfile::TempDir,
    pub store: Store,
}

pub struct Running {
    deliverer: Deliverer,
    stop: CancellationToken,
}

impl Running {
    /// Returns when what was in flight has been recorded.
    pub async fn stop(self) {
        self.stop.cancel();
        self.deliverer.ended().await;
    }
}

impl Fixture {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        Self { folder, store }
    }

    /// As another process would find it.
    pub async fn reopen(&mut self) {
        self.store.close().await;
        self.store = open(&self.folder).await;
    }

    pub fn start(&self, options: Options) -> Running {
        let stop = CancellationToken::new();
        Running { deliverer: Deliverer::start(self.store.clone(), options, stop.clone()), stop }
    }

    /// A session whose webhook leads there.
    pub async fn session(&self, name: &str, url: &str) -> SessionId {
        let new = NewSession { name: name.into(), token: format!("{name}-token").into(), os_name: "linux".into() };
        let session = self.store.create_session(new, 1_000).await.unwrap().id;
        let change = WebhookChange {
            url: Some(url.into()),
            format: Some(WebhookFormat::Json),
            subscribe: Some(vec!["All".into()]),
            ..Default::default()
        };
        self.store.change_webhook(session, change, 1_000).await.unwrap();
        session
    }

    /// Events with these ids, in a chat.
    pub async fn record(&self, session: SessionId, chat: &str, ids: &[&str]) {
        let event = |id: &&str| NewEvent {
            session,
            event_id: (*id).to_owned(),
            dedupe: None,
            chat: chat.to_owned(),
            kind: "Message".to_owned(),
            topic: "Message".to_owned(),
            media: None,
            message: None,
            chats: Vec::new(),
            payload: format!(r#"{{"eventId":"{id}"}}"#).into_bytes(),
            created_at_ms: 1_000,
        };
        self.store.record_events(ids.iter().map(event).collect()).await.unwrap();
    }

    pub async fn pending(&self) -> u64 {
        self.store.count_pending(None).await.unwrap()
    }

    /// The session's first webhook.
    pub async fn webhook(&self, session: SessionId) -> Webhook {
        self.store.session_webhook(session).await.unwrap().unwrap()
    }

    /// Attempts made so far for each waiting delivery of the session's webhook, oldest first.
    pub async fn attempts(&self, session: SessionId) -> Vec<usize> {
        let webhook = self.webhook(session).await.id;
        let waiting = Some(DeliveryState::Waiting);
        let mut records = self.store.webhook_deliveries(webhook, waiting, None, 100).await.unwrap();
        records.reverse();
        records.iter().map(|record| record.attempts.len()).collect()
    }
}

async fn open(folder: &tempfile::TempDir) -> Store {
    let url = format!("sqlite://{}", folder.path().join("wago.db").display());
    Store::open(&url, SecretKey::from_bytes([7; 32])).await.unwrap()
}

/// Loopback allowed; waits as given.
pub fn options(waits: &[Duration]) -> Options {
    Options { allow_private: true, schedule: Schedule { waits: waits.to_vec(), jitter: 0.0 }, ..Options::default() }
}

/// A wait that no test outlives.
pub const NEVER: Duration = Duration::from_secs(100_000);

use secrecy::SecretString;

use crate::{Result, SessionId, Store};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WebhookId(pub i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFormat {
    /// WaGo's form body: `token`, `jsonData`.
    Form,
    Json,
}

#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: WebhookId,
    pub session: SessionId,
    pub url: String,
    pub format: WebhookFormat,
    /// Signs deliveries; stored encrypted.
    pub secret: Option<SecretString>,
    /// Extra request headers.
    pub headers: Vec<(String, String)>,
}

/// What `POST /webhook` names; the rest stays as it is.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// `Some("")` removes the webhook (and its waiting deliveries).
    pub url: Option<String>,
    pub format: Option<WebhookFormat>,
    /// `Some(None)` removes the secret.
    pub secret: Option<Option<SecretString>>,
    pub headers: Option<Vec<(String, String)>>,
    /// The session's subscription.
    pub subscribe: Option<Vec<String>>,
}

impl Store {
    pub async fn session_webhook(&self, _session: SessionId) -> Result<Option<Webhook>> {
        unreachable!()
    }
    pub async fn change_webhook(&self, _session: SessionId, _change: WebhookChange) -> Result<Option<Webhook>> {
        unreachable!()
    }
}

//! Passing an event on by hand, as a webhook would get it: for `wago listen`.

use std::time::{Duration, Instant};

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use wago_store::{SessionId, Webhook, WebhookFormat, WebhookId};

use crate::{client::Client, now_ms, request::Request};

/// How the receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    /// `None` if no response came.
    pub status: Option<u16>,
    pub latency: Duration,
    /// Why it would not count as delivered.
    pub error: Option<String>,
}

/// Posts events to one URL, wherever it leads: whoever runs it chose the URL.
pub struct Forwarder {
    client: Client,
    webhook: Webhook,
    token: SecretString,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "eventId", default)]
    event_id: String,
    #[serde(default)]
    session: Session,
}

#[derive(Default, Deserialize)]
struct Session {
    #[serde(default)]
    name: String,
}

impl Forwarder {
    /// The error says what the URL should be.
    pub fn new(url: &str, json: bool, secret: Option<String>, token: &str) -> Result<Self, String> {
        match Url::parse(url) {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => {}
            _ => return Err("should be an http or https URL".to_owned()),
        }
        let webhook = Webhook {
            id: WebhookId(0),
            session: SessionId(0),
            url: url.to_owned(),
            format: if json { WebhookFormat::Json } else { WebhookFormat::Form },
            secret: secret.map(SecretString::from),
            old_secret: None,
            headers: Vec::new(),
            events: None,
            chats: Vec::new(),
            failing_since: None,
            paused: None,
            created_at_ms: 0,
        };
        Ok(Self { client: Client::new(true), webhook, token: token.into() })
    }

    /// One attempt to pass on an event as it was recorded. Takes 35 s at most.
    pub async fn forward(&self, payload: &[u8], attempt: u32) -> Forwarded {
        let envelope = serde_json::from_slice(payload)
            .unwrap_or(Envelope { event_id: String::new(), session: Session::default() });
        let from = (envelope.session.name.as_str(), self.token.expose_secret());
        let payload = payload.to_vec();
        let request = Request::once(&self.webhook, from, &envelope.event_id, payload, attempt, now_ms()).await;
        let started = Instant::now();
        let answer = self.client.send(&self.webhook.url, request).await;
        Forwarded { status: answer.status, latency: started.elapsed(), error: answer.error }
    }
}

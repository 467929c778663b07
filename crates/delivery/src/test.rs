//! Trying a webhook out: one `Test` event, sent at once and answered with what came back. It is not in the log.

use std::time::{Duration, Instant};

use wago_contract::event::{Event, Nothing, SessionRef};
use wago_store::{Session, Webhook};

use crate::{client::Client, now_ms, request::Request, timestamp};

const KIND: &str = "Test";

/// How the receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    pub event_id: String,
    /// `None` if no response came.
    pub status: Option<u16>,
    pub latency: Duration,
    /// Why it would not count as delivered.
    pub error: Option<String>,
    /// The beginning of the response's body.
    pub body: Vec<u8>,
}

/// Sends `Test` events. A cheap handle.
#[derive(Clone)]
pub struct Tester {
    client: Client,
}

impl Tester {
    pub fn new(allow_private: bool) -> Self {
        Self { client: Client::new(allow_private) }
    }

    /// Takes 35 s at most.
    pub async fn test(&self, webhook: &Webhook, session: &Session) -> Tested {
        use secrecy::ExposeSecret as _;
        let now_ms = now_ms();
        let event_id = format!("evt_{:032x}", rand::random::<u128>());
        let event = Event {
            kind: KIND,
            event: Nothing {},
            event_id: event_id.clone(),
            session: SessionRef { name: session.name.clone(), jid: session.jid.clone().unwrap_or_default() },
            timestamp: timestamp(now_ms),
            state: None,
            vote: None,
            order_details: None,
        };
        let payload = serde_json::to_vec(&event).expect("texts are JSON");
        let from = (session.name.as_str(), session.token.expose_secret());
        let request = Request::once(webhook, from, &event_id, payload, 1, now_ms).await;
        let started = Instant::now();
        let answer = self.client.send(&webhook.url, request).await;
        Tested { event_id, status: answer.status, latency: started.elapsed(), error: answer.error, body: answer.body }
    }
}

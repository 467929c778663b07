//! The event that tells of a paused webhook: to the session's other webhooks, to streams, and in the log.

use wago_contract::event::{Event, SessionRef, WebhookPaused};
use wago_store::{NewEvent, Store};

use crate::{attempt::Subject, timestamp};

const KIND: &str = "WebhookPaused";

pub(crate) async fn tell(store: &Store, subject: &Subject, reason: &str, now_ms: i64) {
    let webhook = &subject.webhook;
    let event_id = format!("evt_{:032x}", rand::random::<u128>());
    let told = Event {
        kind: KIND,
        event: WebhookPaused {
            webhook_id: webhook.id.0,
            url: webhook.url.clone(),
            reason: reason.to_owned(),
            failing_since: timestamp(webhook.failing_since.unwrap_or(now_ms)),
        },
        event_id: event_id.clone(),
        session: SessionRef {
            name: subject.session_name.clone(),
            jid: subject.session_jid.clone().unwrap_or_default(),
        },
        timestamp: timestamp(now_ms),
        state: None,
        vote: None,
        order_details: None,
    };
    let event = NewEvent {
        session: webhook.session,
        event_id,
        dedupe: None,
        chat: String::new(),
        kind: KIND.to_owned(),
        topic: KIND.to_owned(),
        payload: serde_json::to_vec(&told).expect("texts and numbers are JSON"),
        media: None,
        message: None,
        chats: Vec::new(),
        created_at_ms: now_ms,
    };
    // The webhook shows that it is paused in any case.
    if let Err(error) = store.record_events(vec![event]).await {
        tracing::error!(session = subject.session_name, %error, "that a webhook was paused could not be recorded");
    }
}

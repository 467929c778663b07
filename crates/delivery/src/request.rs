//! What one attempt sends.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use wago_store::{Delivery, Webhook, WebhookFormat};

use crate::{form, signature};

/// Headers and body of an attempt made now.
pub(crate) fn parts(webhook: &Webhook, delivery: &Delivery, now_ms: i64) -> (HeaderMap, Vec<u8>) {
    let event = &delivery.event;
    let (media_type, body) = match webhook.format {
        WebhookFormat::Form => {
            ("application/x-www-form-urlencoded", form::body(delivery.session_token.expose_secret(), &event.payload))
        }
        WebhookFormat::Json => ("application/json", event.payload.clone()),
    };

    let mut headers = HeaderMap::new();
    // The webhook's own come first, so that they cannot replace ours. They were checked when they were set; one that is
    // no header after all is left out.
    for (name, value) in &webhook.headers {
        if let (Ok(name), Ok(mut value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    let seconds = now_ms / 1_000;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert("x-wago-session", text(&delivery.session_name));
    headers.insert("x-wago-attempt", HeaderValue::from(delivery.attempts.saturating_add(1)));
    headers.insert("webhook-id", text(&event.event_id));
    headers.insert("webhook-timestamp", HeaderValue::from(seconds));
    if let Some(secret) = &webhook.secret {
        let secret = secret.expose_secret();
        headers.insert("webhook-signature", text(&signature::standard(secret, &event.event_id, seconds, &body)));
        headers.insert("x-hmac-signature", text(&signature::plain(secret, &body)));
    }
    (headers, body)
}

/// Text as it is where a header can carry it, else percent-encoded.
fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| {
        let mut escaped = Vec::new();
        form::escape(text.as_bytes(), &mut escaped);
        HeaderValue::from_bytes(&escaped).expect("percent-encoded text is ASCII without control characters")
    })
}

#[cfg(test)]
mod tests {
    use wago_store::{Event, SessionId, WebhookId};

    use super::*;

    fn webhook(format: WebhookFormat, secret: Option<&str>) -> Webhook {
        Webhook {
            id: WebhookId(1),
            session: SessionId(2),
            url: "http://example.com/".into(),
            format,
            secret: secret.map(Into::into),
            headers: vec![("authorization".into(), "Bearer x".into()), ("x-wago-attempt".into(), "99".into())],
        }
    }

    fn delivery() -> Delivery {
        Delivery {
            id: 3,
            webhook: WebhookId(1),
            session: SessionId(2),
            session_name: "sales".into(),
            session_jid: None,
            session_token: "tok en".into(),
            event: Event {
                cursor: 4,
                event_id: "evt_1".into(),
                session: SessionId(2),
                chat: "a chat".into(),
                kind: "Message".into(),
                payload: br#"{"type":"Message"}"#.to_vec(),
                created_at_ms: 0,
            },
            attempts: 2,
        }
    }

    #[test]
    fn the_form_and_its_headers() {
        let (headers, body) = parts(&webhook(WebhookFormat::Form, None), &delivery(), 1_700_000_000_999);
        assert_eq!(body, b"token=tok%20en&jsonData=%7B%22type%22%3A%22Message%22%7D");
        let mut sent: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        sent.sort();
        let expected = [
            "authorization: Bearer x",
            "content-type: application/x-www-form-urlencoded",
            "webhook-id: evt_1",
            "webhook-timestamp: 1700000000",
            "x-wago-attempt: 3",
            "x-wago-session: sales",
        ];
        assert_eq!(sent, expected);
        assert!(!format!("{headers:?}").contains("Bearer"));
    }

    #[test]
    fn json_is_the_recorded_bytes_and_signed_as_sent() {
        let (headers, body) = parts(&webhook(WebhookFormat::Json, Some("key")), &delivery(), 5_000);
        assert_eq!(body, br#"{"type":"Message"}"#);
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["webhook-signature"], signature::standard("key", "evt_1", 5, &body).as_str());
        assert_eq!(headers["x-hmac-signature"], signature::plain("key", &body).as_str());
    }

    #[test]
    fn a_form_is_signed_as_sent() {
        let (headers, body) = parts(&webhook(WebhookFormat::Form, Some("key")), &delivery(), 5_000);
        assert_eq!(headers["x-hmac-signature"], signature::plain("key", &body).as_str());
    }

    #[test]
    fn a_name_that_no_header_can_carry_is_encoded() {
        assert_eq!(text("plain name"), "plain name");
        assert_eq!(text("line\nbreak"), "line%0Abreak");
    }
}

use wago_store::{Event, SessionId, WebhookId};

use super::*;

fn subject(format: WebhookFormat, secret: Option<&str>) -> Subject {
    let webhook = Webhook {
        id: WebhookId(1),
        session: SessionId(2),
        url: "http://example.com/".into(),
        format,
        secret: secret.map(Into::into),
        old_secret: None,
        headers: vec![("authorization".into(), "Bearer x".into()), ("x-wago-attempt".into(), "99".into())],
        events: None,
        chats: Vec::new(),
        failing_since: None,
        paused: None,
        created_at_ms: 0,
    };
    Subject { webhook, session_name: "sales".into(), session_jid: None, session_token: "tok en".into() }
}

fn delivery(file: Option<DeliveryFile>) -> Delivery {
    let event = Event {
        cursor: 4,
        event_id: "evt_1".into(),
        session: SessionId(2),
        chat: "a chat".into(),
        kind: "Message".into(),
        payload: br#"{"type":"Message"}"#.to_vec(),
        created_at_ms: 0,
    };
    Delivery { id: 3, event, attempts: 2, file }
}

async fn sent(subject: &Subject, delivery: &Delivery, now_ms: i64) -> (HeaderMap, Vec<u8>) {
    let request = Request::of(subject, delivery, now_ms).await.unwrap();
    let body = http_body_util::BodyExt::collect(request.body).await.unwrap().to_bytes().to_vec();
    assert_eq!(request.headers[CONTENT_LENGTH], body.len().to_string().as_str());
    (request.headers, body)
}

fn signatures(secrets: &[&str], now_s: i64, body: &[u8]) -> (String, Vec<String>) {
    let signed = secrets.iter().map(|secret| {
        let mut signer = Signer::new(secret, "evt_1", now_s);
        signer.update(body);
        signer.finish()
    });
    let signed: Vec<_> = signed.collect();
    (standard_header(&signed[0], signed.get(1)), signed.iter().map(plain_header).collect())
}

#[tokio::test]
async fn the_form_and_its_headers() {
    let (headers, body) = sent(&subject(WebhookFormat::Form, None), &delivery(None), 1_700_000_000_999).await;
    assert_eq!(body, b"token=tok%20en&jsonData=%7B%22type%22%3A%22Message%22%7D");
    let mut sent: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    sent.sort();
    let expected = [
        "authorization: Bearer x",
        "content-length: 56",
        "content-type: application/x-www-form-urlencoded",
        "webhook-id: evt_1",
        "webhook-timestamp: 1700000000",
        "x-wago-attempt: 3",
        "x-wago-session: sales",
    ];
    assert_eq!(sent, expected);
    assert!(!format!("{headers:?}").contains("Bearer"));
}

#[tokio::test]
async fn json_is_the_recorded_bytes_and_signed_as_sent() {
    let (headers, body) = sent(&subject(WebhookFormat::Json, Some("key")), &delivery(None), 5_000).await;
    assert_eq!(body, br#"{"type":"Message"}"#);
    assert_eq!(headers["content-type"], "application/json");
    let (standard, plain) = signatures(&["key"], 5, &body);
    assert_eq!(headers["webhook-signature"], standard.as_str());
    assert_eq!(headers["x-hmac-signature"], plain[0].as_str());
    assert!(!headers.contains_key("x-hmac-signature-old"));
}

#[tokio::test]
async fn an_old_secret_signs_until_its_time_is_over() {
    let mut subject = subject(WebhookFormat::Form, Some("new"));
    subject.webhook.old_secret = Some(("old".into(), 6_000));
    let (headers, body) = sent(&subject, &delivery(None), 5_999).await;
    let (standard, plain) = signatures(&["new", "old"], 5, &body);
    assert_eq!(headers["webhook-signature"], standard.as_str());
    assert_eq!(headers["x-hmac-signature"], plain[0].as_str());
    assert_eq!(headers["x-hmac-signature-old"], plain[1].as_str());
    let (headers, body) = sent(&subject, &delivery(None), 6_000).await;
    assert_eq!(headers["webhook-signature"], signatures(&["new"], 6, &body).0.as_str());
    assert!(!headers.contains_key("x-hmac-signature-old"));
}

#[tokio::test]
async fn a_file_goes_along_and_is_signed_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&path, &bytes).unwrap();
    let file = DeliveryFile::Ready {
        path: path.to_str().unwrap().into(),
        name: "cat.jpg".into(),
        mimetype: "image/jpeg".into(),
    };
    let (headers, body) = sent(&subject(WebhookFormat::Form, Some("key")), &delivery(Some(file)), 5_000).await;
    assert_eq!(headers["content-type"], "multipart/form-data; boundary=wago-evt_1");
    let mut expected = b"--wago-evt_1\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\ntok en\r\n\
        --wago-evt_1\r\nContent-Disposition: form-data; name=\"jsonData\"\r\n\r\n{\"type\":\"Message\"}\r\n\
        --wago-evt_1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"cat.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
        .to_vec();
    expected.extend_from_slice(&bytes);
    expected.extend_from_slice(b"\r\n--wago-evt_1--\r\n");
    assert!(body == expected, "{}", String::from_utf8_lossy(&body[..400]));
    assert_eq!(headers["webhook-signature"], signatures(&["key"], 5, &body).0.as_str());
}

#[tokio::test]
async fn why_there_is_no_file_is_told() {
    let failed = DeliveryFile::Failed { reason: "it has expired".into() };
    let (_, body) = sent(&subject(WebhookFormat::Form, None), &delivery(Some(failed)), 5_000).await;
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("name=\"fileError\"\r\n\r\nit has expired\r\n--wago-evt_1--\r\n"), "{body}");
    let lost = DeliveryFile::Ready { path: "/nowhere".into(), name: String::new(), mimetype: String::new() };
    let error = Request::of(&subject(WebhookFormat::Form, None), &delivery(Some(lost)), 5_000).await.err().unwrap();
    assert_eq!(error, "the event's file cannot be read: entity not found");
}

#[test]
fn a_name_that_no_header_can_carry_is_encoded() {
    assert_eq!(text("plain name"), "plain name");
    assert_eq!(text("line\nbreak"), "line%0Abreak");
}

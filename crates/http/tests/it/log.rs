//! The access log.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use crate::api::{ADMIN, Api};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_line_names_the_session_and_never_a_secret() {
    let api = Api::with_session("secret-token").await;
    let lines = Lines::default();
    let subscriber =
        tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).with_max_level(tracing::Level::TRACE);
    async {
        api.get("/webhook?token=secret-token").header("x-request-id", "id-1").send().await.data();
        api.post("/session/rotate").admin().token("secret-token").body(r#"{"Token":"secret-new"}"#).send().await.data();
        api.post("/send/text").token("secret-new").body(r#"{"Phone":"15550001","Body":"secret-body"}"#).send().await;
        api.post("/webhook")
            .token("secret-new")
            .body(r#"{"WebhookURL":"http://127.0.0.1:9/","Secret":"secret-s"}"#)
            .send()
            .await
            .data();
        api.get("/session/status").token("secret-wrong").send().await;
    }
    .with_subscriber(subscriber.finish())
    .await;

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for secret in ["secret-token", "secret-new", "secret-body", "secret-s\"", "secret-wrong", "15550001", ADMIN] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let first = log.lines().find(|line| line.contains("answered")).unwrap();
    for part in
        ["id=\"id-1\"", "method=GET", "path=\"/webhook\"", "session=\"customer-1\"", "status=200", "latency_ms="]
    {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(log.lines().any(|line| line.contains("status=401") && line.contains("InvalidToken")), "{log}");
}

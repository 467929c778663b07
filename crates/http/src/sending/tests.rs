use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{Router, body::Body, routing::post};
use http::Request;
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use wago_contract::send::{Outgoing, Sent, text::Text};
use wago_session::{Network, Sessions};
use wago_store::{NewSession, SecretKey, Store};

use super::*;
use crate::{Limits, Options, admin_token_hash, router::around};

/// A gateway whose one route sends as the message's text says.
struct Gateway {
    router: Router,
    calls: Arc<AtomicUsize>,
    /// Lets a send whose text is `wait` go on.
    go_on: Arc<Notify>,
    waiting: Arc<Notify>,
    app: App,
    _data: tempfile::TempDir,
}

impl Gateway {
    async fn new(limits: Limits) -> Self {
        let data = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", data.path().join("wago.db").display());
        let store = Store::open(&url, SecretKey::from_bytes([7; 32])).await.unwrap();
        for token in ["t", "other"] {
            let token = SecretString::from(token);
            let name = format!("name-{}", secrecy::ExposeSecret::expose_secret(&token));
            store.create_session(NewSession { name, token, os_name: "linux".into() }, 0).await.unwrap();
        }
        let options = wago_session::Options {
            network: Network::WhatsApp,
            dialling_max: 1,
            qr_shown: None,
            files: None,
            keep: Default::default(),
            audio: wago_calls::AudioFolder::new(data.path()),
            proxies: |_| true,
        };
        let app = App::new(Options {
            sessions: Sessions::new(store.clone(), options),
            store,
            admin_token_hash: admin_token_hash("admin"),
            limits,
            files: wago_session::Folder::new(data.path()),
            allow_private_webhooks: false,
            shelf: None,
            calls: crate::CallOptions {
                webrtc: wago_calls::webrtc::Options {
                    address: [127, 0, 0, 1].into(),
                    ports: 0..=0,
                    public: Vec::new(),
                    stun: Vec::new(),
                },
                ice: Default::default(),
                audio: wago_calls::AudioFolder::new(data.path()),
                recordings: data.path().to_owned(),
                recording_age: None,
            },
            stopping: CancellationToken::new(),
        });
        let (calls, go_on, waiting) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let send = {
            let (calls, go_on, waiting) = (calls.clone(), go_on.clone(), waiting.clone());
            move |sending: Sending<Outgoing<Text>>| async move {
                sending
                    .once(|_, _, text| async move {
                        let call = calls.fetch_add(1, SeqCst) + 1;
                        match text.part.body.as_str() {
                            "refuse" => {
                                return Err(Error::Rejected { code: 463, text: "no".into() });
                            }
                            "id" => {
                                let id = text.envelope.id.unwrap_or_default();
                                return Err(Error::Rejected { code: 0, text: id });
                            }
                            "silence" => return Err(Error::TimedOut),
                            "panic" => panic!("as asked"),
                            "wait" => {
                                waiting.notify_one();
                                go_on.notified().await;
                            }
                            _ => {}
                        }
                        Ok(Sent { details: "Sent", timestamp: 1, id: format!("ID-{call}"), ids: Vec::new() })
                    })
                    .await
            }
        };
        let routes = Router::new().route("/send/text", post(send.clone())).route("/send/other", post(send));
        Self { router: around(routes, app.clone()), calls, go_on, waiting, app, _data: data }
    }

    fn ask(
        &self,
        token: &str,
        path: &str,
        key: Option<&str>,
        text: &str,
    ) -> impl Future<Output = (u16, bool, String)> + 'static {
        let mut request = Request::post(path).header("token", token);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = format!(r#"{{"Phone":"15550001","Body":"{text}"}}"#);
        let answer = self.router.clone().oneshot(request.body(Body::from(body)).unwrap());
        async move {
            let (parts, body) = answer.await.unwrap().into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let replayed = parts.headers.contains_key("idempotency-replayed");
            (parts.status.as_u16(), replayed, String::from_utf8(body.to_vec()).unwrap())
        }
    }

    async fn send(&self, key: Option<&str>, text: &str) -> (u16, bool, String) {
        self.ask("t", "/send/text", key, text).await
    }

    fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

fn sent(call: usize) -> String {
    format!(r#"{{"code":200,"data":{{"Details":"Sent","Timestamp":1,"Id":"ID-{call}"}},"success":true}}"#)
}

#[tokio::test]
async fn without_a_key_every_request_sends() {
    let gateway = Gateway::new(Limits::default()).await;
    for call in 1..=2 {
        assert_eq!(gateway.send(None, "hello").await, (200, false, sent(call)));
    }
}

#[tokio::test]
async fn the_same_key_and_body_give_the_first_answer() {
    let gateway = Gateway::new(Limits::default()).await;
    assert_eq!(gateway.send(Some("k"), "hello").await, (200, false, sent(1)));
    for _ in 0..2 {
        assert_eq!(gateway.send(Some("k"), "hello").await, (200, true, sent(1)));
    }
    assert_eq!(gateway.send(Some("k-2"), "hello").await, (200, false, sent(2)));
}

#[tokio::test]
async fn a_key_belongs_to_its_session_path_and_body() {
    let gateway = Gateway::new(Limits::default()).await;
    gateway.send(Some("k"), "hello").await;
    for (path, text) in [("/send/text", "bye"), ("/send/other", "hello")] {
        let (status, _, body) = gateway.ask("t", path, Some("k"), text).await;
        assert_eq!(status, 409);
        assert!(
            body.contains(r#""errorCode":"idempotency_mismatch","field":"Idempotency-Key","retryable":false"#),
            "{body}"
        );
    }
    assert_eq!(gateway.ask("other", "/send/text", Some("k"), "bye").await, (200, false, sent(2)));
    // The query is no part of the request: a token may stand there.
    assert_eq!(gateway.ask("t", "/send/text?token=t", Some("k"), "hello").await, (200, true, sent(1)));
    assert_eq!(gateway.calls(), 2);
}

#[tokio::test]
async fn a_send_that_sent_nothing_gives_its_key_back() {
    let gateway = Gateway::new(Limits::default()).await;
    for call in 1..=2 {
        let (status, replayed, body) = gateway.send(Some("k"), "refuse").await;
        assert_eq!((status, replayed), (502, false));
        assert!(body.contains(r#""error":"WhatsApp refused: no (code 463)""#), "{body}");
        assert_eq!(gateway.calls(), call);
    }
    assert_eq!(gateway.send(Some("k"), "hello").await, (200, false, sent(3)));
}

#[tokio::test]
async fn a_send_whose_end_is_unknown_keeps_its_key() {
    let gateway = Gateway::new(Limits::default()).await;
    for (key, text, status, code) in [("k-1", "silence", 504, "whatsapp_timeout"), ("k-2", "panic", 500, "internal")] {
        let calls = gateway.calls();
        let first = gateway.send(Some(key), text).await;
        assert_eq!((first.0, first.1), (status, false));
        assert!(first.2.contains(&format!(r#""errorCode":"{code}","retryable":false"#)), "{}", first.2);
        assert_eq!(gateway.send(Some(key), text).await, (status, true, first.2));
        assert_eq!(gateway.calls(), calls + 1);
    }
}

#[tokio::test]
async fn a_repeat_has_the_same_message_id() {
    let gateway = Gateway::new(Limits::default()).await;
    let id = async |token, key| {
        let (_, _, body) = gateway.ask(token, "/send/text", key, "id").await;
        let id = body.split("refused: ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        assert!(id.is_empty() || (id.starts_with("3EB0") && id.len() == 22), "{id}");
        id
    };
    let first = id("t", Some("k")).await;
    assert_eq!(id("t", Some("k")).await, first);
    assert_ne!(id("t", Some("k-2")).await, first);
    assert_ne!(id("other", Some("k")).await, first);
    assert_eq!(id("t", None).await, "");
}

#[tokio::test]
async fn a_second_request_does_not_wait_for_the_first() {
    let gateway = Gateway::new(Limits::default()).await;
    let first = tokio::spawn(gateway.ask("t", "/send/text", Some("k"), "wait"));
    gateway.waiting.notified().await;
    let (status, _, body) = gateway.send(Some("k"), "wait").await;
    assert_eq!(status, 409);
    assert!(
        body.contains(r#""errorCode":"idempotency_in_progress","field":"Idempotency-Key","retryable":true"#),
        "{body}"
    );
    gateway.go_on.notify_one();
    assert_eq!(first.await.unwrap(), (200, false, sent(1)));
    assert_eq!(gateway.send(Some("k"), "wait").await, (200, true, sent(1)));
}

#[tokio::test]
async fn a_send_ends_though_its_caller_hung_up() {
    let gateway = Gateway::new(Limits::default()).await;
    let first = tokio::spawn(gateway.ask("t", "/send/text", Some("k"), "wait"));
    gateway.waiting.notified().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gateway.go_on.notify_one();
    gateway.app.sends().close();
    gateway.app.sends().wait().await;
    assert_eq!(gateway.send(Some("k"), "wait").await, (200, true, sent(1)));
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_not_waited_for() {
    let limits = Limits { file_time: Duration::from_millis(50), ..Limits::default() };
    let gateway = Gateway::new(limits).await;
    let (status, _, body) = gateway.send(Some("k"), "wait").await;
    assert_eq!(status, 504);
    assert!(body.contains(r#""errorCode":"timeout","retryable":false"#), "{body}");
    // It goes on, and its answer can be asked for.
    gateway.go_on.notify_one();
    gateway.app.sends().close();
    gateway.app.sends().wait().await;
    assert_eq!(gateway.send(Some("k"), "wait").await, (200, true, sent(1)));
}

#[tokio::test]
async fn sends_in_flight_are_bounded() {
    let gateway = Gateway::new(Limits { sends: 1, ..Limits::default() }).await;
    let first = tokio::spawn(gateway.ask("t", "/send/text", None, "wait"));
    gateway.waiting.notified().await;
    let (status, _, body) = gateway.send(None, "hello").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""errorCode":"overloaded","retryable":true"#), "{body}");
    gateway.go_on.notify_one();
    first.await.unwrap();
    assert_eq!(gateway.send(None, "hello").await.0, 200);
}

#[tokio::test]
async fn a_panic_elsewhere_is_an_internal_error() {
    let gateway = Gateway::new(Limits::default()).await;
    let routes = Router::new().route("/panic", post(async || -> () { panic!("as asked") }));
    let router = around(routes, gateway.app.clone());
    let answer = router.oneshot(Request::post("/panic").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 500);
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    assert!(body.starts_with(br#"{"code":500,"error":"internal error","success":false,"errorCode":"internal""#));
}

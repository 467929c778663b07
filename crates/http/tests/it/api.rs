//! A gateway without sockets, and requests into it.

use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use wago_http::{App, Limits, Options, admin_token_hash};
use wago_session::{Keep, Network, Sessions};
use wago_store::{SecretKey, Store};

pub const ADMIN: &str = "the-admin-token";

pub struct Api {
    pub app: App,
    pub store: Store,
    pub stopping: CancellationToken,
    router: Router,
    _data: tempfile::TempDir,
}

impl Api {
    pub async fn new() -> Self {
        Self::with(Limits::default(), true).await
    }

    pub async fn with(limits: Limits, allow_private_webhooks: bool) -> Self {
        Self::keeping(limits, allow_private_webhooks, Keep::default()).await
    }

    /// With one session, whose token is `token`, and messages stored.
    pub async fn keeping_messages(token: &str) -> Self {
        let keep = Keep { messages: true, ..Keep::default() };
        let api = Self::keeping(Limits::default(), true, keep).await;
        api.create("customer-1", token).await;
        api
    }

    async fn keeping(limits: Limits, allow_private_webhooks: bool, keep: Keep) -> Self {
        // Logging is on everywhere: a place in the code that was passed with nobody listening could stay silent for the
        // test that does listen.
        static LOGGING: std::sync::Once = std::sync::Once::new();
        LOGGING.call_once(|| {
            let sink = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(std::io::sink);
            sink.init();
        });
        let data = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", data.path().join("wago.db").display());
        let store = Store::open(&url, SecretKey::from_bytes([7; 32])).await.unwrap();
        let audio = wago_calls::AudioFolder::new(data.path().join("audio"));
        std::fs::create_dir(audio.path()).unwrap();
        let options = wago_session::Options {
            network: Network::WhatsApp,
            dialling_max: 1,
            qr_shown: None,
            files: None,
            keep,
            audio: audio.clone(),
            proxies: wago_delivery::guard::is_public,
        };
        let stopping = CancellationToken::new();
        let app = App::new(Options {
            store: store.clone(),
            sessions: Sessions::new(store.clone(), options),
            admin_token_hash: admin_token_hash(ADMIN),
            limits,
            files: wago_session::Folder::new(data.path()),
            shelf: None,
            calls: wago_http::CallOptions {
                webrtc: wago_calls::webrtc::Options {
                    address: [127, 0, 0, 1].into(),
                    ports: 0..=0,
                    public: Vec::new(),
                    stun: Vec::new(),
                },
                ice: Default::default(),
                audio,
                recordings: data.path().to_owned(),
                recording_age: None,
            },
            allow_private_webhooks,
            stopping: stopping.clone(),
        });
        Self { router: wago_http::router(app.clone()), app, store, stopping, _data: data }
    }

    /// With one session, whose token is `token`.
    pub async fn with_session(token: &str) -> Self {
        let api = Self::new().await;
        api.create("customer-1", token).await;
        api
    }

    pub async fn create(&self, name: &str, token: &str) {
        let body = format!(r#"{{"Name":"{name}","Token":"{token}","Os":"linux"}}"#);
        let answer = self.post("/session/init").admin().body(body).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }

    pub fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Ask {
        self.ask(Method::POST, path)
    }

    pub fn ask(&self, method: Method, path: &str) -> Ask {
        Ask { router: self.router.clone(), request: Request::builder().method(method).uri(path), body: Body::empty() }
    }
}

pub struct Ask {
    router: Router,
    request: http::request::Builder,
    body: Body,
}

impl Ask {
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, value.as_ref());
        self
    }

    pub fn admin(self) -> Self {
        self.header("admintoken", ADMIN)
    }

    pub fn token(self, token: &str) -> Self {
        self.header("token", token)
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let request = self.request.body(self.body).unwrap();
        let (parts, body) = self.router.oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The `data` of a success.
    #[track_caller]
    pub fn data(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        let json = self.json();
        assert_eq!((&json["code"], &json["success"]), (&200.into(), &true.into()));
        json["data"].clone()
    }

    /// Checks the envelope of a failure to the byte, and that it carries the request's id.
    #[track_caller]
    pub fn fails(&self, status: u16, code: &str, field: Option<&str>, retryable: bool, error: &str) {
        let id = self.header("x-request-id");
        let field = field.map(|field| format!(r#""field":{},"#, Value::from(field))).unwrap_or_default();
        let expected = format!(
            r#"{{"code":{status},"error":{},"success":false,"errorCode":"{code}",{field}"retryable":{retryable},"requestId":"{id}"}}"#,
            Value::from(error),
        );
        assert_eq!(self.text, expected);
        assert_eq!(self.status.as_u16(), status);
        assert_eq!(self.header("content-type"), "application/json");
        assert!(!id.is_empty());
    }
}

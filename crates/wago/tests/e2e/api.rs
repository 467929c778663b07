//! A user of the HTTP API.

use std::collections::HashMap;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{PATIENCE, hook::Inbox, phones::Phones};

pub const ADMIN: &str = "an-admin-token-for-tests";

pub fn client() -> Client {
    // An error means that there is one already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

#[derive(Clone)]
pub struct Api {
    http: Client,
    pub url: String,
}

impl Api {
    pub fn new(url: String) -> Self {
        Self { http: client(), url }
    }

    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn admin(&self, method: Method, path: &str) -> Answer {
        send(self.ask(method, path).header("admintoken", ADMIN)).await
    }

    /// A new session, whose webhook leads to `inbox`.
    pub async fn create(&self, name: &str, inbox: &Inbox) -> Session {
        let session = self.session(name);
        let body = json!({"Name": name, "Token": session.token, "Os": "Linux"});
        send(self.ask(Method::POST, "/session/init").header("admintoken", ADMIN).json(&body)).await.data();
        let webhook = json!({"WebhookURL": inbox.url, "Events": ["All"]});
        session.post("/webhook", webhook).await.data();
        session
    }

    /// One that exists.
    pub fn session(&self, name: &str) -> Session {
        Session { api: self.clone(), token: format!("{name}-token") }
    }
}

/// A session, by its token.
#[derive(Clone)]
pub struct Session {
    pub api: Api,
    pub token: String,
}

impl Session {
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.api.ask(method, path).header("token", &self.token)
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.ask(Method::POST, path).json(&body)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.ask(Method::GET, path)).await
    }

    /// Asks as the admin, on this session.
    pub async fn admin(&self, path: &str, body: Value) -> Answer {
        let ask = self.ask(Method::POST, path);
        send(ask.header("admintoken", ADMIN).json(&body)).await
    }

    /// Returns once it is connected or shows a QR code, or the gateway has waited long enough.
    pub async fn connect(&self) -> Answer {
        self.post("/session/connect", json!({"Immediate": false})).await
    }

    pub async fn status(&self) -> Value {
        self.get("/session/status").await.data()
    }

    pub async fn health(&self) -> String {
        let status = self.status().await;
        status["Health"]["state"].as_str().unwrap().to_owned()
    }

    pub async fn text(&self, to: &str, body: &str) -> Answer {
        self.post("/send/text", json!({"Phone": to, "Body": body})).await
    }

    /// Connects, has its QR code scanned with the phone, and returns when it is logged in.
    pub async fn link(&self, phones: &Phones, number: &str, inbox: &Inbox) {
        let seen = inbox.count();
        self.connect().await.data();
        let qr = self.get("/session/qr").await.data();
        phones.link(number, json!({"qr": qr["Code"]})).await.data();
        inbox.next_of(seen, "Connected").await;
    }
}

pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let headers =
        response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let text = response.text().await.unwrap();
    Answer { status, headers, text }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HashMap<String, String>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// What a success tells: the gateway's `data`, or all that the network answered.
    #[track_caller]
    pub fn data(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        match self.json() {
            Value::Object(mut all) if all.contains_key("data") => all["data"].take(),
            all => all,
        }
    }

    #[track_caller]
    pub fn fails(&self, status: u16, code: &str, said: &str) {
        let json = self.json();
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(json["code"], status, "{json}");
        assert_eq!(json["errorCode"], code, "{json}");
        assert!(json["error"].as_str().unwrap().contains(said), "{json}");
    }
}

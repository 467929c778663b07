//! A network with phones, and stock clients that are linked to them.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use wago_sandbox::{Network, Options};
use whatsapp_rust::{prelude::*, transport::TokioWebSocketTransportFactory, wacore::store::InMemoryBackend};

use crate::media_host::Rewritten;

pub const ALICE: &str = "15550000001";
pub const BOB: &str = "15550000002";
pub const CAROL: &str = "15550000003";
pub const DAVE: &str = "15550000004";
/// Far longer than anything here takes: a hang fails, and a slow machine does not.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn jid(number: &str) -> Jid {
    format!("{number}@s.whatsapp.net").parse().unwrap()
}

/// The server's code in a refusal.
pub fn code<T: std::fmt::Debug, E: std::error::Error + 'static>(refused: Result<T, E>) -> u16 {
    use whatsapp_rust::ErrorChainExt as _;
    let error = refused.unwrap_err();
    error.server_rejection().unwrap_or_else(|| panic!("no refusal of the server's: {error}")).code
}

pub struct World {
    pub network: Network,
    http: reqwest::Client,
}

impl World {
    pub async fn start() -> Self {
        let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let network = Network::start(Options { listen, data: None, seed: 1 }).await.unwrap();
        for (number, name) in [(ALICE, "Alice"), (BOB, "Bob"), (CAROL, "Carol"), (DAVE, "Dave")] {
            network.create_phone(number, name).unwrap();
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { network, http: reqwest::Client::new() }
    }

    /// Status and body.
    pub async fn ask(&self, path: &str, body: Value) -> (u16, Value) {
        let answer = self.http.post(format!("{}{path}", self.network.url())).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.ask(path, body).await;
        assert!((200..300).contains(&status), "POST {path}: {status} {body}");
        body
    }

    pub async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.network.url())).send().await.unwrap().json().await.unwrap()
    }

    /// A group of phones, made by Alice's.
    pub async fn group(&self, participants: &[&str]) -> String {
        let body = json!({ "subject": "Friends", "owner": ALICE, "participants": participants });
        self.post("/groups", body).await["jid"].as_str().unwrap().to_owned()
    }

    pub async fn act(&self, by: &str, group: &str, action: &str, body: Value) -> (u16, Value) {
        self.ask(&format!("/phones/{by}/groups/{group}/{action}"), body).await
    }

    pub async fn lid(&self, of: &str) -> Jid {
        let phones = self.get("/phones").await;
        let phone = phones.as_array().unwrap().iter().find(|phone| phone["number"] == of).unwrap().clone();
        phone["lid"].as_str().unwrap().parse().unwrap()
    }

    /// A phone writes; the message's id.
    pub async fn write(&self, from: &str, to: &str, text: &str) -> String {
        let sent = self.post(&format!("/phones/{from}/send"), json!({ "to": to, "text": text })).await;
        sent["id"].as_str().unwrap().to_owned()
    }

    pub async fn messages(&self, of: &str) -> Vec<Value> {
        self.get(&format!("/phones/{of}/messages")).await.as_array().unwrap().clone()
    }

    pub async fn texts(&self, of: &str) -> Vec<String> {
        let text = |message: &Value| message["text"].as_str().map(str::to_owned);
        self.messages(of).await.iter().filter_map(text).collect()
    }

    pub async fn counter(&self, name: &str) -> u64 {
        self.get("/network").await["counters"][name].as_u64().unwrap_or(0)
    }

    async fn client(&self, backend: Arc<InMemoryBackend>) -> Stock {
        let url = format!("{}/ws/chat", self.network.url().replace("http", "ws"));
        let (handler, events) = ChannelEventHandler::new();
        let bot = Bot::builder()
            .with_backend_arc(backend.clone())
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(url))
            .with_http_client(Rewritten { http: self.http.clone(), to: self.network.url() })
            .with_runtime(whatsapp_rust::TokioRuntime)
            .with_version((2, 3000, 0))
            .build()
            .await
            .unwrap();
        let client = bot.client();
        client.subscribe_handler(handler).detach();
        Stock { handle: bot.spawn(), client, events, backend, texts: Mutex::default() }
    }

    /// A stock client, linked to that phone.
    pub async fn linked(&self, to: &str) -> Stock {
        let stock = self.client(Arc::new(InMemoryBackend::new())).await;
        let qr = stock
            .until("a QR code", |event| match event {
                Event::PairingQrCode(shown) => Some(shown.code.clone()),
                _ => None,
            })
            .await;
        self.post(&format!("/phones/{to}/link"), json!({ "qr": qr })).await;
        stock.client.wait_for_connected(PATIENCE).await.unwrap();
        stock
    }

    /// The client of `stock` again, after it went away.
    pub async fn back(&self, stock: Stock) -> Stock {
        let again = self.client(stock.backend).await;
        again.client.wait_for_connected(PATIENCE).await.unwrap();
        again
    }
}

pub struct Stock {
    pub handle: BotHandle,
    pub client: Arc<Client>,
    events: whatsapp_rust::async_channel::Receiver<Arc<Event>>,
    backend: Arc<InMemoryBackend>,
    texts: Mutex<VecDeque<Got>>,
}

/// One event has several when they waited.
fn texts(event: &Event) -> VecDeque<Got> {
    let got = |message: &whatsapp_rust::types::events::InboundMessage| {
        Some(Got {
            text: message.message.text_content()?.to_owned(),
            chat: message.info.source.chat.to_string(),
            author: message.info.source.sender_alt.as_ref()?.user.to_string(),
        })
    };
    event.messages().filter_map(got).collect()
}

/// A message as a client got it.
#[derive(Debug, PartialEq, Eq)]
pub struct Got {
    pub text: String,
    pub chat: String,
    pub author: String,
}

impl Stock {
    /// The next event that is wanted. Texts that come before it are kept.
    pub async fn until<T>(&self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            let event = self.next(what).await;
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    async fn next(&self, what: &str) -> Arc<Event> {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        let event = event.unwrap_or_else(|_| panic!("waited in vain for {what}")).unwrap();
        self.texts.lock().unwrap().extend(texts(&event));
        event
    }

    /// The next text.
    pub async fn got(&self) -> Got {
        loop {
            if let Some(got) = self.texts.lock().unwrap().pop_front() {
                return got;
            }
            self.next("a text").await;
        }
    }

    /// The next change of a group, by its name.
    pub async fn change(&self, name: &str) -> whatsapp_rust::types::events::GroupUpdate {
        self.until(name, |event| match event {
            Event::GroupUpdate(update) if update.action.tag_name() == name => Some(update.clone()),
            _ => None,
        })
        .await
    }

    /// Writes, and waits until the server took or refused it: then, with which code.
    pub async fn write(&self, to: &str, text: &str) -> Option<String> {
        let sent = self.client.send_text(to.parse::<Jid>().unwrap(), text).await.unwrap();
        self.acknowledged(&sent.message_id).await
    }

    pub async fn acknowledged(&self, id: &str) -> Option<String> {
        self.until("the server's ack", |event| match event {
            Event::ServerAck(ack) if ack.id == id => Some(ack.error.as_ref().map(ToString::to_string)),
            _ => None,
        })
        .await
    }

    pub async fn away(&self) {
        self.client.disconnect().await;
    }
}

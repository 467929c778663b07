//! A client that knows nothing of this network, on it: the engine as published, with its own store in memory.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use wago_sandbox::{Network, Options};
use whatsapp_rust::{prelude::*, transport::TokioWebSocketTransportFactory};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";
/// Far longer than anything here takes: a hang fails, and a slow machine does not.
const PATIENCE: Duration = Duration::from_secs(60);

struct Sandbox {
    network: Network,
    http: reqwest::Client,
}

impl Sandbox {
    async fn start() -> Self {
        let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let network = Network::start(Options { listen, data: None, seed: 1 }).await.unwrap();
        network.create_phone(ALICE, "Alice").unwrap();
        network.create_phone(BOB, "Bob").unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { network, http: reqwest::Client::new() }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.http.post(format!("{}{path}", self.network.url())).json(&body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "POST {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.network.url())).send().await.unwrap().json().await.unwrap()
    }

    async fn client(&self) -> Stock {
        let url = format!("{}/ws/chat", self.network.url().replace("http", "ws"));
        let (handler, events) = ChannelEventHandler::new();
        let bot = Bot::builder()
            .with_backend_arc(Arc::new(whatsapp_rust::wacore::store::InMemoryBackend::new()))
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(url))
            .with_http_client(NoHttp)
            .with_runtime(whatsapp_rust::TokioRuntime)
            .with_version((2, 3000, 0))
            .build()
            .await
            .unwrap();
        let client = bot.client();
        client.subscribe_handler(handler).detach();
        Stock { handle: bot.spawn(), client, events }
    }
}

/// The client needs no HTTP here, so that it gets none.
struct NoHttp;

#[whatsapp_rust::async_trait]
impl whatsapp_rust::http::HttpClient for NoHttp {
    async fn execute(
        &self,
        _: whatsapp_rust::http::HttpRequest,
    ) -> whatsapp_rust::anyhow::Result<whatsapp_rust::http::HttpResponse> {
        Err(whatsapp_rust::anyhow::anyhow!("no HTTP in this test"))
    }
}

struct Stock {
    handle: BotHandle,
    client: Arc<Client>,
    events: whatsapp_rust::async_channel::Receiver<Arc<Event>>,
}

impl Stock {
    async fn until<T>(&self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let wait = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    async fn qr(&self) -> String {
        self.until("a QR code", |event| match event {
            Event::PairingQrCode(shown) => Some(shown.code.clone()),
            _ => None,
        })
        .await
    }

    async fn text(&self) -> (String, String) {
        self.until("a text", |event| {
            event
                .messages()
                .find_map(|message| Some((message.message.text_content()?.to_owned(), message.info.id.to_string())))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_by_qr_and_exchanges_texts() {
    let sandbox = Sandbox::start().await;
    let stock = sandbox.client().await;
    let qr = stock.qr().await;
    let device = sandbox.post(&format!("/phones/{ALICE}/link"), json!({ "qr": qr })).await;
    assert_eq!(device["id"], 1);
    stock.client.wait_for_connected(PATIENCE).await.unwrap();
    assert_eq!(stock.client.push_name(), "Alice");

    let sent = sandbox.post(&format!("/phones/{BOB}/send"), json!({ "to": ALICE, "text": "hello" })).await;
    let (text, id) = stock.text().await;
    assert_eq!((text.as_str(), id.as_str()), ("hello", sent["id"].as_str().unwrap()));

    let to: Jid = format!("{BOB}@s.whatsapp.net").parse().unwrap();
    let sent = stock.client.send_text(to, "hi yourself").await.unwrap();
    let read = stock.until("the server's ack", |event| match event {
        Event::ServerAck(ack) if ack.id == sent.message_id => Some(ack.error.is_none()),
        _ => None,
    });
    assert!(read.await);
    let messages = sandbox.get(&format!("/phones/{BOB}/messages")).await;
    let messages = messages.as_array().unwrap();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!(messages[1]["text"], "hi yourself");
    assert_eq!(messages[1]["from"], format!("{ALICE}@s.whatsapp.net"));
    // The other devices of its account are shown what it sent.
    let own = sandbox.get(&format!("/phones/{ALICE}/messages")).await;
    assert_eq!(own[1]["text"], "hi yourself", "{own}");
    assert_eq!(own[1]["fromMe"], true);

    let network = sandbox.get("/network").await;
    assert_eq!(network["sockets"], 1);
    let unknown: Vec<_> = network["counters"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| name.contains("unknown") || name.contains("refused"))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    stock.handle.shutdown().await;
    sandbox.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_by_code() {
    let sandbox = Sandbox::start().await;
    let stock = sandbox.client().await;
    stock.qr().await;
    let options = whatsapp_rust::pair_code::PairCodeOptions { phone_number: BOB.to_owned(), ..Default::default() };
    let code = stock.client.pair_with_code(options).await.unwrap();
    let wrong = if code.starts_with('A') { code.replacen('A', "B", 1) } else { format!("A{}", &code[1..]) };
    let answer = sandbox
        .http
        .post(format!("{}/phones/{BOB}/link", sandbox.network.url()))
        .json(&json!({ "code": wrong }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400, "{}", answer.text().await.unwrap());

    // A wrong code is the end of it, as with a real phone: the device asks for another one.
    stock.client.cancel_pair_code().await;
    let options = whatsapp_rust::pair_code::PairCodeOptions { phone_number: BOB.to_owned(), ..Default::default() };
    let code = stock.client.pair_with_code(options).await.unwrap();
    sandbox.post(&format!("/phones/{BOB}/link"), json!({ "code": code })).await;
    stock.client.wait_for_connected(PATIENCE).await.unwrap();
    stock.handle.shutdown().await;
    sandbox.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_loses_nothing() {
    let sandbox = Sandbox::start().await;
    let stock = sandbox.client().await;
    let qr = stock.qr().await;
    sandbox.post(&format!("/phones/{ALICE}/link"), json!({ "qr": qr })).await;
    stock.client.wait_for_connected(PATIENCE).await.unwrap();
    for kind in ["drop", "duplicate", "reorder"] {
        sandbox.post("/faults", json!({ "kind": kind, "target": ALICE, "rate": 0.3, "seed": 7 })).await;
    }
    let mut expected: Vec<String> = (0..30).map(|n| format!("message {n}")).collect();
    for text in &expected {
        sandbox.post(&format!("/phones/{BOB}/send"), json!({ "to": ALICE, "text": text })).await;
    }
    let faults = sandbox.get("/faults").await;
    assert_eq!(faults["active"].as_array().unwrap().len(), 3);
    sandbox.http.delete(format!("{}/faults", sandbox.network.url())).send().await.unwrap();
    stock
        .until("all the texts", |event| {
            for message in event.messages() {
                expected.retain(|wanted| Some(wanted.as_str()) != message.message.text_content());
            }
            expected.is_empty().then_some(())
        })
        .await;
    stock.handle.shutdown().await;
    sandbox.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_port_speaks_tls_with_a_certificate_of_its_own_authority() {
    let sandbox = Sandbox::start().await;
    let secure = format!("{}/network", sandbox.network.url().replace("http", "https"));
    assert!(sandbox.http.get(&secure).send().await.is_err(), "nobody else vouches for it");
    let authority = reqwest::Certificate::from_pem(sandbox.network.ca_pem().as_bytes()).unwrap();
    let trusting = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
    let network: Value = trusting.get(&secure).send().await.unwrap().json().await.unwrap();
    assert_eq!(network["accounts"], 2);
    sandbox.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_are_refused() {
    let sandbox = Sandbox::start().await;
    let url = format!("{}/phones", sandbox.network.url());
    let ask =
        |origin: String| sandbox.http.post(&url).header("origin", origin).body(r#"{"number":"15550000009"}"#).send();
    assert_eq!(ask("https://example.com".to_owned()).await.unwrap().status(), 403);
    assert_eq!(ask("null".to_owned()).await.unwrap().status(), 403);
    assert_eq!(ask(sandbox.network.url()).await.unwrap().status(), 201);
    sandbox.network.stop().await;
}

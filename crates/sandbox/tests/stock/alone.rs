//! One client by itself: linked, told, and asked.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use wago_sandbox::{Network, Options};
use whatsapp_rust::{prelude::*, transport::TokioWebSocketTransportFactory};

use crate::media_host::Rewritten;

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
            .with_http_client(Rewritten { http: self.http.clone(), to: self.network.url() })
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

struct Stock {
    handle: BotHandle,
    client: Arc<Client>,
    events: whatsapp_rust::async_channel::Receiver<Arc<Event>>,
}

/// A part of a history, the newest first.
struct History {
    texts: Vec<String>,
    /// Id and Unix seconds.
    oldest: (String, i64),
    /// What it answers.
    asked: Option<String>,
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

    /// The next part of that kind.
    async fn history(&self, kind: i32) -> History {
        self.until("a part of a history", |event| match event {
            Event::HistorySync(part) if part.sync_type() == kind => {
                let chats = &part.get()?.conversations;
                let messages = || chats.iter().flat_map(|chat| &chat.messages).map(|one| &*one.message);
                let oldest = messages().next_back()?;
                Some(History {
                    texts: messages().filter_map(|one| one.message.conversation.clone()).collect(),
                    oldest: (oldest.key.id.clone()?, oldest.message_timestamp?.try_into().unwrap()),
                    asked: part.peer_data_request_session_id().map(str::to_owned),
                })
            }
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

/// Large enough that the client asks first whether a part of it is there.
const LARGE: usize = 6 << 20;

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn learns_what_was_said_before() {
    let sandbox = Sandbox::start().await;
    for at in 0..30 {
        let said = json!({ "to": ALICE, "text": format!("old {at}") });
        sandbox.post(&format!("/phones/{BOB}/send"), said).await;
    }
    let stock = sandbox.client().await;
    let qr = stock.qr().await;
    sandbox.post(&format!("/phones/{ALICE}/link"), json!({ "qr": qr })).await;
    let (first, rest) = (stock.history(0).await, stock.history(3).await);
    assert_eq!((first.texts.len(), first.texts[0].as_str()), (20, "old 29"));
    assert_eq!((rest.texts.len(), rest.texts[9].as_str()), (10, "old 0"));

    // What is older than the oldest of the first part, again.
    let chat: Jid = format!("{BOB}@s.whatsapp.net").parse().unwrap();
    let (id, at) = first.oldest;
    let asked = stock.client.fetch_message_history(&chat, &id, false, at * 1_000, 3).await.unwrap();
    let told = stock.history(6).await;
    assert_eq!(told.texts, ["old 9", "old 8", "old 7"]);
    assert_eq!(told.asked, Some(asked));
    stock.handle.shutdown().await;
    sandbox.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_files() {
    use whatsapp_rust::download::MediaType;
    let sandbox = Sandbox::start().await;
    let stock = sandbox.client().await;
    let qr = stock.qr().await;
    sandbox.post(&format!("/phones/{ALICE}/link"), json!({ "qr": qr })).await;
    stock.client.wait_for_connected(PATIENCE).await.unwrap();
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);

    // From a phone to the client.
    let picture = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0"[..], &[7; 1000]].concat();
    let image = format!("data:image/png;base64,{}", base64(&picture));
    let send = json!({ "to": ALICE, "image": image, "caption": "look" });
    let sent = sandbox.post(&format!("/phones/{BOB}/send"), send).await;
    let message = stock
        .until("an image", |event| {
            event.messages().find_map(|message| message.message.image_message.as_option().cloned())
        })
        .await;
    assert_eq!(message.caption.as_deref(), Some("look"));
    assert_eq!((message.width, message.height), (Some(640), Some(480)));
    assert_eq!(message.mimetype.as_deref(), Some("image/png"));
    assert!(message.url.as_ref().unwrap().starts_with("https://mmg.whatsapp.net/v/"));
    assert_eq!(stock.client.download(&message).await.unwrap(), picture);

    // From the client to a phone.
    let content: Vec<u8> = (0..LARGE).map(|at| u8::try_from(at * at % 251).unwrap()).collect();
    let upload = stock.client.upload(content.clone(), MediaType::Document, Default::default()).await.unwrap();
    let again = stock.client.upload(content.clone(), MediaType::Document, Default::default()).await.unwrap();
    assert_ne!(upload.direct_path, again.direct_path, "each has a key of its own");
    let options = whatsapp_rust::media::DocumentOptions {
        mimetype: Some("application/pdf".into()),
        file_name: Some("invoice.pdf".into()),
        caption: Some("yours".into()),
        ..Default::default()
    };
    let to: Jid = format!("{BOB}@s.whatsapp.net").parse().unwrap();
    let sent_back =
        stock.client.send_message(to, whatsapp_rust::media::document_message(upload, options)).await.unwrap();
    stock
        .until("the server's ack", |event| match event {
            Event::ServerAck(ack) if ack.id == sent_back.message_id => Some(()),
            _ => None,
        })
        .await;
    let messages = sandbox.get(&format!("/phones/{BOB}/messages")).await;
    let shown = &messages[1];
    assert_eq!(shown["kind"], "document", "{messages}");
    assert_eq!(shown["caption"], "yours");
    let described =
        json!({ "mimetype": "application/pdf", "size": LARGE, "sha256": sha256(&content), "filename": "invoice.pdf" });
    assert_eq!(shown["media"], described);
    assert_eq!(shown.get("raw"), None);
    let file = format!("{}/phones/{BOB}/messages/{}/media", sandbox.network.url(), sent_back.message_id);
    let answer = sandbox.http.get(&file).send().await.unwrap();
    assert_eq!(answer.headers()["content-disposition"], "attachment");
    assert_eq!(answer.bytes().await.unwrap(), content);

    // What the host has lost is gone for everybody.
    let own = format!("{}/phones/{BOB}/messages/{}/media", sandbox.network.url(), sent["id"].as_str().unwrap());
    let answer = sandbox.http.get(&own).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.bytes().await.unwrap(), picture);
    assert_eq!(sandbox.http.delete(&own).send().await.unwrap().status(), 204);
    assert_eq!(sandbox.http.get(&own).send().await.unwrap().status(), 410);
    let error = stock.client.download(&message).await.unwrap_err();
    assert!(error.to_string().contains("410"), "{error}");
    stock.handle.shutdown().await;
    sandbox.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_media_host_refuses_what_whatsapps_would() {
    let sandbox = Sandbox::start().await;
    let url = sandbox.network.url();
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    let token = "A".repeat(43);
    let upload = format!("{url}/mms/image/{token}?token={token}");
    assert_eq!(status(sandbox.http.post(&upload).body("x")).await, 401);
    assert_eq!(status(sandbox.http.post(format!("{upload}&auth=sandbox")).body("x")).await, 401);
    assert_eq!(status(sandbox.http.get(format!("{url}/v/t62.7118-24/{token}.enc?ccb=11-4"))).await, 404);
    assert_eq!(status(sandbox.http.get(format!("{url}/v/nothing"))).await, 404);

    let sent = sandbox.post(&format!("/phones/{BOB}/send"), json!({ "to": ALICE, "text": "no file" })).await;
    let none = format!("{url}/phones/{BOB}/messages/{}/media", sent["id"].as_str().unwrap());
    assert_eq!(status(sandbox.http.get(none)).await, 404);
    assert_eq!(status(sandbox.http.get(format!("{url}/phones/{BOB}/messages/unknown/media"))).await, 404);

    for (field, body) in [
        ("image", json!({ "image": "iVBORw0K" })),
        ("image", json!({ "image": "data:image/png;base64," })),
        ("image", json!({ "image": "data:image/png;base64,%%%" })),
        ("image", json!({ "image": "data:text/html;base64,aGk=" })),
        ("sticker", json!({ "sticker": "data:image/png;base64,aGk=" })),
        ("video", json!({ "image": "data:image/png;base64,aGk=", "video": "data:video/mp4;base64,aGk=" })),
        ("text", json!({ "image": "data:image/png;base64,aGk=", "text": "beside it" })),
        ("caption", json!({ "audio": "data:audio/ogg; codecs=opus;base64,aGk=", "caption": "la" })),
        ("ptt", json!({ "text": "hello", "ptt": true })),
        ("filename", json!({ "image": "data:image/png;base64,aGk=", "filename": "a.png" })),
    ] {
        let mut body = body;
        body["to"] = ALICE.into();
        let answer = sandbox.http.post(format!("{url}/phones/{BOB}/send")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(answer.json::<Value>().await.unwrap()["field"], field, "{body}");
    }
    let note = json!({ "to": ALICE, "audio": "data:audio/ogg; codecs=opus;base64,aGk=", "ptt": true });
    sandbox.post(&format!("/phones/{BOB}/send"), note).await;
    let messages = sandbox.get(&format!("/phones/{ALICE}/messages")).await;
    assert_eq!(messages[1]["kind"], "audio");
    assert_eq!(messages[1]["media"]["mimetype"], "audio/ogg; codecs=opus");
    assert_eq!(messages[1]["media"]["ptt"], true);
    sandbox.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_survive_and_are_served_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
        Network::start(Options { listen, data: Some(folder.path().to_owned()), seed: 1 }).await.unwrap()
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    let network = start().await;
    network.create_phone(ALICE, "Alice").unwrap();
    network.create_phone(BOB, "Bob").unwrap();
    let send = json!({ "to": ALICE, "document": "data:text/plain;base64,aGVsbG8sIHdvcmxk", "filename": "a.txt" });
    let sent = http.post(format!("{}/phones/{BOB}/send", network.url())).json(&send).send().await.unwrap();
    let id = sent.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    network.stop().await;

    let network = start().await;
    let file = format!("{}/phones/{ALICE}/messages/{id}/media", network.url());
    assert_eq!(http.get(&file).send().await.unwrap().text().await.unwrap(), "hello, world");

    let kept = std::fs::read_dir(folder.path().join("media")).unwrap().next().unwrap().unwrap().path();
    let (name, bytes) = (kept.file_name().unwrap().to_str().unwrap(), std::fs::read(&kept).unwrap());
    let blob = format!("{}/v/t62.7119-24/{name}?ccb=11-4&_nc_sid=5e03e0&hash=x", network.url());
    let whole = http.get(&blob).send().await.unwrap();
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    let part = http.get(&blob).header("range", "bytes=4-7").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 4-7/{}", bytes.len()));
    assert_eq!(part.bytes().await.unwrap(), bytes[4..8]);
    assert_eq!(http.get(&blob).header("range", "bytes=1000-").send().await.unwrap().status(), 416);

    // Damaged on the host's disk: the phone does not show what was not sent.
    std::fs::write(&kept, [&bytes[..4], &[bytes[4] ^ 1], &bytes[5..]].concat()).unwrap();
    assert_eq!(http.get(&file).send().await.unwrap().status(), 502);
    assert_eq!(http.delete(&file).send().await.unwrap().status(), 204);
    assert_eq!(http.get(&blob).send().await.unwrap().status(), 410);
    network.stop().await;
}

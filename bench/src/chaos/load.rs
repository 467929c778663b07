//! Phones that write to sessions, sessions that write to phones, and what the gateway is asked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{ledger::Ledger, receivers::Receivers};

const ADMIN: &str = "sandbox-admin";
/// Phones that write to each session.
const WRITERS: usize = 3;
/// Webhooks of each session.
pub const WEBHOOKS: usize = 4;
/// Between two looks at what is told nowhere.
const LOOK: Duration = Duration::from_millis(50);
const ONLINE_MAX: Duration = Duration::from_secs(60);

pub struct Load {
    http: Client,
    network: String,
    sessions: usize,
    gateway: watch::Sender<Option<String>>,
    over: AtomicBool,
    sent: AtomicUsize,
}

pub fn phone(session: usize) -> String {
    format!("1666{session:07}")
}

pub fn writer(session: usize, n: usize) -> String {
    format!("1777{:07}", session * WRITERS + n)
}

fn token(session: usize) -> String {
    format!("chaos-token-{session}")
}

pub fn receiver(session: usize, n: usize) -> String {
    format!("s{session}w{n}")
}

/// What one writer got rid of, by chat: who, to which session, and how many.
pub struct Written {
    pub session: usize,
    pub chat: String,
    pub texts: Vec<String>,
    /// In the order in which they were written; else only that they arrive is known.
    pub ordered: bool,
}

impl Load {
    pub fn new(network: &str, sessions: usize) -> Self {
        Self {
            http: Client::new(),
            network: network.to_owned(),
            sessions,
            gateway: watch::Sender::new(None),
            over: AtomicBool::new(false),
            sent: AtomicUsize::new(0),
        }
    }

    pub fn sessions(&self) -> usize {
        self.sessions
    }

    pub fn sent(&self) -> usize {
        self.sent.load(Relaxed)
    }

    pub fn gateway_is_gone(&self) {
        self.gateway.send_replace(None);
    }

    pub fn gateway_is_at(&self, url: &str) {
        self.gateway.send_replace(Some(url.to_owned()));
    }

    /// Phones, sessions, links and webhooks.
    pub async fn prepare(&self, gateway: &str, receivers: &Receivers) -> Result<()> {
        self.gateway_is_at(gateway);
        for session in 0..self.sessions {
            for number in std::iter::once(phone(session)).chain((0..WRITERS).map(|n| writer(session, n))) {
                let made = json!({"number": number, "name": number});
                self.ask(Method::POST, &format!("{}/phones", self.network), "", made).await?;
            }
            let token = token(session);
            let init = json!({"Name": format!("chaos-{session}"), "Token": token, "Os": "chaos"});
            self.ask(Method::POST, &format!("{gateway}/session/init"), ADMIN, init).await?;
            self.ask(Method::POST, &format!("{gateway}/session/connect"), &token, json!({"Immediate": true})).await?;
            let shown = self.ask(Method::GET, &format!("{gateway}/session/qr"), &token, Value::Null).await?;
            let link = format!("{}/phones/{}/link", self.network, phone(session));
            self.ask(Method::POST, &link, "", json!({"qr": shown["data"]["Code"]})).await?;
            for n in 0..WEBHOOKS {
                let url = receivers.add(&receiver(session, n));
                let webhook = json!({"URL": url, "Events": ["Message"], "Format": "json", "Secret": "chaos"});
                self.ask(Method::POST, &format!("{gateway}/webhooks"), &token, webhook).await?;
            }
        }
        self.online(gateway).await
    }

    async fn online(&self, gateway: &str) -> Result<()> {
        let until = Instant::now() + ONLINE_MAX;
        loop {
            let listed = self.ask(Method::GET, &format!("{gateway}/session/all"), ADMIN, Value::Null).await?;
            let sessions = listed["data"].as_array().context("no list of sessions")?;
            if sessions.iter().all(|one| one["connected"] == true && one["loggedIn"] == true) {
                return Ok(());
            }
            ensure!(Instant::now() < until, "the sessions do not get online");
            sleep(LOOK).await;
        }
    }

    /// Starts to write, until [`Self::finish`].
    pub fn send(self: Arc<Self>, pace: Duration, seed: u64) -> Vec<JoinHandle<Result<Written>>> {
        let mut tasks = Vec::new();
        for session in 0..self.sessions {
            for n in 0..WRITERS {
                let chance = StdRng::seed_from_u64(seed.wrapping_add((session * WRITERS + n) as u64));
                tasks.push(tokio::spawn(self.clone().write_in(session, n, pace, chance)));
            }
            let chance = StdRng::seed_from_u64(seed.wrapping_sub(session as u64 + 1));
            tasks.push(tokio::spawn(self.clone().write_out(session, pace, chance)));
        }
        tasks
    }

    /// A phone writes to a session. The network keeps what it takes, whatever becomes of the gateway.
    async fn write_in(
        self: Arc<Self>,
        session: usize,
        n: usize,
        pace: Duration,
        mut chance: StdRng,
    ) -> Result<Written> {
        let from = writer(session, n);
        let url = format!("{}/phones/{from}/send", self.network);
        let mut texts = Vec::new();
        while !self.over.load(Relaxed) {
            let text = format!("{from} {}", texts.len());
            self.ask(Method::POST, &url, "", json!({"to": phone(session), "text": text})).await?;
            texts.push(text);
            self.sent.fetch_add(1, Relaxed);
            sleep(pace.mul_f64(chance.random_range(0.0..2.0))).await;
        }
        Ok(Written { session, chat: format!("{from}@s.whatsapp.net"), texts, ordered: true })
    }

    /// A session writes to a phone that nobody else writes to. With the same key each message is sent once, however often
    /// it is asked for.
    async fn write_out(self: Arc<Self>, session: usize, pace: Duration, mut chance: StdRng) -> Result<Written> {
        let mut texts = Vec::new();
        let mut gateway = self.gateway.subscribe();
        while !self.over.load(Relaxed) {
            let text = format!("out {session} {}", texts.len());
            let body = json!({"Phone": "15550000001", "Body": text});
            loop {
                let url = match timeout(ONLINE_MAX, gateway.wait_for(Option::is_some)).await {
                    Ok(Ok(url)) => url.clone().unwrap_or_default(),
                    _ => bail!("there is no gateway any more"),
                };
                let asked = self
                    .http
                    .post(format!("{url}/send/text"))
                    .header("token", token(session))
                    .header("idempotency-key", &text)
                    .json(&body)
                    .send()
                    .await;
                if asked.is_ok_and(|answer| answer.status().is_success()) {
                    break;
                }
                sleep(LOOK).await;
            }
            texts.push(text);
            self.sent.fetch_add(1, Relaxed);
            sleep(pace.mul_f64(10.0 * chance.random_range(0.0..2.0))).await;
        }
        Ok(Written { session, chat: "15550000001@s.whatsapp.net".to_owned(), texts, ordered: false })
    }

    /// Ends the writing and tells what was written.
    pub async fn finish(&self, tasks: Vec<JoinHandle<Result<Written>>>) -> Result<Ledger> {
        self.over.store(true, Relaxed);
        let mut written = Vec::new();
        for task in tasks {
            written.push(task.await??);
        }
        Ok(Ledger::new(written))
    }

    /// What is paused goes on. The gateway may be killed meanwhile, and is asked again after the next kill.
    pub async fn resume(&self) {
        for session in 0..self.sessions {
            let Ok(webhooks) = self.on_gateway(Method::GET, "/webhooks", session, Value::Null).await else { return };
            for webhook in webhooks["data"].as_array().into_iter().flatten() {
                if !webhook["paused"].is_null() {
                    let path = format!("/webhooks/{}", webhook["id"]);
                    let _ = self.on_gateway(Method::PATCH, &path, session, json!({"Active": true})).await;
                }
            }
        }
    }

    /// Waits until no delivery is left.
    pub async fn nothing_waits(&self, patience: Duration) -> Result<()> {
        let until = Instant::now() + patience;
        for session in 0..self.sessions {
            let webhooks = self.on_gateway(Method::GET, "/webhooks", session, Value::Null).await?;
            for webhook in webhooks["data"].as_array().context("no list of webhooks")? {
                for status in ["waiting", "failed"] {
                    let path = format!("/webhooks/{}/deliveries?status={status}", webhook["id"]);
                    loop {
                        let left = self.on_gateway(Method::GET, &path, session, Value::Null).await?;
                        if left["data"]["deliveries"].as_array().is_some_and(Vec::is_empty) {
                            break;
                        }
                        ensure!(Instant::now() < until, "deliveries are stuck: {left}");
                        sleep(LOOK).await;
                    }
                }
            }
        }
        Ok(())
    }

    /// All of a session's messages in its log, as `GET /events` tells them: chat, text and id.
    pub async fn log(&self, session: usize) -> Result<Vec<(String, String, String)>> {
        let (mut log, mut after) = (Vec::new(), 0);
        loop {
            let path = format!("/events?type=Message&limit=500&after={after}");
            let page = self.on_gateway(Method::GET, &path, session, Value::Null).await?;
            let data = &page["data"];
            for event in data["events"].as_array().context("no list of events")? {
                let text = event["event"]["Message"]["conversation"].as_str();
                let chat = event["event"]["Info"]["Chat"].as_str();
                if let (Some(chat), Some(text), Some(id)) = (chat, text, event["eventId"].as_str()) {
                    log.push((chat.to_owned(), text.to_owned(), id.to_owned()));
                }
            }
            after = data["next"].as_i64().context("no cursor to go on from")?;
            if data["more"] != true {
                return Ok(log);
            }
        }
    }

    async fn on_gateway(&self, method: Method, path: &str, session: usize, body: Value) -> Result<Value> {
        let url = self.gateway.borrow().clone().context("there is no gateway")?;
        self.ask(method, &format!("{url}{path}"), &token(session), body).await
    }

    async fn ask(&self, method: Method, url: &str, token: &str, body: Value) -> Result<Value> {
        let mut request = self.http.request(method, url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{url} answered {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("{url} answered no JSON"))
    }
}

//! Many phones, and a session of the gateway for each.

use std::{ops::Range, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// The admin token that the sandbox has by default.
const ADMIN: &str = "sandbox-admin";
/// How long all sessions together may take to be online.
const ONLINE_MAX: Duration = Duration::from_secs(120);
/// Between two looks. Each costs the gateway some time, so it should not be much shorter.
const LOOK: Duration = Duration::from_millis(100);

pub struct Fleet {
    http: Client,
    network: String,
    /// Requests that are open at once.
    pub concurrency: usize,
}

/// The number of the phone that session `i` is linked to.
pub fn number(i: usize) -> String {
    format!("1777{i:07}")
}

pub fn token(i: usize) -> String {
    format!("bench-token-{i}")
}

impl Fleet {
    pub fn new(network: &str, concurrency: usize) -> Self {
        Self { http: Client::new(), network: network.to_owned(), concurrency }
    }

    pub fn network(&self) -> &str {
        &self.network
    }

    /// Makes phones and sessions and links them.
    pub async fn link(&self, gateway: &str, which: Range<usize>) -> Result<()> {
        self.each(which, async |i| {
            self.phone(&number(i)).await?;
            let (name, token) = (format!("bench-{i}"), token(i));
            let init = json!({"Name": name, "Token": token, "Os": "bench"});
            self.ask(Method::POST, &format!("{gateway}/session/init"), ADMIN, init).await?;
            let connect = format!("{gateway}/session/connect");
            self.ask(Method::POST, &connect, &token, json!({"Immediate": true})).await?;
            let shown = self.ask(Method::GET, &format!("{gateway}/session/qr"), &token, Value::Null).await?;
            let code = shown["data"]["Code"].as_str().context("no QR code")?;
            self.on_network(&format!("phones/{}/link", number(i)), json!({"qr": code})).await?;
            Ok(())
        })
        .await
    }

    pub async fn phone(&self, number: &str) -> Result<()> {
        let phone = json!({"number": number, "name": number});
        self.on_network("phones", phone).await.map(|_| ())
    }

    /// Waits until so many sessions are logged in and connected.
    pub async fn online(&self, gateway: &str, wanted: usize) -> Result<()> {
        let until = Instant::now() + ONLINE_MAX;
        let all = format!("{gateway}/session/all");
        loop {
            let listed = self.ask(Method::GET, &all, ADMIN, Value::Null).await?;
            let sessions = listed["data"].as_array().context("no list of sessions")?;
            let online =
                sessions.iter().filter(|session| session["connected"] == true && session["loggedIn"] == true).count();
            if online >= wanted {
                return Ok(());
            }
            if Instant::now() >= until {
                let missing =
                    sessions.iter().find(|session| session["connected"] != true || session["loggedIn"] != true);
                let name = missing.map_or(&Value::Null, |session| &session["name"]);
                bail!("{online} of {wanted} sessions are online; {name} is not");
            }
            sleep(LOOK).await;
        }
    }

    /// Removes a session.
    pub async fn delete(&self, url: &str, token: &str) -> Result<()> {
        let request = self.http.post(url).header("admintoken", ADMIN).header("token", token);
        let status = request.send().await?.status();
        ensure!(status.is_success(), "{url} answered {status}");
        Ok(())
    }

    /// Does something for each number, several at a time.
    pub async fn each(&self, which: Range<usize>, work: impl AsyncFn(usize) -> Result<()>) -> Result<()> {
        let work = &work;
        stream::iter(which).map(|i| async move { work(i).await }).buffer_unordered(self.concurrency).try_collect().await
    }

    pub async fn on_network(&self, path: &str, body: Value) -> Result<Value> {
        let url = format!("{}/{path}", self.network);
        self.ask(Method::POST, &url, "", body).await
    }

    /// For what is answered without a body.
    pub async fn tell(&self, url: &str, body: Value) -> Result<()> {
        let status = self.http.post(url).json(&body).send().await?.status();
        ensure!(status.is_success(), "{url} answered {status}");
        Ok(())
    }

    /// A file of a session's.
    pub async fn bytes(&self, url: &str, token: &str) -> Result<Vec<u8>> {
        let answer = self.http.get(url).bearer_auth(token).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }

    /// The token is a session's or the admin's.
    pub async fn ask(&self, method: Method, url: &str, token: &str, body: Value) -> Result<Value> {
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
        if !status.is_success() {
            bail!("{url} answered {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{url} answered no JSON"))
    }
}

//! Sessions in calls, each with a phone of its own, over the network's relay.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{
    figure::Usage,
    fleet::{Fleet, token},
    process::Process,
};

/// For all calls together to be answered.
const ACTIVE_MAX: Duration = Duration::from_secs(60);
/// Until sound that began or ended is in every buffer of the way.
const SETTLES: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(200);
/// What phones say.
pub const TOLD: &str = "tone:1000:-15";
/// What the gateway's own tone of 440 Hz is heard as.
pub const TONE: &str = "tone:440:-12";

/// What goes wrong on the way of the sound.
#[derive(Clone, Copy, clap::Args)]
pub struct Trouble {
    /// Of 1, of packets in each direction.
    #[arg(long, default_value_t = 0.0)]
    pub loss: f64,
    /// Each packet comes later by 0 to so much.
    #[arg(long, default_value_t = 0)]
    pub jitter_ms: u64,
}

pub struct Callers {
    pub fleet: Fleet,
    pub count: usize,
    gateway: Process,
    network: Process,
    _data: TempDir,
}

/// The number of the phone that session `i` calls.
fn other(i: usize) -> String {
    format!("1888{i:07}")
}

impl Callers {
    /// Gateway and network, with so many sessions, whose phones take calls and say [`TOLD`].
    pub async fn start(wago: &Path, count: usize, trouble: Trouble) -> Result<Self> {
        let data = tempfile::tempdir().context("no place for the data")?;
        let folder = |name: &str| data.path().join(name).display().to_string();
        let network = Process::start(wago, ["network", "--port", "0", "--seed", "1", "--data", &folder("network")])?;
        let flags =
            ["sandbox", "--port", "0", "--log", "warn", "--network", network.url(), "--data", &folder("gateway")];
        let gateway = Process::start(wago, flags)?;
        let fleet = Fleet::new(network.url(), 8);
        fleet.link(gateway.url(), 0..count).await?;
        fleet
            .each(0..count, async |i| {
                fleet.phone(&other(i)).await?;
                let auto = json!({"then": "answer", "play": TOLD});
                fleet.on_network(&format!("phones/{}/call/auto", other(i)), auto).await.map(|_| ())
            })
            .await?;
        fleet.online(gateway.url(), count).await?;
        if trouble.loss > 0.0 || trouble.jitter_ms > 0 {
            let trouble = json!({"loss": trouble.loss, "jitterMs": trouble.jitter_ms, "seed": 1});
            fleet.tell(&format!("{}/relay", network.url()), trouble).await?;
        }
        Ok(Self { fleet, count, gateway, network, _data: data })
    }

    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.gateway.id())
    }

    /// Of session `i`.
    pub async fn post(&self, path: &str, i: usize, body: Value) -> Result<Value> {
        self.fleet.ask(Method::POST, &format!("{}{path}", self.gateway.url()), &token(i), body).await
    }

    pub async fn get(&self, path: &str, i: usize) -> Result<Vec<u8>> {
        self.fleet.bytes(&format!("{}{path}", self.gateway.url()), &token(i)).await
    }

    /// All calls, once both ends hear each other.
    pub async fn make(&self) -> Result<Vec<String>> {
        let mut calls = Vec::new();
        for i in 0..self.count {
            let made = self.post("/call/make", i, json!({"Phone": other(i)})).await?;
            calls.push(made["data"]["callID"].as_str().context("no call")?.to_owned());
        }
        let until = Instant::now() + ACTIVE_MAX;
        for (i, call) in calls.iter().enumerate() {
            while self.status(i, call).await?["state"] != "active" {
                if Instant::now() >= until {
                    bail!("call {i} is {}", self.status(i, call).await?);
                }
                sleep(LOOK).await;
            }
        }
        Ok(calls)
    }

    pub async fn status(&self, i: usize, call: &str) -> Result<Value> {
        let url = format!("{}/call/status?CallID={call}", self.gateway.url());
        Ok(self.fleet.ask(Method::GET, &url, &token(i), Value::Null).await?["data"]["calls"][0].clone())
    }

    /// From now on phone `i` counts how often it hears that tone.
    pub async fn expect(&self, i: usize, tone: &str) -> Result<()> {
        self.fleet.on_network(&format!("phones/{}/call/expect", other(i)), json!({"play": tone})).await.map(|_| ())
    }

    /// What phone `i` hears.
    pub async fn heard(&self, i: usize) -> Result<Value> {
        let url = format!("{}/phones/{}/calls", self.fleet.network(), other(i));
        let calls = self.fleet.ask(Method::GET, &url, "", Value::Null).await?;
        Ok(calls.as_array().and_then(|calls| calls.last()).context("no call on the phone")?["heard"].clone())
    }

    /// Until what was begun or ended is so everywhere.
    pub async fn settle(&self) {
        sleep(SETTLES).await;
    }

    pub async fn hang_up(&self, calls: &[String]) -> Result<()> {
        for (i, call) in calls.iter().enumerate() {
            self.post("/call/hangup", i, json!({"CallID": call})).await?;
        }
        self.settle().await;
        Ok(())
    }

    pub fn stop(self) -> Result<()> {
        self.gateway.stop()?;
        self.network.stop()
    }
}

//! What calls cost, and how well they are heard: each session calls a phone of its own, over the network's relay.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    figure::{Usage, say},
    fleet::{Fleet, token},
    process::Process,
};

/// For all calls together to be answered.
const ACTIVE_MAX: Duration = Duration::from_secs(60);
/// Until sound that began or ended is in every buffer of the way.
const SETTLES: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(200);
/// What phones say.
const TOLD: &str = "tone:1000:-15";
/// What the gateway's own tone is heard as.
const TONE: &str = "tone:440:-12";

#[derive(Args)]
pub struct Calls {
    /// A release build of `wago` with the feature `sandbox`.
    wago: PathBuf,
    /// Calls that go on at once.
    #[arg(long, default_value_t = 50)]
    calls: usize,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Of 1, of packets in each direction.
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// Each packet comes later by 0 to so much.
    #[arg(long, default_value_t = 0)]
    jitter_ms: u64,
}

/// What is joined to the calls.
struct Leg {
    name: &'static str,
    body: fn(&str) -> Value,
    /// What the phone should hear.
    expects: &'static str,
}

const LEGS: [Leg; 3] = [
    Leg { name: "nothing joined", body: |call| json!({"CallID": call}), expects: "silence" },
    Leg { name: "a tone (encoded)", body: |call| json!({"CallID": call, "Tone": 440}), expects: TONE },
    Leg { name: "an echo (decoded, encoded)", body: |call| json!({"CallID": call, "Echo": true}), expects: TOLD },
];

pub async fn run(args: Calls) -> Result<()> {
    let data = tempfile::tempdir().context("no place for the data")?;
    let folder = |name: &str| data.path().join(name).display().to_string();
    let network = Process::start(&args.wago, ["network", "--port", "0", "--seed", "1", "--data", &folder("network")])?;
    let flags = ["sandbox", "--port", "0", "--log", "warn", "--network", network.url(), "--data", &folder("gateway")];
    let gateway = Process::start(&args.wago, flags)?;
    let fleet = Fleet::new(network.url(), 8);
    fleet.link(gateway.url(), 0..args.calls).await?;
    fleet
        .each(0..args.calls, async |i| {
            fleet.phone(&other(i)).await?;
            let auto = json!({"then": "answer", "play": TOLD});
            fleet.on_network(&format!("phones/{}/call/auto", other(i)), auto).await.map(|_| ())
        })
        .await?;
    fleet.online(gateway.url(), args.calls).await?;
    if args.loss > 0.0 || args.jitter_ms > 0 {
        let trouble = json!({"loss": args.loss, "jitterMs": args.jitter_ms, "seed": 1});
        fleet.ask(Method::POST, &format!("{}/relay", network.url()), "", trouble).await.map(|_| ()).or_else(nothing)?;
    }
    let bench = Bench { fleet, gateway, args };
    // The first calls load what later ones share.
    let calls = bench.make().await?;
    bench.hang_up(&calls).await?;
    let before = bench.usage()?;
    for leg in &LEGS {
        bench.measure(leg).await?;
    }
    let after = bench.usage()?;
    say("memory before the calls, and after all of them", before.rss_mib(), "MiB");
    say("", after.rss_mib(), "MiB");
    say("file handles before the calls, and after", before.handles as f64, "");
    say("", after.handles as f64, "");
    bench.gateway.stop()?;
    network.stop()
}

/// The network answers some requests with no body.
fn nothing(error: anyhow::Error) -> Result<()> {
    if error.to_string().contains("no JSON") { Ok(()) } else { Err(error) }
}

/// The number of the phone that session `i` calls.
fn other(i: usize) -> String {
    format!("1888{i:07}")
}

struct Bench {
    fleet: Fleet,
    gateway: Process,
    args: Calls,
}

impl Bench {
    fn usage(&self) -> Result<Usage> {
        Usage::of(self.gateway.id())
    }

    async fn post(&self, path: &str, i: usize, body: Value) -> Result<Value> {
        self.fleet.ask(Method::POST, &format!("{}{path}", self.gateway.url()), &token(i), body).await
    }

    /// All calls, once both ends hear each other.
    async fn make(&self) -> Result<Vec<String>> {
        let mut calls = Vec::new();
        for i in 0..self.args.calls {
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

    async fn status(&self, i: usize, call: &str) -> Result<Value> {
        let url = format!("{}/call/status?CallID={call}", self.gateway.url());
        Ok(self.fleet.ask(Method::GET, &url, &token(i), Value::Null).await?["data"]["calls"][0].clone())
    }

    async fn hang_up(&self, calls: &[String]) -> Result<()> {
        for (i, call) in calls.iter().enumerate() {
            self.post("/call/hangup", i, json!({"CallID": call})).await?;
        }
        sleep(SETTLES).await;
        Ok(())
    }

    async fn measure(&self, leg: &Leg) -> Result<()> {
        let count = self.args.calls as f64;
        let idle = self.usage()?;
        let calls = self.make().await?;
        for (i, call) in calls.iter().enumerate() {
            self.post("/call/test", i, (leg.body)(call)).await?;
        }
        sleep(SETTLES).await;
        for i in (0..calls.len()).filter(|_| leg.expects != "silence") {
            self.fleet.on_network(&format!("phones/{}/call/expect", other(i)), json!({"play": leg.expects})).await?;
        }
        let (before, started) = (self.usage()?, Instant::now());
        sleep(Duration::from_secs(self.args.seconds)).await;
        let (after, seconds) = (self.usage()?, started.elapsed().as_secs_f64());
        let (mut good, mut expected, mut worst) = (0, 0, 1.0_f64);
        for i in 0..calls.len() {
            let heard = self.heard(i).await?;
            let number = |field: &str| heard[field].as_u64().unwrap_or_default();
            (good, expected) = (good + number("good"), expected + number("expected"));
            worst = worst.min(number("good") as f64 / number("expected").max(1) as f64);
        }
        let (mut lost, mut late, mut came) = (0, 0, 0);
        for (i, call) in calls.iter().enumerate() {
            let stats = self.status(i, call).await?["stats"].clone();
            let number = |field: &str| stats[field].as_u64().unwrap_or_default();
            (lost, late, came) =
                (lost + number("lostPackets"), late + number("latePackets"), came + number("heardPackets"));
        }
        let name = leg.name;
        let processor = (after.processor_s - before.processor_s) / seconds;
        say(&format!("{name}: processors, all calls"), processor, "");
        say(&format!("{name}: of a processor, each call"), processor / count * 100.0, "%");
        say(&format!("{name}: memory of a call"), (after.rss_mib() - idle.rss_mib()) / count * 1024.0, "KiB");
        say(&format!("{name}: file handles of a call"), (after.handles - idle.handles) as f64 / count, "");
        if leg.expects != "silence" {
            say(&format!("{name}: phones hear it"), good as f64 / expected.max(1) as f64 * 100.0, "% of 60 ms");
            say(&format!("{name}: the worst call"), worst * 100.0, "% of 60 ms");
        }
        if came > 0 && lost > 0 {
            say(&format!("{name}: lost on the way here"), lost as f64 / (came + lost) as f64 * 100.0, "%");
            say(&format!("{name}: of that too late"), late as f64 / (came + lost) as f64 * 100.0, "%");
        }
        self.hang_up(&calls).await
    }

    async fn heard(&self, i: usize) -> Result<Value> {
        let url = format!("{}/phones/{}/calls", self.fleet.network(), other(i));
        let calls = self.fleet.ask(Method::GET, &url, "", Value::Null).await?;
        Ok(calls.as_array().and_then(|calls| calls.last()).context("no call on the phone")?["heard"].clone())
    }
}

//! How fast events get to their webhooks, on either engine and at several sizes, and what a dead receiver costs the others.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use reqwest::Method;
use serde_json::json;
use tokio::{net::TcpListener, time::interval};

use crate::{
    figure::{Usage, say},
    fleet::{Fleet, number, token},
    process::Process,
    receiver::{Receiver, now_us},
};

/// Phones that write.
const WRITERS: usize = 20;

#[derive(Args)]
pub struct Deliveries {
    /// A release build of `wago` with the feature `sandbox`.
    wago: PathBuf,
    /// How many sessions there are, one run for each number.
    #[arg(long, value_delimiter = ',', default_value = "1,50,500")]
    sessions: Vec<usize>,
    /// Messages sent as fast as they go.
    #[arg(long, default_value_t = 5_000)]
    messages: usize,
    /// Messages a second while latency is measured.
    #[arg(long, default_value_t = 200)]
    rate: u64,
    /// Messages whose latency is measured.
    #[arg(long, default_value_t = 2_000)]
    timed: usize,
    /// Requests that are open at once.
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    /// Empty PostgreSQL databases, one for each number of sessions, for a round on them in place of SQLite.
    #[arg(long, value_delimiter = ',')]
    postgres: Vec<String>,
}

pub async fn run(args: Deliveries) -> Result<()> {
    let databases = args.postgres.len();
    // A database belongs to the key of the gateway that made it, and each round has a gateway of its own.
    ensure!(databases == 0 || databases == args.sessions.len(), "as many databases as numbers of sessions are needed");
    for (at, sessions) in args.sessions.iter().enumerate() {
        ensure!(*sessions > 0, "--sessions must be at least 1 each");
        one(&args, *sessions, args.postgres.get(at).map(String::as_str)).await?;
    }
    Ok(())
}

async fn one(args: &Deliveries, sessions: usize, postgres: Option<&str>) -> Result<()> {
    let engine = if postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    println!("-- {engine}, {sessions} sessions");
    let data = tempfile::tempdir().context("no place for the gateway's data")?;
    let network = Process::start(&args.wago, ["network", "--ephemeral", "--port", "0", "--seed", "1"])?;
    let mut flags = vec![
        "sandbox".to_owned(),
        "--port=0".to_owned(),
        format!("--network={}", network.url()),
        format!("--data={}", data.path().display()),
        "--log=off".to_owned(),
    ];
    flags.extend(postgres.map(|url| format!("--database={url}")));
    let gateway = Process::start(&args.wago, flags)?;
    let fleet = Fleet::new(network.url(), args.concurrency);
    fleet.link(gateway.url(), 0..sessions).await?;
    fleet.online(gateway.url(), sessions).await?;
    fleet.each(0..WRITERS, async |i| fleet.phone(&writer(i)).await).await?;

    let receiver = Receiver::start().await?;
    let webhooks = format!("{}/webhooks", gateway.url());
    let set = async |i: usize, url: &str| {
        let webhook = json!({"URL": url, "Events": ["Message"], "Format": "json"});
        fleet.ask(Method::POST, &webhooks, &token(i), webhook).await.map(|_| ())
    };
    fleet.each(0..sessions, async |i| set(i, &receiver.url).await).await?;
    let round = Round { args, fleet: &fleet, gateway: &gateway, receiver: &receiver, sessions };
    // The first message of a pair sets up its encryption, which would be measured instead.
    round.send(sessions.max(WRITERS) * WRITERS).await?;
    round.measure("").await?;

    // It takes connections and never answers.
    let dead = TcpListener::bind(("127.0.0.1", 0)).await?;
    let dead_url = format!("http://{}/", dead.local_addr()?);
    let swallow = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = dead.accept().await {
            taken.push(stream);
        }
    });
    fleet.each(0..sessions, async |i| set(i, &dead_url).await).await?;
    round.measure(", beside a dead receiver").await?;
    swallow.abort();

    let delete = format!("{}/session/delete", gateway.url());
    fleet.each(0..sessions, async |i| fleet.delete(&delete, &token(i)).await).await?;
    gateway.stop()?;
    network.stop()
}

fn writer(i: usize) -> String {
    format!("1888{:07}", i % WRITERS)
}

struct Round<'a> {
    args: &'a Deliveries,
    fleet: &'a Fleet,
    gateway: &'a Process,
    receiver: &'a Receiver,
    sessions: usize,
}

impl Round<'_> {
    async fn measure(&self, beside: &str) -> Result<()> {
        let before = Usage::of(self.gateway.id())?.processor_s;
        let started = Instant::now();
        self.send(self.args.messages).await?;
        let seconds = started.elapsed().as_secs_f64();
        let processor = Usage::of(self.gateway.id())?.processor_s - before;
        say(&format!("events a second{beside}"), self.args.messages as f64 / seconds, "");
        say(&format!("processor time of an event{beside}"), processor / self.args.messages as f64 * 1_000.0, "ms");

        self.receiver.take_latencies();
        self.pace(self.args.timed).await?;
        let mut latencies = self.receiver.take_latencies();
        latencies.sort_unstable();
        let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize] as f64 / 1_000.0;
        let rate = self.args.rate;
        say(&format!("latency at {rate}/s, p50{beside}"), at(0.5), "ms");
        say(&format!("latency at {rate}/s, p99{beside}"), at(0.99), "ms");
        Ok(())
    }

    /// As fast as they go, until all are delivered.
    async fn send(&self, messages: usize) -> Result<()> {
        let before = self.receiver.count();
        self.fleet.each(0..messages, async |i| self.message(i).await).await?;
        self.receiver.received(before + messages).await
    }

    /// At a steady rate, whatever comes of those before.
    async fn pace(&self, messages: usize) -> Result<()> {
        let before = self.receiver.count();
        let mut ticks = interval(Duration::from_secs_f64(1.0 / self.args.rate as f64));
        let mut sends = FuturesUnordered::new();
        for i in 0..messages {
            // Those on their way go on until the next one's time has come.
            loop {
                tokio::select! {
                    _ = ticks.tick() => break,
                    Some(sent) = sends.next() => sent?,
                }
            }
            sends.push(self.message(i));
        }
        while let Some(sent) = sends.next().await {
            sent?;
        }
        self.receiver.received(before + messages).await
    }

    async fn message(&self, i: usize) -> Result<()> {
        let to = number(i % self.sessions);
        let path = format!("phones/{}/send", writer(i / self.sessions + i));
        self.fleet.on_network(&path, json!({"to": to, "text": now_us().to_string()})).await.map(|_| ())
    }
}

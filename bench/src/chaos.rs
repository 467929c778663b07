//! Does anything get lost? A gateway under load is killed again and again, while its webhooks' receivers misbehave in
//! every way that receivers do; afterwards each event must have arrived at each of them, in order per chat.
//!
//! All chance comes from one seed, which is printed and can be given again.

mod ledger;
mod load;
mod receivers;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use load::Load;
use receivers::Receivers;

use crate::process::Process;

#[derive(Args)]
pub struct Chaos {
    /// A build of `wago` with the feature `sandbox`.
    wago: PathBuf,
    /// Where chance begins; without it a new one each time, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// How often the gateway is killed.
    #[arg(long, default_value_t = 300)]
    kills: usize,
    /// Sessions, each with a phone and four webhooks.
    #[arg(long, default_value_t = 4)]
    sessions: usize,
    /// Milliseconds that the gateway lives at most before it is killed, from its start.
    #[arg(long, default_value_t = 1_500)]
    life: u64,
    /// Milliseconds between two messages of a phone.
    #[arg(long, default_value_t = 20)]
    pace: u64,
    /// Seconds that everything may take to arrive after the last kill.
    #[arg(long, default_value_t = 120)]
    patience: u64,
    /// The gateway's database; without it SQLite in a directory of its own.
    #[arg(long)]
    database: Option<String>,
    /// What the gateway logs.
    #[arg(long, default_value = "off")]
    log: String,
}

pub async fn run(args: Chaos) -> Result<()> {
    let seed = args.seed.unwrap_or_else(rand::random);
    println!("seed {seed}: {} kills, {} sessions", args.kills, args.sessions);
    kill(&args, seed).await.with_context(|| format!("with --seed {seed}"))
}

async fn kill(args: &Chaos, seed: u64) -> Result<()> {
    let mut chance = StdRng::seed_from_u64(seed);
    let data = tempfile::tempdir().context("no place for the data")?;
    let network_data = data.path().join("network").display().to_string();
    let network = Process::start(&args.wago, ["network", "--port", "0", "--seed", "1", "--data", &network_data])?;
    let receivers = Receivers::start(chance.random()).await?;
    let load = Arc::new(Load::new(network.url(), args.sessions));

    let gateway = start(args, data.path(), network.url(), true)?;
    load.prepare(gateway.url(), &receivers).await?;
    let mut gateway = Some(gateway);
    let sending = load.clone().send(Duration::from_millis(args.pace), chance.random());

    let started = Instant::now();
    for kill in 1..=args.kills {
        let life = Duration::from_millis(chance.random_range(0..=args.life));
        tokio::time::sleep(life).await;
        load.gateway_is_gone();
        // As `kill -9` does: nothing of it runs on.
        drop(gateway.take());
        receivers.change(&mut chance);
        // Now and then the receivers are addresses that may not be used.
        let private = !chance.random_bool(0.1);
        let next = start(args, data.path(), network.url(), private)?;
        load.gateway_is_at(next.url());
        // Webhooks that were paused because their receiver said 410 come back.
        load.resume().await;
        gateway = Some(next);
        if kill % 50 == 0 {
            println!("{kill} kills, {} messages, {} deliveries", load.sent(), receivers.count());
        }
    }
    drop(gateway.take());
    receivers.behave();
    let last = start(args, data.path(), network.url(), true)?;
    load.gateway_is_at(last.url());
    load.resume().await;
    let ledger = load.finish(sending).await?;
    let loaded = started.elapsed();

    let waiting = Instant::now();
    let patience = Duration::from_secs(args.patience);
    ledger.arrives(&receivers, patience).await?;
    ledger.is_in_order(&receivers)?;
    load.nothing_waits(patience).await?;
    ledger.is_in_the_log(&load).await?;
    println!(
        "nothing lost, nothing out of order: {} kills in {:.0} s, {} messages, {} deliveries ({} of them again), the last {:.1} s after the end",
        args.kills,
        loaded.as_secs_f64(),
        ledger.messages(),
        receivers.count(),
        receivers.repeated(),
        waiting.elapsed().as_secs_f64(),
    );
    println!("1 passed, 0 failed");
    last.stop()?;
    network.stop()
}

fn start(args: &Chaos, data: &Path, network: &str, private: bool) -> Result<Process> {
    let gateway = data.join("gateway").display().to_string();
    // Many short waits: what fails is tried again soon, and is not given up.
    let waits = vec!["0.1"; 100].join(",");
    let mut flags = vec![
        "sandbox".to_owned(),
        "--port=0".to_owned(),
        format!("--network={network}"),
        format!("--data={gateway}"),
        format!("--log={}", args.log),
        format!("--webhook-retries={waits}"),
        format!("--allow-private-webhooks={private}"),
    ];
    flags.extend(args.database.iter().map(|url| format!("--database={url}")));
    let process = Process::start(&args.wago, flags)?;
    ensure!(!process.url().is_empty(), "the gateway says not where it is");
    Ok(process)
}

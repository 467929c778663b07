//! What a gateway costs: memory and file handles of a session, messages a second in both directions, time to come back.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::{
    figure::{Usage, say},
    fleet::Fleet,
    process::Process,
    receiver::Receiver,
    traffic::Traffic,
};

#[derive(Args)]
pub struct Cost {
    /// A release build of `wago` with the feature `sandbox`.
    wago: PathBuf,
    /// Sessions to link.
    #[arg(long, default_value_t = 1_000)]
    sessions: usize,
    /// Sessions at which memory is measured first; what each one costs is told from the difference.
    #[arg(long, default_value_t = 100)]
    few: usize,
    /// Messages to send in each direction; 0 leaves traffic out.
    #[arg(long, default_value_t = 5_000)]
    messages: usize,
    /// Sessions among which the messages are spread.
    #[arg(long, default_value_t = 100)]
    busy: usize,
    /// Requests that are open at once.
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    /// Seconds of rest before memory is measured.
    #[arg(long, default_value_t = 10)]
    rest: u64,
    /// What the gateway logs, as its own flag takes it.
    #[arg(long, default_value = "warn")]
    log: String,
    /// A flag for `wago sandbox`, as `--gateway=--dialling=64`.
    #[arg(long = "gateway")]
    gateway: Vec<String>,
}

pub async fn run(args: Cost) -> Result<()> {
    ensure!(args.few < args.sessions, "--few must be less than --sessions");
    ensure!((1..=args.few).contains(&args.busy), "--busy must be from 1 to --few");
    ensure!(args.concurrency > 0, "--concurrency must be at least 1");

    let data = tempfile::tempdir().context("no place for the gateway's data")?;
    let flags = ["network", "--ephemeral", "--port", "0", "--seed", "1"];
    let network = Process::start(&args.wago, flags)?;
    let gateway_flags = || {
        let fixed = ["sandbox", "--port", "0", "--network"];
        let place = ["--data".into(), data.path().display().to_string()];
        fixed
            .map(str::to_owned)
            .into_iter()
            .chain([network.url().to_owned()])
            .chain(place)
            .chain(["--log".into(), args.log.clone()])
            .chain(args.gateway.clone())
    };
    let gateway = Process::start(&args.wago, gateway_flags())?;
    let fleet = Fleet::new(network.url(), args.concurrency);
    let rest = Duration::from_secs(args.rest);

    let empty = Usage::of(gateway.id())?;
    say_usage("no sessions", &empty);

    fleet.link(gateway.url(), 0..args.few).await?;
    fleet.online(gateway.url(), args.few).await?;
    tokio::time::sleep(rest).await;
    let few = Usage::of(gateway.id())?;
    say_usage(&format!("{} sessions", args.few), &few);

    let started = Instant::now();
    fleet.link(gateway.url(), args.few..args.sessions).await?;
    fleet.online(gateway.url(), args.sessions).await?;
    let linked = args.sessions - args.few;
    say("sessions linked a second", linked as f64 / started.elapsed().as_secs_f64(), "");
    tokio::time::sleep(rest).await;
    let many = Usage::of(gateway.id())?;
    say_usage(&format!("{} sessions", args.sessions), &many);
    say_marginal("freshly linked", &few, &many, linked);

    gateway.stop()?;
    let gateway = Process::start(&args.wago, gateway_flags())?;
    fleet.online(gateway.url(), args.sessions).await?;
    say(&format!("start to {} sessions online", args.sessions), gateway.started().elapsed().as_secs_f64(), "s");
    let busy = Usage::of(gateway.id())?;
    say("processor time of that start", busy.processor_s, "s");
    tokio::time::sleep(rest).await;
    let back = Usage::of(gateway.id())?;
    say_usage(&format!("{} sessions after a restart", args.sessions), &back);
    say_marginal("after a restart", &empty, &back, args.sessions);

    if args.messages > 0 {
        let receiver = Receiver::start().await?;
        let traffic = Traffic { fleet: &fleet, gateway: &gateway, sessions: args.busy, messages: args.messages };
        traffic.inward(&receiver).await?;
        traffic.outward().await?;
        let after = Usage::of(gateway.id())?;
        say_usage("after the traffic", &after);
    }
    gateway.stop()?;
    network.stop()
}

fn say_usage(when: &str, usage: &Usage) {
    say(&format!("{when}: VmRSS"), usage.rss_mib(), "MiB");
    say(&format!("{when}: Pss"), usage.pss_mib(), "MiB");
    say(&format!("{when}: file handles"), usage.handles as f64, "");
    say(&format!("{when}: threads"), usage.threads as f64, "");
}

/// What each of `sessions` more costs.
fn say_marginal(which: &str, less: &Usage, more: &Usage, sessions: usize) {
    let each = |less: f64, more: f64| (more - less) / sessions as f64;
    let rss = each(less.rss_mib(), more.rss_mib());
    let pss = each(less.pss_mib(), more.pss_mib());
    let handles = each(less.handles as f64, more.handles as f64);
    say(&format!("a session, {which}: VmRSS"), rss, "MiB");
    say(&format!("a session, {which}: Pss"), pss, "MiB");
    say(&format!("a session, {which}: file handles"), handles, "");
}

//! What calls cost, and how well they are heard: each session calls a phone of its own, over the network's relay.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    callers::{Callers, TOLD, TONE, Trouble},
    figure::say,
};

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
    #[command(flatten)]
    trouble: Trouble,
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
    let callers = Callers::start(&args.wago, args.calls, args.trouble).await?;
    // The first calls load what later ones share.
    let calls = callers.make().await?;
    callers.hang_up(&calls).await?;
    let before = callers.usage()?;
    for leg in &LEGS {
        measure(&callers, leg, args.seconds).await?;
    }
    let after = callers.usage()?;
    say("memory before the calls, and after all of them", before.rss_mib(), "MiB");
    say("", after.rss_mib(), "MiB");
    say("file handles before the calls, and after", before.handles as f64, "");
    say("", after.handles as f64, "");
    callers.stop()
}

async fn measure(callers: &Callers, leg: &Leg, seconds: u64) -> Result<()> {
    let count = callers.count as f64;
    let idle = callers.usage()?;
    let calls = callers.make().await?;
    for (i, call) in calls.iter().enumerate() {
        callers.post("/call/test", i, (leg.body)(call)).await?;
    }
    callers.settle().await;
    for i in (0..calls.len()).filter(|_| leg.expects != "silence") {
        callers.expect(i, leg.expects).await?;
    }
    let (before, started) = (callers.usage()?, Instant::now());
    sleep(Duration::from_secs(seconds)).await;
    let (after, seconds) = (callers.usage()?, started.elapsed().as_secs_f64());
    let (mut good, mut expected, mut worst) = (0, 0, 1.0_f64);
    for i in 0..calls.len() {
        let heard = callers.heard(i).await?;
        let number = |field: &str| heard[field].as_u64().unwrap_or_default();
        (good, expected) = (good + number("good"), expected + number("expected"));
        worst = worst.min(number("good") as f64 / number("expected").max(1) as f64);
    }
    let (mut lost, mut late, mut came) = (0, 0, 0);
    for (i, call) in calls.iter().enumerate() {
        let stats = callers.status(i, call).await?["stats"].clone();
        let number = |field: &str| stats[field].as_u64().unwrap_or_default();
        (lost, late, came) =
            (lost + number("lostPackets"), late + number("latePackets"), came + number("heardPackets"));
    }
    let name = leg.name;
    let processor = (after.processor_s - before.processor_s) / seconds;
    say(&format!("{name}: processors, all calls"), processor, "");
    say(&format!("{name}: of a processor, each call"), processor / count * 100.0, "%");
    say(&format!("{name}: memory of a call"), (after.rss_mib() - idle.rss_mib()) / count * 1024.0, "KiB");
    say(&format!("{name}: file handles of a call"), (after.handles as f64 - idle.handles as f64) / count, "");
    if leg.expects != "silence" {
        say(&format!("{name}: phones hear it"), good as f64 / expected.max(1) as f64 * 100.0, "% of 60 ms");
        say(&format!("{name}: the worst call"), worst * 100.0, "% of 60 ms");
    }
    if came > 0 && lost > 0 {
        say(&format!("{name}: lost on the way here"), lost as f64 / (came + lost) as f64 * 100.0, "%");
        say(&format!("{name}: of that too late"), late as f64 / (came + lost) as f64 * 100.0, "%");
    }
    callers.hang_up(&calls).await
}

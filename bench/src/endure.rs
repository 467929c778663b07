//! Is a long call over a bad network still understood, and does it leave nothing behind? One call, in which both ends say a
//! tone all the time, while the relay loses packets and delivers others late.
//!
//! What is heard is measured in pieces of 60 ms: a piece is good if the tone is there within 3 dB of its level. Speech with
//! 90 % of such pieces, the rest made up of what was before, is understood without effort.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::json;
use tokio::time::{Instant, sleep};
use wago_media::tone::level_at;

use crate::{
    callers::{Callers, TONE, Trouble},
    figure::say,
};

/// Samples of 60 ms at 16 kHz.
const PIECE: usize = 960;
/// Bytes before the samples of a WAV file.
const HEAD: usize = 44;
/// What phones say, in Hz and dB.
const TOLD: (f32, f32) = (1_000.0, -15.0);
const NEAR: f32 = 3.0;
/// What memory may grow by between the first minute of a call and its end: less than the sound of half a minute.
const GROWTH_MIB: f64 = 4.0;
/// After which memory is what it is.
const WARM: Duration = Duration::from_secs(60);
/// For a call that is over to let go of all it had.
const LETS_GO: Duration = Duration::from_secs(30);

#[derive(Args)]
pub struct Endure {
    /// A build of `wago` with the feature `sandbox`.
    wago: PathBuf,
    /// How long the call lasts; it is looked at from its first minute on.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    #[command(flatten)]
    trouble: Trouble,
    /// How many percent of the pieces have to be good, in each direction.
    #[arg(long, default_value_t = 90.0)]
    least: f64,
}

pub async fn run(args: Endure) -> Result<()> {
    let callers = Callers::start(&args.wago, 1, args.trouble).await?;
    // The first call loads what later ones share.
    let calls = callers.make().await?;
    callers.hang_up(&calls).await?;
    let idle = callers.usage()?;

    let calls = callers.make().await?;
    let call = calls.first().context("no call")?;
    callers.post("/call/test", 0, json!({"CallID": call, "Tone": 440})).await?;
    callers.settle().await;
    callers.expect(0, TONE).await?;
    let record = json!({"CallID": call, "What": "inbound", "Format": "wav"});
    let recording = callers.post("/call/recording/start", 0, record).await?;
    let recording = recording["data"]["id"].as_str().context("no recording")?.to_owned();
    let end = Instant::now() + Duration::from_secs(args.seconds);
    sleep(WARM.min(Duration::from_secs(args.seconds))).await;
    let warm = callers.usage()?;
    tokio::time::sleep_until(end).await;
    let last = callers.usage()?;

    let heard = callers.heard(0).await?;
    let number = |field: &str| heard[field].as_f64().unwrap_or_default();
    let there = number("good") / number("expected").max(1.0) * 100.0;
    let stats = callers.status(0, call).await?["stats"].clone();
    callers.post("/call/recording/stop", 0, json!({"CallID": call})).await?;
    callers.settle().await;
    let file = callers.get(&format!("/call/recordings/{recording}"), 0).await?;
    let (good, pieces) = pieces(&file);
    let here = good as f64 / pieces.max(1) as f64 * 100.0;
    callers.hang_up(&calls).await?;
    let left = let_go(&callers, idle.handles).await?;

    say("heard at the phone", there, "% of 60 ms");
    say("heard at the gateway", here, "% of 60 ms");
    say("pieces that were looked at here", pieces as f64, "");
    for (what, field) in [("packets that came", "heardPackets"), ("lost", "lostPackets"), ("late", "latePackets")] {
        say(what, stats[field].as_f64().unwrap_or_default(), "");
    }
    say("the wait for what is late", stats["jitterMs"].as_f64().unwrap_or_default(), "ms");
    say("memory after the first minute, and at the end", warm.rss_mib(), "MiB");
    say("", last.rss_mib(), "MiB");
    say("file handles before the call, in it, and after", idle.handles as f64, "");
    say("", last.handles as f64, "");
    say("", left as f64, "");
    let expected = args.seconds * 1_000 / 60;
    ensure!(pieces as u64 >= expected * 99 / 100, "only {pieces} pieces of {expected} were recorded");
    ensure!(there >= args.least && here >= args.least, "less than {} % is good", args.least);
    ensure!(last.rss_mib() - warm.rss_mib() <= GROWTH_MIB, "memory grows with the call");
    ensure!(left <= idle.handles, "file handles stay behind");
    println!("1 passed, 0 failed");
    callers.stop()
}

/// Good ones, and all.
fn pieces(wav: &[u8]) -> (usize, usize) {
    let samples: Vec<i16> =
        wav.get(HEAD..).unwrap_or_default().chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    let is_good = |piece: &&[i16]| (level_at(piece, TOLD.0) - TOLD.1).abs() <= NEAR;
    (samples.chunks_exact(PIECE).filter(is_good).count(), samples.len() / PIECE)
}

/// File handles, once they are as few as before, or do not get fewer.
async fn let_go(callers: &Callers, wanted: usize) -> Result<usize> {
    let until = Instant::now() + LETS_GO;
    loop {
        let handles = callers.usage()?.handles;
        if handles <= wanted || Instant::now() >= until {
            return Ok(handles);
        }
        sleep(Duration::from_secs(1)).await;
    }
}

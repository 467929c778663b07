//! Measures a gateway, and tries to make it lose something.
//!
//! Gateway, network and this program are three processes, so that the gateway's figures are its own.

mod callers;
mod calls;
mod chaos;
mod codec;
mod cost;
mod deliveries;
mod endure;
mod figure;
mod fleet;
mod media;
mod process;
mod receiver;
mod traffic;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(about = "Measures a gateway against a simulated network")]
enum Command {
    /// What sessions and messages cost.
    Cost(cost::Cost),
    /// How fast events get to their webhooks, and what a dead receiver costs the others.
    Deliveries(deliveries::Deliveries),
    /// What files cost, and how much memory they take on their way.
    Media(media::Media),
    /// What calls cost, and how well they are heard.
    Calls(calls::Calls),
    /// Whether a long call over a bad network is still understood, and leaves nothing behind.
    Endure(endure::Endure),
    /// What the codecs of calls cost, by themselves.
    Codec(codec::Codec),
    /// Whether anything gets lost when the gateway is killed again and again.
    Chaos(chaos::Chaos),
}

#[tokio::main]
async fn main() -> Result<()> {
    // An error means that there is one already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Command::parse() {
        Command::Cost(args) => cost::run(args).await,
        Command::Deliveries(args) => deliveries::run(args).await,
        Command::Media(args) => media::run(args).await,
        Command::Calls(args) => calls::run(args).await,
        Command::Endure(args) => endure::run(args).await,
        Command::Codec(args) => codec::run(&args),
        Command::Chaos(args) => chaos::run(args).await,
    }
}

//! `wago network`: the simulated network alone, so that gateways can come and go while it lives.

use std::{io::Write, net::SocketAddr};

use wago_sandbox::{Network, Options};

use crate::{cli::NetworkFlags, error::Error, home::Home, lifecycle::Running};

pub struct Alone {
    network: Network,
    _home: Option<Home>,
}

pub async fn network(flags: NetworkFlags, terminal: &mut (dyn Write + Send)) -> Result<Alone, Error> {
    let home = match flags.ephemeral {
        true => None,
        false => Some(Home::claim(&flags.data)?),
    };
    let network = start(SocketAddr::new(flags.address, flags.port), home.as_ref(), flags.seed).await?;
    writeln!(terminal, "ready {}", network.url())?;
    terminal.flush()?;
    Ok(Alone { network, _home: home })
}

/// Starts a network whose state lies in `home`, or in memory.
pub async fn start(listen: SocketAddr, home: Option<&Home>, seed: Option<u64>) -> Result<Network, Error> {
    let seed = seed.unwrap_or_else(rand::random);
    tracing::info!(seed, "network's seed");
    let options = Options { listen, data: home.map(|home| home.path().to_owned()), seed };
    Network::start(options)
        .await
        .map_err(|error| Error::Network(format!("the simulated network cannot start: {error}")))
}

impl Running for Alone {
    async fn ended(&self) {
        std::future::pending().await
    }

    async fn stop(self) {
        self.network.stop().await;
    }
}

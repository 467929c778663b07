//! `wago sandbox`: the gateway, connected to a simulated network with virtual phones.

mod remote;
mod tour;

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use secrecy::ExposeSecret as _;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wago_sandbox::Network;
use wago_session::QrShown;

use crate::{
    admin,
    config::Config,
    error::Error,
    home::Home,
    lifecycle::{Gateway, Running, Upstream},
    network,
};
use remote::{Remote, Screen};

/// The phones that the tour speaks of: number and name.
const PHONES: [(&str, &str); 2] = [("+15550000001", "Alice"), ("+15550000002", "Bob")];
/// QR codes on their way to the network's page. At the bound new ones are left out: the page then lacks a code that
/// `/session/qr` still shows.
const SCREENS_MAX: usize = 256;

/// A gateway with the network that it is connected to.
pub struct Sandbox {
    gateway: Gateway,
    /// `None` if it runs elsewhere.
    network: Option<Network>,
    network_url: String,
    screens: TaskTracker,
    stop: CancellationToken,
    _network_home: Option<Home>,
}

impl Sandbox {
    pub async fn start(config: &Config, terminal: &mut (dyn Write + Send)) -> Result<Self, Error> {
        admin::check(config)?;
        let home = match config.network.ephemeral {
            true => None,
            false => Some(Home::claim(&config.data)?),
        };
        let (network, network_home) = match (&config.network.attach, &home) {
            (Some(_), _) => (None, None),
            (None, home) => {
                // A directory of its own, so that `wago network --data` can go on with it.
                let home = match home {
                    Some(home) => Some(Home::claim(&home.path().join("network"))?),
                    None => None,
                };
                // Whoever reaches the network drives its phones, so only this machine does.
                let listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), config.network.port);
                let network = network::start(listen, home.as_ref(), config.network.seed).await?;
                (Some(network), home)
            }
        };
        let network_url = match (&network, &config.network.attach) {
            (Some(network), _) => network.url(),
            (None, attach) => attach.clone().unwrap_or_default(),
        };

        let remote = Remote::new(&network_url)?;
        for (number, name) in PHONES {
            remote.make_phone(number, name).await?;
        }
        let stop = CancellationToken::new();
        let screens = TaskTracker::new();
        let qr_shown = show_screens(remote, &screens, stop.clone());
        let upstream = Upstream::sandbox(network_url.clone(), qr_shown);
        let gateway = Gateway::start(config, home, upstream, terminal).await?;
        Ok(Self { gateway, network, network_url, screens, stop, _network_home: network_home })
    }

    pub fn url(&self) -> String {
        self.gateway.url()
    }

    pub fn network_url(&self) -> &str {
        &self.network_url
    }
}

impl Running for Sandbox {
    async fn ended(&self) {
        self.gateway.ended().await;
    }

    async fn stop(self) {
        self.gateway.stop().await;
        self.stop.cancel();
        self.screens.close();
        self.screens.wait().await;
        if let Some(network) = self.network {
            network.stop().await;
        }
    }
}

pub async fn sandbox(config: Config, terminal: &mut (dyn Write + Send)) -> Result<Sandbox, Error> {
    let sandbox = Sandbox::start(&config, terminal).await?;
    let admin_token = config.admin_token.as_ref().map(|token| token.expose_secret());
    let tour = tour::tour(&sandbox.url(), sandbox.network_url(), admin_token);
    writeln!(terminal, "{tour}")?;
    writeln!(terminal, "ready {} {}", sandbox.url(), sandbox.network_url())?;
    terminal.flush()?;
    Ok(sandbox)
}

/// Puts each QR code that a session shows on the network's page, where its phones can scan it by a click.
fn show_screens(remote: Remote, tasks: &TaskTracker, stop: CancellationToken) -> QrShown {
    let (shown, mut waiting) = mpsc::channel::<Screen>(SCREENS_MAX);
    tasks.spawn(stop.run_until_cancelled_owned(async move {
        while let Some(screen) = waiting.recv().await {
            if let Err(error) = remote.show(&screen).await {
                tracing::warn!(session = screen.name, %error, "QR code not on the network's page");
            }
        }
    }));
    Arc::new(move |name, qr| {
        let screen = Screen { name: name.to_owned(), qr: qr.code.clone() };
        if shown.try_send(screen).is_err() {
            tracing::warn!(session = name, "QR code left out of the network's page");
        }
    })
}

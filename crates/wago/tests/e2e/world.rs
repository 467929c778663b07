//! A gateway and a network in this process, each on a free port, and a receiver of webhooks.

use std::path::Path;

use tempfile::TempDir;
use tracing_subscriber::EnvFilter;
use wago::{Config, Environment, Flags, Mode, Running as _, Sandbox, Values};
use wago_sandbox::{Network, Options};

use crate::{
    api::{ADMIN, Api, Session},
    hook::{Hook, Inbox},
    phones::{ALICE, Phones},
};

pub struct World {
    pub api: Api,
    pub phones: Phones,
    pub hook: Hook,
    pub data: TempDir,
    gateway: Option<Sandbox>,
    network: Network,
}

impl World {
    /// `RUST_LOG` shows what both log.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings of the gateway.
    pub async fn start_with(settings: &[(&'static str, &str)]) -> Self {
        let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env());
        // An error means that a test before it did the same.
        let _ = log.with_writer(std::io::stderr).try_init();
        let listen = "127.0.0.1:0".parse().unwrap();
        let options = Options { listen, data: None, seed: 1 };
        let network = Network::start(options).await.unwrap();
        let data = tempfile::tempdir().unwrap();
        let gateway = gateway(data.path(), &network.url(), settings).await;
        Self {
            api: Api::new(gateway.url()),
            phones: Phones::new(network.url()),
            hook: Hook::start().await,
            data,
            gateway: Some(gateway),
            network,
        }
    }

    /// With a session named `alice`, linked to Alice's phone.
    pub async fn linked() -> (Self, Session, Inbox) {
        Self::linked_with(&[]).await
    }

    pub async fn linked_with(settings: &[(&'static str, &str)]) -> (Self, Session, Inbox) {
        let world = Self::start_with(settings).await;
        let (session, inbox) = world.session("alice").await;
        session.link(&world.phones, ALICE, &inbox).await;
        (world, session, inbox)
    }

    /// A new session, not connected.
    pub async fn session(&self, name: &str) -> (Session, Inbox) {
        let inbox = self.hook.inbox(name);
        (self.api.create(name, &inbox).await, inbox)
    }

    pub async fn stop_gateway(&mut self) {
        self.gateway.take().unwrap().stop().await;
    }

    /// On the same data. It has another port.
    pub async fn start_gateway(&mut self) {
        self.start_gateway_at("0").await;
    }

    pub async fn start_gateway_at(&mut self, port: &str) {
        self.start_gateway_with(&[("port", port)]).await;
    }

    pub async fn start_gateway_with(&mut self, settings: &[(&'static str, &str)]) {
        let gateway = gateway(self.data.path(), &self.network.url(), settings).await;
        self.api = Api::new(gateway.url());
        self.gateway = Some(gateway);
    }

    pub async fn stop(mut self) {
        if self.gateway.is_some() {
            self.stop_gateway().await;
        }
        self.network.stop().await;
    }
}

/// A gateway on a free port, attached to a network.
pub async fn gateway(data: &Path, network: &str, settings: &[(&'static str, &str)]) -> Sandbox {
    let mut flags = Flags::from([
        ("port", "0".to_owned()),
        ("admintoken", ADMIN.to_owned()),
        ("data", data.to_str().unwrap().to_owned()),
        ("network", network.to_owned()),
    ]);
    flags.extend(settings.iter().map(|(key, value)| (*key, (*value).to_owned())));
    let values = Values::gather(Mode::Sandbox, flags, &Environment::new(), None).unwrap();
    let config = Config::read(&values).unwrap();
    Sandbox::start(&config, &mut std::io::sink()).await.unwrap()
}

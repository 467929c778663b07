use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    path::{Path, PathBuf},
};

use rand::{SeedableRng as _, rngs::StdRng};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Result, control,
    core::Core,
    journal::{Journal, Tables},
    listener::{self, Tls},
    media::Media,
    phone,
    relay::Relay,
    state::State,
    wire::certificate::Identity,
};

const IDENTITY: &str = "identity";

/// How a network is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port 0 takes a free one. The relay of calls has the UDP port of that number, over IPv4.
    pub listen: SocketAddr,
    /// Where everything is kept; forgotten with the process when absent. One network a folder.
    pub data: Option<PathBuf>,
    /// What is random in the network's answers follows from it. Keys do not.
    pub seed: u64,
}

/// A running network. Dropping it stops it without waiting.
pub struct Network {
    core: Core,
    address: SocketAddr,
    ca_pem: String,
    stopping: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Network {
    pub async fn start(options: Options) -> Result<Self> {
        let (journal, tables) = match &options.data {
            Some(folder) => {
                std::fs::create_dir_all(folder).map_err(|error| Error::Journal { path: folder.clone(), error })?;
                Journal::open(&folder.join("network.journal"))?
            }
            None => (Journal::in_memory(), Tables::new()),
        };
        let identity = identity(&journal, &tables, options.data.as_deref())?;
        let tls = Tls::open(options.data.as_deref())?;
        let stopping = CancellationToken::new();
        let mut state = State::restore(journal, &tables, options.seed);
        state.relay = relay(options.listen, stopping.clone()).await?;
        if let Some(folder) = options.data.map(|folder| folder.join("media")) {
            state.media = Media::open(&folder).map_err(|error| Error::Journal { path: folder, error })?;
        }
        let media = state.media.clone();
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|error| Error::Listen { address: options.listen, error })?;
        let address = listener.local_addr().map_err(|error| Error::Listen { address: options.listen, error })?;
        state.media_host = reachable(address).to_string();
        let core = Core::new(state, identity);
        let router = control::router(control::Control {
            core: core.clone(),
            media,
            address: reachable(address),
            ca_pem: tls.ca_pem.as_str().into(),
            stopping: stopping.clone(),
        });
        let serve = listener::serve(listener, tls.acceptor, router, stopping.clone());
        let (phones, stopped) = (core.clone(), stopping.clone());
        let task = tokio::spawn(async move {
            tokio::join!(serve, stopped.run_until_cancelled(phones.work_off()));
        });
        Ok(Self { core, address, ca_pem: tls.ca_pem, stopping, task: Some(task) })
    }

    /// Where it listens, e.g. `http://127.0.0.1:1338`.
    pub fn url(&self) -> String {
        format!("http://{}", reachable(self.address))
    }

    /// The key that signs the network's certificate chain: what a client must trust.
    pub fn root_public_key(&self) -> [u8; 32] {
        self.core.identity().root_public_key()
    }

    /// The authority behind the TLS certificate, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Makes a phone with a new account.
    pub fn create_phone(&self, number: &str, name: &str) -> Result<()> {
        self.core.step(|state| phone::create(state, number, name)).map(|_| ())
    }

    /// Closes all connections and frees the port.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn relay(listen: SocketAddr, stopping: CancellationToken) -> Result<Relay> {
    // Devices are told of IPv4 addresses alone.
    let (bound, told) = match (listen.ip(), reachable(listen).ip()) {
        (IpAddr::V4(bound), IpAddr::V4(told)) => (bound, told),
        _ => (Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST),
    };
    let address = SocketAddrV4::new(bound, listen.port());
    Relay::open(address, told, stopping).await.map_err(|error| Error::Listen { address: address.into(), error })
}

/// An address that a client on this machine can dial.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn identity(journal: &Journal, tables: &Tables, folder: Option<&Path>) -> Result<Identity> {
    match tables.get(IDENTITY).and_then(|rows| rows.values().next()) {
        Some(secret) => Identity::from_secret(secret).ok_or_else(|| Error::Damaged {
            path: folder.map(Path::to_owned).unwrap_or_default(),
            what: "the keys of its certificate chain",
        }),
        None => {
            let identity = Identity::generate(&mut StdRng::from_rng(&mut rand::rng()));
            journal.put(IDENTITY, b"", &identity.secret());
            Ok(identity)
        }
    }
}

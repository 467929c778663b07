//! How the parts are put together, started and stopped.

use std::{
    future::Future,
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use wago_calls::{AudioFolder, turn, webrtc};
use wago_delivery::{Deliverer, Forgetting, Retention, RetentionLimits, Schedule};
use wago_http::{App, CallOptions, Limits, Queue};
use wago_session::{Files, Folder, Keep, Kept, Network, QrShown, Sessions};
use wago_store::{SecretKey, Shelf, Store};

use crate::{
    admin,
    config::{Config, MediaStorage, TurnAccess},
    error::Error,
    home::Home,
    secret,
};

/// From the first signal to the end of the process. Whatever has not ended by then is cut off: events are stored before
/// they are told, so nothing is lost by that.
const STOP_TIME: Duration = Duration::from_millis(9_500);
/// The setting in the store that names the network which its sessions are linked to.
const NETWORK: &str = "network";

/// The network that sessions talk to.
pub struct Upstream {
    pub network: Network,
    pub qr_shown: Option<QrShown>,
    /// What it is called in the database.
    name: &'static str,
}

impl Upstream {
    #[cfg(not(feature = "sandbox"))]
    pub fn whatsapp() -> Self {
        Self { network: Network::WhatsApp, qr_shown: None, name: "whatsapp" }
    }

    #[cfg(feature = "sandbox")]
    pub fn sandbox(url: String, qr_shown: QrShown) -> Self {
        Self { network: Network::Sandbox { url }, qr_shown: Some(qr_shown), name: "sandbox" }
    }
}

/// What runs until it is told to stop.
pub trait Running {
    /// Returns when a part ended by itself, which none should.
    fn ended(&self) -> impl Future<Output = ()> + Send;
    fn stop(self) -> impl Future<Output = ()> + Send;
}

/// A gateway that answers.
pub struct Gateway {
    address: SocketAddr,
    store: Store,
    sessions: Sessions,
    deliverer: Deliverer,
    retention: Retention,
    http: JoinHandle<()>,
    restore: JoinHandle<()>,
    queue: Queue,
    forgetting: Forgetting,
    stop: CancellationToken,
    /// Files that webhooks wait for, where nothing is kept beyond the run.
    _scratch: Option<TempDir>,
    /// Audio files and recordings of calls, there.
    _calls_scratch: Option<TempDir>,
    // Last, so that the directory is free only when all else is gone.
    _home: Option<Home>,
}

impl Gateway {
    /// Without a `home`, nothing is kept beyond the run.
    pub async fn start(
        config: &Config,
        home: Option<Home>,
        upstream: Upstream,
        terminal: &mut (dyn Write + Send),
    ) -> Result<Self, Error> {
        // An error means that there is one already, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();

        let store = open_store(config, home.as_ref()).await?;
        // Beside the database, where there is room for large files; /tmp may be memory.
        let folder = Folder::new(home.as_ref().map_or_else(std::env::temp_dir, |home| home.path().to_owned()));
        bind_to_network(&store, upstream.name).await?;
        let admin_token_hash = admin::hash(config.admin_token.as_ref(), &store, terminal).await?;
        let listen_failed = |source| Error::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_failed)?;
        let address = listener.local_addr().map_err(listen_failed)?;

        let shelf = shelf(config, home.as_ref())?;
        let (files, scratch) = files(config, home.as_ref(), shelf.clone())?;
        let (calls, calls_scratch) = calls(config, home.as_ref())?;
        let stop = CancellationToken::new();
        let sessions = Sessions::new(
            store.clone(),
            wago_session::Options {
                network: upstream.network,
                dialling_max: config.dialling_max,
                qr_shown: upstream.qr_shown,
                files,
                keep: Keep { messages: config.store_messages, history: history_folder(config, home.as_ref()) },
                audio: calls.audio.clone(),
                proxies: if config.allow_private_webhooks { |_| true } else { wago_delivery::guard::is_public },
            },
        );
        let deliverer = Deliverer::start(
            store.clone(),
            wago_delivery::Options {
                allow_private: config.allow_private_webhooks,
                schedule: Schedule { waits: config.webhook_retries.clone(), ..Schedule::default() },
                ..Default::default()
            },
            stop.clone(),
        );
        let limits = RetentionLimits { age: config.event_age, bytes: config.event_bytes };
        let retention = Retention::start(store.clone(), limits, stop.clone());
        let app = App::new(wago_http::Options {
            store: store.clone(),
            sessions: sessions.clone(),
            admin_token_hash,
            limits: Limits { media: config.media_limits.clone(), ..Limits::default() },
            files: folder,
            allow_private_webhooks: config.allow_private_webhooks,
            shelf,
            calls,
            stopping: stop.clone(),
        });
        let forgetting = Forgetting::start(store.clone(), config.message_age, stop.clone());
        let queue = Queue::start(app.clone(), stop.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(wago_http::look_after_recordings(app.clone())));
        let http = tokio::spawn({
            let stop = stop.clone();
            async move {
                // Should it panic, the rest stops too.
                let _guard = stop.clone().drop_guard();
                wago_http::serve(listener, app, stop).await;
            }
        });
        let restore = tokio::spawn(restore(config.connect_startup.then(|| sessions.clone()), stop.clone()));
        tracing::info!(%address, network = upstream.name, "serving");
        Ok(Self {
            address,
            store,
            sessions,
            deliverer,
            retention,
            http,
            restore,
            queue,
            forgetting,
            stop,
            _scratch: scratch,
            _calls_scratch: calls_scratch,
            _home: home,
        })
    }

    /// Where it answers: a URL that this machine can open, also where it listens on every address.
    pub fn url(&self) -> String {
        url(self.address)
    }
}

impl Running for Gateway {
    async fn ended(&self) {
        self.stop.cancelled().await;
    }

    /// Requests in flight are answered before the sessions that they need are closed.
    async fn stop(self) {
        self.stop.cancel();
        let ended = |part, result: Result<(), tokio::task::JoinError>| {
            if let Err(error) = result {
                tracing::error!(%error, part, "ended early");
            }
        };
        let sessions = async {
            ended("restore", self.restore.await);
            ended("http", self.http.await);
            self.queue.ended().await;
            self.sessions.shutdown().await;
        };
        tokio::join!(sessions, self.deliverer.ended(), self.retention.ended(), self.forgetting.ended());
        self.store.close().await;
    }
}

async fn restore(sessions: Option<Sessions>, stop: CancellationToken) {
    let Some(sessions) = sessions else { return };
    match stop.run_until_cancelled(sessions.restore()).await {
        Some(Ok(count)) => tracing::info!(count, "sessions brought back"),
        Some(Err(error)) => tracing::error!(%error, "sessions cannot be brought back"),
        None => {}
    }
}

async fn open_store(config: &Config, home: Option<&Home>) -> Result<Store, Error> {
    let (key, own) = match home {
        Some(home) => (secret::key(config.secret_key.as_ref(), home.path())?, home.database()?),
        None => (SecretKey::from_bytes(rand::random()), IN_MEMORY.into()),
    };
    let url = match &config.database {
        Some(url) => url.expose_secret(),
        None => &own,
    };
    Ok(Store::open(url, key).await?)
}

/// Nothing is written where nothing is to be kept.
/// How calls are reached, and where their files are.
fn calls(config: &Config, home: Option<&Home>) -> Result<(CallOptions, Option<TempDir>), Error> {
    let (data, scratch) = match home {
        Some(home) => (home.path().to_owned(), None),
        None => {
            let scratch = scratch()?;
            (scratch.path().to_owned(), Some(scratch))
        }
    };
    let wanted = &config.calls;
    let audio = wanted.audio.clone().unwrap_or_else(|| data.join("audio"));
    std::fs::create_dir_all(&audio).map_err(|source| Error::Data { path: audio.clone(), source })?;
    let access = |access: &TurnAccess| match access {
        TurnAccess::Account { username, password } => {
            turn::Access::Account { username: username.clone(), password: password.clone() }
        }
        TurnAccess::Secret { secret, lifetime } => turn::Access::Timed { secret: secret.clone(), lifetime: *lifetime },
    };
    let turn = wanted.turn.as_ref().map(|turn| turn::Turn { urls: turn.urls.clone(), access: access(&turn.access) });
    let options = CallOptions {
        webrtc: webrtc::Options {
            address: config.listen.ip(),
            ports: wanted.ports.clone(),
            public: wanted.public.clone(),
            stun: wanted.stun.clone(),
        },
        ice: turn::IceServers { stun: wanted.stun.clone(), turn },
        audio: AudioFolder::new(audio),
        recordings: data.join("recordings"),
        recording_age: wanted.recording_age,
    };
    Ok((options, scratch))
}

/// A folder that goes with the run.
fn scratch() -> Result<TempDir, Error> {
    let made = tempfile::Builder::new().prefix("wago-").tempdir();
    made.map_err(|source| Error::Data { path: std::env::temp_dir(), source })
}

fn history_folder(config: &Config, home: Option<&Home>) -> Option<PathBuf> {
    home.filter(|_| config.store_history).map(|home| home.path().join("history"))
}

/// Where files are kept, if they are.
fn shelf(config: &Config, home: Option<&Home>) -> Result<Option<Shelf>, Error> {
    let shelf = match (&config.media_storage, home) {
        (MediaStorage::Off, _) => return Ok(None),
        (MediaStorage::Folder(Some(folder)), _) => Shelf::folder(folder),
        (MediaStorage::Folder(None), Some(home)) => Shelf::folder(&home.path().join("files")),
        (MediaStorage::Folder(None), None) => return Err(Error::NowhereToKeep),
        (MediaStorage::Bucket(bucket), _) => Shelf::bucket(bucket),
    };
    Ok(Some(shelf.map_err(Error::Shelf)?))
}

/// What is fetched of inbound files, if anything; and what removes the folder at the end, if it is not kept.
fn files(
    config: &Config,
    home: Option<&Home>,
    shelf: Option<Shelf>,
) -> Result<(Option<Files>, Option<TempDir>), Error> {
    let for_webhooks = config.webhook_files;
    let kept = shelf.map(|shelf| Kept { shelf, age: config.media_age });
    if !for_webhooks && kept.is_none() {
        return Ok((None, None));
    }
    let (folder, scratch) = match home {
        Some(home) => (home.media()?, None),
        None => {
            let scratch = scratch()?;
            (scratch.path().to_owned(), Some(scratch))
        }
    };
    Ok((Some(Files { folder, for_webhooks, kept }), scratch))
}

const IN_MEMORY: &str = "sqlite::memory:";

/// A linked device means nothing to another network, which would report it as logged out, and its keys be wiped.
async fn bind_to_network(store: &Store, wanted: &'static str) -> Result<(), Error> {
    match store.setting(NETWORK).await? {
        None => Ok(store.set_setting(NETWORK, wanted.as_bytes()).await?),
        Some(found) if found == wanted.as_bytes() => Ok(()),
        Some(found) => Err(Error::OtherNetwork { found: String::from_utf8_lossy(&found).into_owned(), wanted }),
    }
}

fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// SIGTERM and SIGINT, which ask for the same.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let on = |kind| signal(kind).map_err(Error::Signals);
        Ok(Self { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Starts something and runs it until a signal, which stops it in good order; a second signal stops it at once.
pub fn run<R: Running>(start: impl Future<Output = Result<R, Error>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Runtime::new().map_err(Error::Signals)?;
    let done = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let running = tokio::select! {
            started = start => started?,
            () = signals.next() => return Ok(()),
        };
        let by_signal = tokio::select! {
            () = signals.next() => true,
            () = running.ended() => false,
        };
        tracing::info!("stopping");
        tokio::select! {
            stopped = timeout(STOP_TIME, running.stop()) => match stopped {
                Ok(()) => tracing::info!("stopped"),
                Err(_) => tracing::warn!("stopped before everything had ended"),
            },
            () = signals.next() => tracing::warn!("stopped at once"),
        }
        if by_signal { Ok(()) } else { Err(Error::Ended) }
    });
    // What still runs was waited for above, or is meant to be cut off.
    runtime.shutdown_background();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_can_be_opened_from_here() {
        for (address, shown) in [
            ("0.0.0.0:1337", "http://127.0.0.1:1337"),
            ("[::]:1337", "http://[::1]:1337"),
            ("192.0.2.1:80", "http://192.0.2.1:80"),
        ] {
            assert_eq!(url(address.parse().unwrap()), shown);
        }
    }

    #[tokio::test]
    async fn a_database_stays_with_its_network() {
        let key = SecretKey::from_bytes([7; 32]);
        let store = Store::open(IN_MEMORY, key).await.unwrap();
        bind_to_network(&store, "sandbox").await.unwrap();
        bind_to_network(&store, "sandbox").await.unwrap();
        let said = bind_to_network(&store, "whatsapp").await.unwrap_err();
        let said = said.to_string();
        assert!(said.contains("belongs to sandbox, not to whatsapp"), "{said}");
    }
}

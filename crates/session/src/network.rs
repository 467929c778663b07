//! What all sessions share to reach WhatsApp: one TLS configuration, one HTTP client, the version look-up, and the
//! bound on how many dial at once.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use tokio::sync::{Mutex, Semaphore};
use tokio_rustls::TlsConnector;
use wago_calls::AudioFolder;
use wago_store::{SessionId, Store};
use whatsapp_rust::{
    http::{HttpClient, HttpRequest, HttpResponse},
    transport::{Connector, TokioWebSocketTransportFactory, TransportFactory},
    wacore::net::{StreamingHttpResponse, UploadBody, WHATSAPP_WEB_WS_URL},
};

use crate::{
    Keep, Network, Options,
    calls::Calls,
    media::{Hosts, Ways},
    outbound::Opened,
    record::WantedFiles,
};

mod download;
mod proxied;
mod upload;

pub(crate) use proxied::Proxy;
use proxied::Through;

/// Fetched again after this long.
const VERSION_FRESH: Duration = Duration::from_secs(6 * 3600);
/// A look-up that failed is not repeated by every session that dials.
const VERSION_RETRY: Duration = Duration::from_secs(60);
const HTTP_TIMEOUT: Duration = Duration::from_secs(120);
const HTTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of one buffered HTTP reply; media that is larger than WhatsApp allows is refused.
const HTTP_BODY_MAX: usize = 256 * 1024 * 1024;

const CONVERSIONS_MAX: usize = 4;

pub(crate) type Version = (u32, u32, u32);
/// Whether a proxy may stand at an address.
pub(crate) type Admits = fn(IpAddr) -> bool;

/// What a session reaches WhatsApp by: its socket, and its requests for files.
#[derive(Clone)]
pub(crate) struct Way {
    pub transport: Arc<dyn TransportFactory>,
    pub http: Arc<dyn HttpClient>,
    client: reqwest::Client,
}

pub(crate) struct Shared {
    /// Without a proxy.
    direct: Way,
    media: Hosts,
    pub proxies: Admits,
    network: Network,
    tls: rustls::ClientConfig,
    pub files: WantedFiles,
    pub dialling: Arc<Semaphore>,
    pub keep: Keep,
    pub opened: Opened,
    pub calls: Calls,
    pub audio: AudioFolder,
    /// Files that are converted at a time.
    pub conversions: Arc<Semaphore>,
    version: VersionSource,
}

enum VersionSource {
    /// The simulated network takes any.
    #[cfg(feature = "sandbox")]
    Fixed(Version),
    Fetched(Mutex<Fetched>),
}

#[derive(Default)]
struct Fetched {
    version: Option<Version>,
    /// When it is looked up again.
    due: Option<Instant>,
}

impl Shared {
    pub fn new(options: &Options) -> Self {
        let tls = tls();
        let connector = Connector::Rustls(TlsConnector::from(Arc::new(tls.clone())));
        let network = options.network.clone();
        let transport = TokioWebSocketTransportFactory::new().with_connector(connector).with_url(network.socket());
        let version = match network {
            Network::WhatsApp => VersionSource::Fetched(Mutex::default()),
            #[cfg(feature = "sandbox")]
            Network::Sandbox { .. } => VersionSource::Fixed((2, 3000, 1)),
        };
        let client = client(tls.clone()).build().expect("the TLS configuration is of the kind that the client takes");
        Self {
            media: Hosts::new(client.clone(), &network),
            files: WantedFiles::by(options.files.as_ref()),
            direct: Way {
                transport: Arc::new(transport),
                http: Arc::new(Http { client: client.clone(), network: network.clone() }),
                client,
            },
            proxies: options.proxies,
            network,
            tls,
            dialling: Arc::new(Semaphore::new(options.dialling_max.max(1))),
            keep: options.keep.clone(),
            opened: Opened::default(),
            calls: Calls::default(),
            audio: options.audio.clone(),
            conversions: Arc::new(Semaphore::new(conversions())),
            version,
        }
    }

    /// The way that the session's row names. The error says what is wrong with it.
    pub async fn way(&self, store: &Store, session: SessionId) -> Result<Way, String> {
        let url = store.proxy(session).await.map_err(|error| error.to_string())?;
        let Some(url) = url else { return Ok(self.direct.clone()) };
        let proxy = Proxy::read(url.expose_secret()).map_err(|said| format!("the proxy {said}"))?;
        let client = proxy.client(client(self.tls.clone()), self.proxies);
        let client = client.map_err(|said| format!("the proxy {said}"))?;
        Ok(Way {
            transport: Arc::new(Through {
                proxy,
                url: self.network.socket(),
                tls: TlsConnector::from(Arc::new(self.tls.clone())),
                admits: self.proxies,
            }),
            http: Arc::new(Http { client: client.clone(), network: self.network.clone() }),
            client,
        })
    }

    /// WhatsApp Web's current version, as far as it is known. With `None` the engine goes by what the device has
    /// stored, and looks it up itself if that is too old.
    pub async fn version(&self) -> Option<Version> {
        match &self.version {
            #[cfg(feature = "sandbox")]
            VersionSource::Fixed(version) => Some(*version),
            // The lock is held across the fetch, so that many sessions that start together fetch it once.
            VersionSource::Fetched(fetched) => {
                let mut fetched = fetched.lock().await;
                if fetched.due.is_none_or(|due| due <= Instant::now()) {
                    match whatsapp_rust::version::fetch_latest_app_version(&self.direct.http).await {
                        Ok(version) => {
                            fetched.version = Some(version);
                            fetched.due = Some(Instant::now() + VERSION_FRESH);
                        }
                        Err(error) => {
                            tracing::warn!(%error, "WhatsApp Web's version could not be looked up");
                            fetched.due = Some(Instant::now() + VERSION_RETRY);
                        }
                    }
                }
                fetched.version
            }
        }
    }
}

#[async_trait]
impl Ways for Shared {
    async fn hosts(&self, store: &Store, session: SessionId) -> Result<Hosts, String> {
        let way = self.way(store, session).await?;
        Ok(Hosts { client: way.client, ..self.media.clone() })
    }
}

/// One core is left for all else. Each may take some hundred MB, for a picture of many pixels.
fn conversions() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).clamp(1, CONVERSIONS_MAX))
}

impl Network {
    /// The URL of its socket.
    fn socket(&self) -> String {
        match self {
            Self::WhatsApp => WHATSAPP_WEB_WS_URL.to_owned(),
            #[cfg(feature = "sandbox")]
            Self::Sandbox { url } => {
                let base = url.trim_end_matches('/');
                let url = match base.split_once("://") {
                    Some(("https", rest)) => format!("wss://{rest}"),
                    Some(("http", rest)) => format!("ws://{rest}"),
                    _ => base.to_owned(),
                };
                format!("{url}/ws/chat")
            }
        }
    }
}

fn tls() -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn client(tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(HTTP_TIMEOUT)
        .connect_timeout(HTTP_CONNECT_TIMEOUT)
        // Idle connections are memory that an idle gateway does not need.
        .pool_max_idle_per_host(2)
}

/// The engine's way to the web: versions, media.
struct Http {
    client: reqwest::Client,
    network: Network,
}

impl Http {
    /// The engine insists on `https` and on the hosts that it is told of. The simulated network is all of them.
    fn address(&self, url: String) -> String {
        match &self.network {
            Network::WhatsApp => url,
            #[cfg(feature = "sandbox")]
            Network::Sandbox { url: base } => {
                let rest = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
                format!("{}{}", base.trim_end_matches('/'), rest.unwrap_or("/"))
            }
        }
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn execute(&self, request: HttpRequest) -> whatsapp_rust::anyhow::Result<HttpResponse> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())?;
        let mut sent = self.client.request(method, self.address(request.url));
        for (name, value) in request.headers {
            sent = sent.header(name, value);
        }
        if let Some(body) = request.body {
            sent = sent.body(body);
        }
        // A URL can carry access to media, so errors are told without it.
        let mut response = sent.send().await.map_err(reqwest::Error::without_url)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            whatsapp_rust::anyhow::ensure!(
                body.len() + chunk.len() <= HTTP_BODY_MAX,
                "the reply is larger than {HTTP_BODY_MAX} bytes"
            );
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status_code: response.status().as_u16(), body })
    }

    fn supports_streaming(&self) -> bool {
        true
    }

    fn execute_streaming(&self, request: HttpRequest) -> whatsapp_rust::anyhow::Result<StreamingHttpResponse> {
        let request = HttpRequest { url: self.address(request.url), ..request };
        download::open(&self.client, request)
    }

    fn supports_upload_streaming(&self) -> bool {
        true
    }

    fn execute_upload(
        &self,
        request: HttpRequest,
        body: UploadBody,
        length: u64,
    ) -> whatsapp_rust::anyhow::Result<HttpResponse> {
        let request = HttpRequest { url: self.address(request.url), ..request };
        upload::stream(&self.client, request, body, length)
    }
}

//! A session's way to WhatsApp through a proxy: its socket, and the requests for files.
//!
//! Names are looked up by the proxy, but for its own, which may lead only where [`Options::proxies`] admits: whoever has
//! a session's token chooses an address that this server connects to.
//!
//! [`Options::proxies`]: crate::Options::proxies

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderValue, Uri, header::ORIGIN};
use hyper_util::{
    client::legacy::connect::proxy::{SocksV5, Tunnel},
    rt::TokioIo,
};
use percent_encoding::percent_decode_str;
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_websockets::ClientBuilder;
use tower::{Service as _, service_fn};
use whatsapp_rust::{
    anyhow::{self, Context as _, anyhow},
    async_channel::Receiver,
    transport::{Transport, TransportEvent, TransportFactory, from_websocket},
    wacore::net::WHATSAPP_WEB_ORIGIN,
};

use super::Admits;

/// How long the proxy may take to be found, to answer, and to reach WhatsApp.
const LINE_MAX: Duration = Duration::from_secs(20);
const SOCKS_PORT: u16 = 1080;
const PRIVATE: &str = "leads to a private or reserved address";

/// The URL of a proxy that can be used. It may have a password, so it does not print.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy(Url);

impl Proxy {
    /// The error continues a sentence that begins with the field's name.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        const EXAMPLE: &str = "should be a proxy's URL, such as socks5://user:password@proxy.example.com:1080";
        let url = Url::parse(text).map_err(|_| EXAMPLE)?;
        if !matches!(url.scheme(), "http" | "socks5" | "socks5h") {
            return Err("should begin with http:// or socks5://");
        }
        let plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if url.host_str().is_none_or(str::is_empty) || !plain {
            return Err(EXAMPLE);
        }
        Ok(Self(url))
    }

    /// As the user wrote it, but for the password.
    pub fn shown(&self) -> String {
        let mut url = self.0.clone();
        if url.password().is_some() {
            // A URL with a host can have one.
            let _ = url.set_password(Some("***"));
        }
        url.to_string()
    }

    fn is_socks(&self) -> bool {
        self.0.scheme() != "http"
    }

    /// Without the brackets of an IPv6 address.
    fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    fn credentials(&self) -> Option<(String, String)> {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (self.0.username(), self.0.password());
        (!user.is_empty() || password.is_some()).then(|| (plain(user), plain(password.unwrap_or_default())))
    }

    /// Where it stands; at least one address. The error is for whoever set it, and says nothing of the URL.
    pub async fn places(&self, admits: Admits) -> Result<Vec<SocketAddr>, &'static str> {
        let port = self.0.port_or_known_default().unwrap_or(SOCKS_PORT);
        places(self.host(), port, admits).await
    }

    /// For requests. The error is as that of [`Proxy::places`].
    pub fn client(&self, builder: reqwest::ClientBuilder, admits: Admits) -> Result<reqwest::Client, &'static str> {
        // The resolver sees names only.
        if self.host().parse().is_ok_and(|address| !admits(address)) {
            return Err(PRIVATE);
        }
        let mut url = self.0.clone();
        if url.scheme() == "socks5" {
            // The proxy looks names up.
            let _ = url.set_scheme("socks5h");
        }
        if url.port().is_none() && self.is_socks() {
            let _ = url.set_port(Some(SOCKS_PORT));
        }
        let proxy = reqwest::Proxy::all(url).map_err(|_| "cannot be used")?;
        builder.proxy(proxy).dns_resolver(Arc::new(Guarded(admits))).build().map_err(|_| "cannot be used")
    }
}

async fn places(host: &str, port: u16, admits: Admits) -> Result<Vec<SocketAddr>, &'static str> {
    let found = timeout(LINE_MAX, tokio::net::lookup_host((host, port))).await;
    let found: Vec<_> = match found {
        Ok(Ok(found)) => found.collect(),
        _ => return Err("cannot be reached: its host name cannot be resolved"),
    };
    let open: Vec<_> = found.into_iter().filter(|place| admits(place.ip())).collect();
    if open.is_empty() { Err(PRIVATE) } else { Ok(open) }
}

/// What requests see of DNS: names without an admitted address do not exist.
struct Guarded(Admits);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let admits = self.0;
        Box::pin(async move {
            let places = places(name.as_str(), 0, admits).await?;
            Ok(Box::new(places.into_iter()) as Addrs)
        })
    }
}

/// Opens sockets through a proxy.
pub(super) struct Through {
    pub proxy: Proxy,
    /// `wss://` or `ws://`
    pub url: String,
    pub tls: TlsConnector,
    pub admits: Admits,
}

#[async_trait]
impl TransportFactory for Through {
    async fn create_transport(&self) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        let uri: Uri = self.url.parse()?;
        let host = uri.host().context("the socket's URL has no host")?.to_owned();
        let is_open = uri.scheme_str() == Some("ws");
        let port = uri.port_u16().unwrap_or(if is_open { 80 } else { 443 });
        let line =
            timeout(LINE_MAX, self.line(&host, port)).await.map_err(|_| anyhow!("the proxy did not answer"))??;
        if is_open {
            return shake_hands(uri, line).await;
        }
        let name = ServerName::try_from(host)?;
        let line = self.tls.connect(name, line).await.context("what is behind the proxy is not WhatsApp")?;
        shake_hands(uri, line).await
    }
}

impl Through {
    async fn line(&self, host: &str, port: u16) -> anyhow::Result<TcpStream> {
        let places = self.proxy.places(self.admits).await.map_err(|said| anyhow!("the proxy {said}"))?;
        let line = TcpStream::connect(&places[..]).await;
        let line = line.map_err(|error| anyhow!("the proxy cannot be reached: {}", error.kind()))?;
        line.set_nodelay(true)?;
        let mut line = Some(TokioIo::new(line));
        let made = service_fn(move |_: Uri| {
            let line = line.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
            async move { line }
        });
        let to: Uri = format!("https://{host}:{port}").parse()?;
        // The line is there already; whom it leads to is not looked at.
        let proxy = Uri::from_static("http://proxy");
        let credentials = self.proxy.credentials();
        let line = if self.proxy.is_socks() {
            let mut socks = SocksV5::new(proxy, made);
            if let Some((user, password)) = credentials {
                socks = socks.with_auth(user, password);
            }
            socks.call(to).await.map_err(|error| anyhow!("the proxy refused: {error}"))?
        } else {
            let mut tunnel = Tunnel::new(proxy, made);
            if let Some((user, password)) = credentials {
                let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
                tunnel = tunnel.with_auth(HeaderValue::try_from(basic)?);
            }
            tunnel.call(to).await.map_err(|error| anyhow!("the proxy refused: {error}"))?
        };
        Ok(line.into_inner())
    }
}

async fn shake_hands<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    uri: Uri,
    line: S,
) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
    let origin = HeaderValue::from_static(WHATSAPP_WEB_ORIGIN);
    let builder = ClientBuilder::from_uri(uri).add_header(ORIGIN, origin)?;
    let (socket, _) = builder.connect_on(line).await.context("WhatsApp's socket could not be opened")?;
    Ok(from_websocket(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_by_its_url() {
        for url in ["http://proxy.example:3128", "socks5://u:p@10.0.0.1", "socks5h://[::1]:9050/"] {
            assert!(Proxy::read(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "proxy:3128",
            "https://h:1",
            "ftp://h:1",
            "http://",
            "http://h/path",
            "socks5://h:1?q",
            "http://h:99999",
        ] {
            assert!(Proxy::read(url).is_err(), "{url}");
        }
    }

    #[test]
    fn its_password_is_not_shown() {
        let proxy = Proxy::read("socks5://us%40er:p%3Aw@proxy.example:1080").unwrap();
        assert_eq!(proxy.shown(), "socks5://us%40er:***@proxy.example:1080");
        assert_eq!(proxy.credentials().unwrap(), ("us@er".to_owned(), "p:w".to_owned()));
        assert!(Proxy::read("socks5://proxy.example").unwrap().credentials().is_none());
    }

    #[tokio::test]
    async fn it_stands_where_it_may() {
        let proxy = Proxy::read("http://127.0.0.1:3128").unwrap();
        assert_eq!(proxy.places(|_| false).await, Err(PRIVATE));
        assert_eq!(proxy.places(|address| address.is_loopback()).await, Ok(vec![([127, 0, 0, 1], 3128).into()]));
        let socks = Proxy::read("socks5://[::1]").unwrap();
        assert_eq!(socks.places(|_| true).await.unwrap()[0].port(), 1080);
    }
}

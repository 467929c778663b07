//! The network's one port: HTTP and WebSocket, plain or over TLS, told apart by a connection's first byte.

use std::{path::Path, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Error, Result};

/// What a TLS connection begins with: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;
const FIRST_BYTE_MAX: Duration = Duration::from_secs(20);
/// Further connections wait to be accepted.
const CONNECTIONS_MAX: usize = 20_000;

/// A certificate authority of the network's own, and the certificate that it gave this listener.
pub(crate) struct Tls {
    pub acceptor: TlsAcceptor,
    pub ca_pem: String,
}

impl Tls {
    /// The authority is made once and kept in `folder`; the certificate is made anew at each start.
    pub fn open(folder: Option<&Path>) -> Result<Self> {
        let certificate = |error: rcgen::Error| Error::Certificate(error.to_string());
        let paths = folder.map(|folder| (folder.join("ca.pem"), folder.join("ca.key")));
        let kept = match &paths {
            Some((_, key)) => match std::fs::read_to_string(key) {
                Ok(key) => Some(rcgen::KeyPair::from_pem(&key).map_err(certificate)?),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(Error::Journal { path: key.clone(), error }),
            },
            None => None,
        };
        let fresh = kept.is_none();
        let ca_key = match kept {
            Some(key) => key,
            None => rcgen::KeyPair::generate().map_err(certificate)?,
        };
        let mut params = rcgen::CertificateParams::new(Vec::new()).map_err(certificate)?;
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "WaGo sandbox network");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2100, 1, 1);
        params.serial_number = Some(1_u64.into());
        let ca_pem = match (&paths, fresh) {
            (Some((pem, _)), false) => {
                std::fs::read_to_string(pem).map_err(|error| Error::Journal { path: pem.clone(), error })?
            }
            (paths, _) => {
                let pem = params.self_signed(&ca_key).map_err(certificate)?.pem();
                if let Some((pem_path, key_path)) = paths {
                    std::fs::write(pem_path, &pem).map_err(|error| Error::Journal { path: pem_path.clone(), error })?;
                    std::fs::write(key_path, ca_key.serialize_pem())
                        .map_err(|error| Error::Journal { path: key_path.clone(), error })?;
                }
                pem
            }
        };
        let key = rcgen::KeyPair::generate().map_err(certificate)?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let mut leaf = rcgen::CertificateParams::new(names).map_err(certificate)?;
        leaf.not_before = params.not_before;
        leaf.not_after = params.not_after;
        let leaf = leaf.signed_by(&key, &rcgen::Issuer::new(params, ca_key)).map_err(certificate)?;
        let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], private.into())
            })
            .map_err(|error| Error::Certificate(error.to_string()))?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem })
    }
}

/// Serves until told to stop, and then until the connections have ended.
pub(crate) async fn serve(listener: TcpListener, tls: TlsAcceptor, router: Router, stopping: CancellationToken) {
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file handles, most likely: one that closes helps, and trying at once does not.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, router, stopping) = (tls.clone(), router.clone(), stopping.clone());
        connections.spawn(async move {
            tokio::select! {
                () = connection(stream, tls, router) => {}
                () = stopping.cancelled() => {}
            }
            drop(slot);
        });
    }
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, router: Router) {
    // Stanzas are small and answered at once.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    if !matches!(tokio::time::timeout(FIRST_BYTE_MAX, stream.peek(&mut first)).await, Ok(Ok(1))) {
        return;
    }
    if first[0] != TLS_HANDSHAKE {
        http(stream, router).await;
    } else if let Ok(Ok(stream)) = tokio::time::timeout(FIRST_BYTE_MAX, tls.accept(stream)).await {
        http(stream, router).await;
    }
}

async fn http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

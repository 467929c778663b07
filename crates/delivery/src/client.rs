//! One HTTP client for all deliveries.

use std::{error::Error, sync::Arc, time::Duration};

use reqwest::{Client, ClientBuilder, Response, StatusCode, redirect::Policy};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use wago_store::{Delivery, Webhook};

use crate::{
    guard::{self, Refused, Resolver},
    request,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the look-up of the name to the end of the response.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a response that are read, so that its connection can be used again; a longer one costs the connection.
const RESPONSE_MAX: usize = 4_096;
/// Characters of an error that are kept.
const REASON_MAX: usize = 200;

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `None` if no response came.
    pub status: Option<u16>,
    /// Why it does not count as delivered.
    pub error: Option<String>,
}

impl Answer {
    pub fn failed(reason: impl Into<String>) -> Self {
        Self { status: None, error: Some(reason.into()) }
    }

    fn responded(status: StatusCode) -> Self {
        let error = match status {
            status if status.is_success() => None,
            status if status.is_redirection() => Some("redirects are not followed".to_owned()),
            status => Some(format!("responded {}", status.as_u16())),
        };
        Self { status: Some(status.as_u16()), error }
    }
}

#[derive(Clone)]
pub(crate) struct Deliveries {
    client: Client,
    allow_private: bool,
}

impl Deliveries {
    pub fn new(allow_private: bool) -> Self {
        // The TLS library wants one provider of cryptography for the process; an error means that it has one already.
        let _ = ring::default_provider().install_default();
        let client = builder(allow_private).build().unwrap_or_else(|_| {
            // A system without certificates, such as a container that holds only this program.
            builder(allow_private)
                .tls_backend_preconfigured(bundled_certificates())
                .build()
                .expect("with certificates of its own the client depends on nothing")
        });
        Self { client, allow_private }
    }

    /// Sends the event once.
    pub async fn send(&self, webhook: &Webhook, delivery: &Delivery, now_ms: i64) -> Answer {
        // The client does not ask the resolver about a literal address.
        let url = match guard::parse(&webhook.url, self.allow_private) {
            Ok(url) => url,
            Err(refused) => return Answer::failed(refusal(&refused)),
        };
        let (headers, body) = request::parts(webhook, delivery, now_ms);
        match self.client.post(url).headers(headers).body(body).send().await {
            Ok(response) => {
                let answer = Answer::responded(response.status());
                drain(response).await;
                answer
            }
            Err(error) => Answer::failed(reason(&error)),
        }
    }
}

fn builder(allow_private: bool) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("WaGo/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .dns_resolver(Arc::new(Resolver { allow_private }))
        // A proxy would look names up itself, past the guard.
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(WHOLE_TIMEOUT)
}

fn bundled_certificates() -> ClientConfig {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

/// The status has decided already, so what goes wrong here changes nothing.
async fn drain(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > RESPONSE_MAX {
            return;
        }
    }
}

fn refusal(refused: &Refused) -> String {
    format!("the webhook's URL is refused: {refused}")
}

/// The innermost cause says most, and does not name the URL, which may hold a secret.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return refusal(refused);
        }
    }
    let what = if error.is_connect() { "cannot connect" } else { "the request failed" };
    if error.source().is_none() {
        return what.to_owned();
    }
    format!("{what}: {cause}").chars().take(REASON_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn failure(url: &str, allow_private: bool) -> String {
        let error = Deliveries::new(allow_private).client.post(url).send().await.expect_err("nothing answers there");
        reason(&error)
    }

    #[tokio::test]
    async fn a_name_is_checked_when_the_client_resolves_it() {
        let expected = "the webhook's URL is refused: it leads to a private or reserved address";
        assert_eq!(failure("http://localhost:9/?key=hidden", false).await, expected);
    }

    #[tokio::test]
    async fn a_reason_says_the_cause_and_not_the_url() {
        // The port is free again at once, and nothing listens on it.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let reason = failure(&format!("http://127.0.0.1:{port}/?key=hidden"), true).await;
        assert!(reason.starts_with("cannot connect: ") && reason.contains("refused"), "{reason}");
        assert!(!reason.contains("hidden"), "{reason}");
    }

    #[test]
    fn only_success_counts_as_delivered() {
        for (status, delivered) in [
            (200, true),
            (204, true),
            (299, true),
            (301, false),
            (304, false),
            (404, false),
            (410, false),
            (500, false),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(Answer::responded(status).error.is_none(), delivered, "{status}");
        }
    }

    #[test]
    fn a_system_without_certificates_has_a_client_too() {
        let _ = ring::default_provider().install_default();
        assert!(builder(false).tls_backend_preconfigured(bundled_certificates()).build().is_ok());
    }
}

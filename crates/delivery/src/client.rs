//! One HTTP client for all deliveries.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime},
};

use reqwest::{
    ClientBuilder, Response, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::{
    guard::{self, Refused, Resolver},
    request::Request,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a response that are kept, and read, so that its connection can be used again; a longer one costs the connection.
const RESPONSE_MAX: usize = 4_096;
/// For the response's body, once its status has decided.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of an error that are kept.
const REASON_MAX: usize = 200;

/// What became of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `None` if no response came.
    pub status: Option<u16>,
    /// Why it does not count as delivered.
    pub error: Option<String>,
    /// The beginning of the response's body.
    pub body: Vec<u8>,
    /// The rest that the receiver asked for.
    pub retry_after: Option<Duration>,
}

impl Answer {
    pub fn failed(reason: impl Into<String>) -> Self {
        Self { error: Some(reason.into()), ..Self::default() }
    }

    fn responded(status: StatusCode, headers: &HeaderMap) -> Self {
        let error = match status {
            status if status.is_success() => None,
            status if status.is_redirection() => Some("redirects are not followed".to_owned()),
            status => Some(format!("responded {}", status.as_u16())),
        };
        let retry_after = error.as_ref().and_then(|_| retry_after(headers, SystemTime::now()));
        Self { status: Some(status.as_u16()), error, body: Vec::new(), retry_after }
    }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()),
    }
}

/// The client that the deliveries are made with.
#[derive(Clone)]
pub(crate) struct Client {
    client: reqwest::Client,
    allow_private: bool,
}

impl Client {
    pub fn new(allow_private: bool) -> Self {
        Self { client: guarded(allow_private), allow_private }
    }

    /// Sends once.
    pub async fn send(&self, url: &str, request: Request) -> Answer {
        // The client does not ask the resolver about a literal address.
        let url = match guard::parse(url, self.allow_private) {
            Ok(url) => url,
            Err(refused) => return Answer::failed(refusal(&refused)),
        };
        let Request { headers, body, timeout } = request;
        match self.client.post(url).headers(headers).body(body).timeout(timeout).send().await {
            Ok(response) => {
                let mut answer = Answer::responded(response.status(), response.headers());
                // The status has decided already, so what goes wrong here changes nothing.
                let _ = tokio::time::timeout(RESPONSE_TIMEOUT, read(response, &mut answer.body)).await;
                answer
            }
            Err(error) => Answer::failed(reason(&error)),
        }
    }
}

/// A client for which addresses that the guard refuses do not exist. It follows no redirects.
pub(crate) fn guarded(allow_private: bool) -> reqwest::Client {
    // The TLS library wants one provider of cryptography for the process; an error means that it has one already.
    let _ = ring::default_provider().install_default();
    builder(allow_private).build().unwrap_or_else(|_| {
        // A system without certificates, such as a container that holds only this program.
        builder(allow_private)
            .tls_backend_preconfigured(bundled_certificates())
            .build()
            .expect("with certificates of its own the client depends on nothing")
    })
}

fn builder(allow_private: bool) -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("WaGo/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .dns_resolver(Arc::new(Resolver { allow_private }))
        // A proxy would look names up itself, past the guard.
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
}

fn bundled_certificates() -> ClientConfig {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

async fn read(mut response: Response, body: &mut Vec<u8>) {
    while let Ok(Some(chunk)) = response.chunk().await {
        let kept = chunk.len().min(RESPONSE_MAX - body.len());
        body.extend_from_slice(&chunk[..kept]);
        if kept < chunk.len() {
            return;
        }
    }
}

fn refusal(refused: &Refused) -> String {
    format!("the webhook's URL is refused: {refused}")
}

/// The guard's word, if that is why a request failed.
pub(crate) fn refused(error: &reqwest::Error) -> Option<Refused> {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Some(refused.clone());
        }
    }
    None
}

/// The innermost cause says most, and does not name the URL, which may hold a secret.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    if let Some(refused) = refused(error) {
        return refusal(&refused);
    }
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
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
        let error = Client::new(allow_private).client.post(url).send().await.expect_err("nothing answers there");
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
            assert_eq!(Answer::responded(status, &HeaderMap::new()).error.is_none(), delivered, "{status}");
        }
    }

    #[test]
    fn a_system_without_certificates_has_a_client_too() {
        let _ = ring::default_provider().install_default();
        assert!(builder(false).tls_backend_preconfigured(bundled_certificates()).build().is_ok());
    }

    #[test]
    fn a_receiver_says_when_to_come_back() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        for (value, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:40:37 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().expect("a header"))]);
            assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{value}");
        }
    }
}

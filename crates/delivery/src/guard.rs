//! Where a webhook may lead. Whoever may set a webhook chooses an address that this server connects to, so by default
//! only the public internet is open to it, not the networks that the server happens to stand in.
//!
//! The URL is checked when it is set, to tell the caller. What protects is the check at every delivery: of a literal
//! address before the request, and of a name's addresses by the client's [`Resolver`], whose answer is what the client
//! connects to, so a name that changes in between gains nothing.

mod address;

use std::{io, net::SocketAddr, time::Duration};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

pub use address::is_public;

/// How long a look-up of a name may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a webhook's URL is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is not a valid URL")]
    Malformed,
    #[error("its scheme is neither http nor https")]
    Scheme,
    /// They would be shown to everyone who may see the webhook; a header is the place for them.
    #[error("it carries a user name or password")]
    Credentials,
    /// The name is unknown, or the look-up took more than five seconds.
    #[error("its host name cannot be resolved")]
    Unresolved,
    #[error("it leads to a private or reserved address")]
    Private,
}

/// Whether a webhook may lead there, as far as can be known now. With `allow_private` any address may be used, and
/// names are not looked up.
pub async fn check(url: &str, allow_private: bool) -> Result<Url, Refused> {
    let url = parse(url, allow_private)?;
    if let (Some(host), false) = (url.domain(), allow_private) {
        resolve(host, allow_private).await?;
    }
    Ok(url)
}

/// All that the URL's text tells: for a literal address, everything.
pub(crate) fn parse(url: &str, allow_private: bool) -> Result<Url, Refused> {
    let url = Url::parse(url).map_err(|_| Refused::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refused::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Credentials);
    }
    // The scheme makes a host certain. An IPv6 address stands in brackets, and any spelling of an IPv4 address
    // (hexadecimal, one number, shortened) has become the usual one.
    let host = url.host_str().ok_or(Refused::Malformed)?;
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
    if !allow_private && literal.is_ok_and(|address| !is_public(address)) {
        return Err(Refused::Private);
    }
    Ok(url)
}

/// The addresses of a name that may be connected to: at least one.
async fn resolve(host: &str, allow_private: bool) -> Result<Vec<SocketAddr>, Refused> {
    let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, 0)))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|_| Refused::Unresolved)?;
    let (open, closed): (Vec<_>, Vec<_>) = found.partition(|address| allow_private || is_public(address.ip()));
    match (open.is_empty(), closed.is_empty()) {
        (false, _) => Ok(open),
        (true, false) => Err(Refused::Private),
        (true, true) => Err(Refused::Unresolved),
    }
}

/// The client's view of DNS: names without a permitted address do not exist for it.
pub(crate) struct Resolver {
    pub allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let addresses = resolve(name.as_str(), allow_private).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_without_credentials() {
        let cases = [
            ("http://example.com/hook", Ok(())),
            ("https://example.com:8443/hook?a=b", Ok(())),
            ("HTTPS://EXAMPLE.COM", Ok(())),
            ("ftp://example.com/", Err(Refused::Scheme)),
            ("file:///etc/passwd", Err(Refused::Scheme)),
            ("gopher://127.0.0.1:70/", Err(Refused::Scheme)),
            ("http://user@example.com/", Err(Refused::Credentials)),
            ("http://user:pass@example.com/", Err(Refused::Credentials)),
            ("http://:pass@example.com/", Err(Refused::Credentials)),
            ("http://", Err(Refused::Malformed)),
            ("/hook", Err(Refused::Malformed)),
            ("", Err(Refused::Malformed)),
        ];
        for (url, expected) in cases {
            assert_eq!(parse(url, false).map(|_| ()), expected, "{url}");
        }
    }

    #[test]
    fn a_private_address_is_known_in_any_spelling() {
        let spellings = [
            "http://127.0.0.1/",
            "http://127.0.0.1./",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://１２７.０.０.１/",
            "http://0/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
        ];
        for url in spellings {
            assert_eq!(parse(url, false), Err(Refused::Private), "{url}");
            assert!(parse(url, true).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused() {
        assert_eq!(check("http://localhost:1337/", false).await, Err(Refused::Private));
        assert!(check("http://localhost:1337/", true).await.is_ok());
    }

    #[tokio::test]
    async fn the_client_sees_no_private_address_of_a_name() {
        let resolve = |allow_private| Resolver { allow_private }.resolve("localhost".parse().expect("a host name"));
        let refused = resolve(false).await.err().expect("loopback is not public");
        assert_eq!(refused.downcast_ref(), Some(&Refused::Private));
        assert!(resolve(true).await.expect("localhost is known").next().is_some());
    }
}

//! Files and pages from the web, which a user of the API names: past the same guard as webhooks.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Response, StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION},
};

use crate::{
    client,
    guard::{self, Refused},
};

/// Each of them is checked as the first address was.
const REDIRECTS_MAX: usize = 3;

/// Why nothing was fetched. The text never repeats the URL, which may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("its host answered {0}")]
    Status(u16),
    #[error("it redirects more than {REDIRECTS_MAX} times")]
    Redirects,
    #[error("{0}")]
    Unreachable(String),
}

/// Fetches from the public internet. A cheap handle.
#[derive(Clone)]
pub struct Fetcher {
    client: reqwest::Client,
    allow_private: bool,
}

impl Fetcher {
    pub fn new(allow_private: bool) -> Self {
        Self { client: client::guarded(allow_private), allow_private }
    }

    /// Returns once the head of the answer is there. `time` is for all of it.
    pub async fn get(&self, url: &str, accept: &'static str, time: Duration) -> Result<Fetched, Failed> {
        let mut url = guard::parse(url, self.allow_private)?;
        for _ in 0..=REDIRECTS_MAX {
            let asked = self.client.get(url.clone()).header(ACCEPT, HeaderValue::from_static(accept)).timeout(time);
            let response = asked.send().await.map_err(|error| failed(&error))?;
            match response.status() {
                status if status.is_success() => return Ok(Fetched { response, url }),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
                    let place = place.and_then(|place| url.join(place).ok()).ok_or(Refused::Malformed)?;
                    url = guard::parse(place.as_str(), self.allow_private)?;
                }
                status => return Err(Failed::Status(status.as_u16())),
            }
        }
        Err(Failed::Redirects)
    }
}

/// An answer whose body is still on its way.
pub struct Fetched {
    response: Response,
    url: Url,
}

impl Fetched {
    /// Bytes, if the host says.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// What the host says it is, without parameters.
    pub fn mimetype(&self) -> Option<String> {
        let said = self.response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
        Some(said.split(';').next()?.trim().to_ascii_lowercase())
    }

    /// The last part of the URL's path, if it looks like a file's name.
    pub fn file_name(&self) -> Option<String> {
        let name = self.url.path_segments()?.next_back()?;
        (name.contains('.') && name.len() <= 255).then(|| name.to_owned())
    }

    /// What a link in it leads to.
    pub fn resolve(&self, link: &str) -> Option<String> {
        self.url.join(link).ok().map(String::from)
    }

    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failed> {
        self.response.chunk().await.map_err(|error| failed(&error))
    }
}

fn failed(error: &reqwest::Error) -> Failed {
    match client::refused(error) {
        Some(refused) => Failed::Refused(refused),
        None => Failed::Unreachable(client::reason(error)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// Answers each connection with the next of these, whatever is asked.
    async fn host(answers: Vec<String>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.expect("a caller");
                let _ = socket.read(&mut [0; 4_096]).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        url
    }

    fn ok(body: &str) -> String {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: Text/HTML; charset=x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    fn moved(to: &str) -> String {
        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }

    async fn get(url: &str, allow_private: bool) -> Result<Fetched, Failed> {
        Fetcher::new(allow_private).get(url, "*/*", Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn a_redirect_is_followed() {
        let url = host(vec![moved("/b.png"), ok("hello")]).await;
        let mut fetched = get(&format!("{url}/a"), true).await.expect("an answer");
        assert_eq!(fetched.mimetype().as_deref(), Some("text/html"));
        assert_eq!((fetched.length(), fetched.file_name().as_deref()), (Some(5), Some("b.png")));
        assert_eq!(fetched.chunk().await.expect("a body").as_deref(), Some(&b"hello"[..]));
    }

    #[tokio::test]
    async fn what_is_not_to_be_fetched_says_why() {
        let url = host(vec![moved("/"), moved("/"), moved("/"), moved("/")]).await;
        assert!(matches!(get(&url, true).await, Err(Failed::Redirects)));
        let url = host(vec![moved("ftp://example.com/")]).await;
        assert!(matches!(get(&url, true).await, Err(Failed::Refused(Refused::Scheme))));
        let url = host(vec!["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()]).await;
        assert!(matches!(get(&url, true).await, Err(Failed::Status(404))));
        assert!(matches!(get(&url, false).await, Err(Failed::Refused(Refused::Private))));
        assert!(matches!(get("http://localhost:9/", false).await, Err(Failed::Refused(Refused::Private))));
    }
}

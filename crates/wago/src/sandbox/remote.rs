//! What the gateway asks of the network's control API, in this process or elsewhere.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde::Serialize;

use crate::error::Error;

/// For one request; the network is on this machine, or near it.
const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Remote {
    client: Client,
    url: String,
}

/// A session's name and the QR code that it shows.
#[derive(Serialize)]
pub struct Screen {
    pub name: String,
    pub qr: String,
}

#[derive(Serialize)]
struct Phone<'a> {
    number: &'a str,
    name: &'a str,
}

impl Remote {
    pub fn new(url: &str) -> Result<Self, Error> {
        // An error means that there is one already, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::Network(format!("no HTTP client: {error}")))?;
        Ok(Self { client, url: url.to_owned() })
    }

    /// Makes the phone if there is none with this number.
    pub async fn make_phone(&self, number: &str, name: &str) -> Result<(), Error> {
        let response = self.post("/phones", &Phone { number, name }).await;
        let response = response.map_err(|_| {
            Error::Network(format!("no simulated network answers at {}: start one with `wago network`", self.url))
        })?;
        match response.status() {
            status if status.is_success() || status == StatusCode::CONFLICT => Ok(()),
            status => Err(Error::Network(format!(
                "{} answers {status} where phones are made: is it a simulated network?",
                self.url
            ))),
        }
    }

    pub async fn show(&self, screen: &Screen) -> Result<(), reqwest::Error> {
        self.post("/screens", screen).await?.error_for_status()?;
        Ok(())
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<Response, reqwest::Error> {
        let url = format!("{}{path}", self.url);
        self.client.post(url).json(body).send().await
    }
}

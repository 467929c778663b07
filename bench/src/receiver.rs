//! The webhook's other end: it counts.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Result, ensure};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use tokio::{net::TcpListener, sync::watch, time::timeout};

/// How long deliveries may take to come.
const WAIT_MAX: Duration = Duration::from_secs(300);

pub struct Receiver {
    pub url: String,
    count: watch::Receiver<usize>,
}

impl Receiver {
    pub async fn start() -> Result<Self> {
        let (counted, count) = watch::channel(0);
        let receive = async |State(counted): State<watch::Sender<usize>>| {
            counted.send_modify(|count| *count += 1);
            StatusCode::OK
        };
        let routes = Router::new().route("/", post(receive)).with_state(counted);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { url, count })
    }

    /// Waits until so many deliveries have come since the start.
    pub async fn received(&self, wanted: usize) -> Result<()> {
        let mut count = self.count.clone();
        let enough = timeout(WAIT_MAX, count.wait_for(|count| *count >= wanted)).await;
        let came = *self.count.borrow();
        ensure!(matches!(enough, Ok(Ok(_))), "{came} of {wanted} deliveries came");
        Ok(())
    }
}

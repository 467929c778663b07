//! The webhook's other end: it counts, and looks at the clock.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, time::timeout};

/// How long deliveries may take to come.
const WAIT_MAX: Duration = Duration::from_secs(300);

pub struct Receiver {
    pub url: String,
    count: watch::Receiver<usize>,
    latencies: Arc<Mutex<Vec<u64>>>,
}

#[derive(Clone)]
struct Taken {
    count: watch::Sender<usize>,
    latencies: Arc<Mutex<Vec<u64>>>,
}

/// Unix time, in microseconds.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

impl Receiver {
    pub async fn start() -> Result<Self> {
        let (sender, count) = watch::channel(0);
        let taken = Taken { count: sender, latencies: Arc::default() };
        let latencies = taken.latencies.clone();
        let receive = async |State(taken): State<Taken>, body: Bytes| {
            // A text that is a time says when it was sent.
            let json: Value = serde_json::from_slice(&body).unwrap_or_default();
            let sent = json["event"]["Message"]["conversation"].as_str().and_then(|text| text.parse::<u64>().ok());
            if let Some(sent) = sent {
                let mut latencies = taken.latencies.lock().unwrap_or_else(PoisonError::into_inner);
                latencies.push(now_us().saturating_sub(sent));
            }
            taken.count.send_modify(|count| *count += 1);
            StatusCode::OK
        };
        let routes = Router::new().route("/", post(receive)).layer(DefaultBodyLimit::disable()).with_state(taken);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { url, count, latencies })
    }

    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Of the texts that came since the last call, in microseconds.
    pub fn take_latencies(&self) -> Vec<u64> {
        std::mem::take(&mut self.latencies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until so many deliveries have come since the start.
    pub async fn received(&self, wanted: usize) -> Result<()> {
        let mut count = self.count.clone();
        let enough = timeout(WAIT_MAX, count.wait_for(|count| *count >= wanted)).await;
        let came = self.count();
        ensure!(matches!(enough, Ok(Ok(_))), "{came} of {wanted} deliveries came");
        Ok(())
    }
}

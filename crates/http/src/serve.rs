use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::Request;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{app::App, router};

mod stall;

use stall::Stall;

/// Pause after a connection could not be accepted: mostly for want of file handles, which others give back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`; then accepts no more, lets requests in flight finish for a bounded time, and returns.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) {
    let router = router(app.clone());
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(app.limits.connections));
    // Ends what is still open when the time to drain is over.
    let cut = CancellationToken::new();
    let accept = async {
        loop {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    accept_failed(&error).await;
                    continue;
                }
            };
            let connection = connection(stream, router.clone(), app.clone(), shutdown.clone());
            let connection = cut.clone().run_until_cancelled_owned(connection);
            connections.spawn(async move {
                connection.await;
                drop(place);
            });
        }
    };
    shutdown.run_until_cancelled(accept).await;
    drop(listener);

    let deadline = Instant::now() + app.limits.drain_time;
    connections.close();
    app.sends().close();
    let drained = async {
        connections.wait().await;
        app.sends().wait().await;
    };
    if timeout_at(deadline, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), sends = app.sends().len(), "cut off while stopping");
        cut.cancel();
        connections.wait().await;
    }
}

async fn accept_failed(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset) {
        tracing::error!(%error, "cannot accept connections");
        sleep(ACCEPT_PAUSE).await;
    }
}

/// One connection, whose requests come one after the other.
async fn connection(stream: TcpStream, router: Router, app: App, shutdown: CancellationToken) {
    // Replies are small and whole; waiting to fill a packet would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let limits = &app.limits;
    // Of header lines hyper takes 100.
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_header_size(limits.head_bytes)
            .serve_connection(TokioIo::new(Stall::new(stream, limits.stall_time)), TowerToHyperService::new(service))
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A peer that hung up, or did not speak HTTP.
        tracing::debug!(%error, "connection ended");
    }
}

//! Recording the history that a phone sends: unpacked on a thread of its own, stored part by part.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{adapter::history::Chunk, connection::Made};

/// Parts that wait for the store. The thread that unpacks waits with the next.
const PARTS_MAX: usize = 1;
const KIND: &str = "HistorySync";

/// Whether the session's subscription names it. A store that does not answer means no.
pub(crate) async fn is_wanted(made: &Made) -> bool {
    let session = made.store.session(made.session).await;
    let names = session.ok().flatten().map(|session| session.subscribe).unwrap_or_default();
    names.iter().any(|name| name == KIND || name == wago_contract::subscription::ALL)
}

/// Tells the chunks until there are no more senders, or the connection is stopped: what is left then is not told.
pub(crate) async fn record(mut chunks: mpsc::Receiver<Chunk>, made: &Made, stop: &CancellationToken) {
    while let Some(chunk) = chunks.recv().await {
        if stop.is_cancelled() || !is_wanted(made).await {
            continue;
        }
        let (sender, mut parts) = mpsc::channel(PARTS_MAX);
        let reading = tokio::task::spawn_blocking(move || chunk.tell(|part| sender.blocking_send(part).is_ok()));
        while let Some(part) = parts.recv().await {
            if stop.is_cancelled() || !made.recorder.insist(vec![part]).await {
                // The thread finds nobody to listen and ends.
                break;
            }
        }
        drop(parts);
        match reading.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(session = made.recorder.name(), error, "history could not be read"),
            Err(error) => tracing::error!(session = made.recorder.name(), %error, "reading history failed"),
        }
    }
}

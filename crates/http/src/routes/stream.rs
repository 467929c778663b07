//! `GET /events/stream`: the log as server-sent events.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{HeaderMap, header};
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, timeout},
};
use wago_delivery::Tail;
use wago_store::{Event, Session as Row};

use crate::{
    app::App,
    credentials::Session,
    error::ApiError,
    query::Parameters,
    reply::Result,
    routes::events::filter,
    streams::{PAGE, Place, REVOKED, still_holds},
};

/// What a browser waits before it connects again, in milliseconds.
const RETRY: &str = "retry: 1000\n\n";
/// Events that the reader has not seen have been removed by retention.
const GAP: &str = "event: gap\ndata: {\"gap\":true}\n\n";

pub(crate) async fn open(
    Session(session): Session,
    State(app): State<App>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response> {
    // A browser that comes back names the last one it saw, whatever the URL says.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::trim).filter(|id| !id.is_empty());
    let after = match last {
        Some(id) => Some(id.parse().ok().filter(|id| *id >= 0).ok_or_else(|| {
            ApiError::invalid("Last-Event-ID", "Last-Event-ID should be the id of an event of this stream")
        })?),
        None => parameters.integer("after", 0..=i64::MAX)?,
    };
    let filter = filter(&app, &session, &parameters).await?;
    let place = app.streams().enter(session.id, app.limits.streams.per_session)?;
    let tail = Tail::new(app.store.clone(), session.id, filter, after).await?;
    let (chunks, written) = mpsc::channel(1);
    let (last_words, last) = oneshot::channel();
    // A task of its own reads the log: nobody asks for the body while the connection is stuck, and a read of the database
    // that stands still would keep its place from others.
    let reader = Reader { app, session, tail, chunks, place };
    tokio::spawn(async move {
        if let Some(said) = reader.run().await {
            // Whoever hung up needs no last words.
            let _ = last_words.send(said);
        }
    });
    let body = stream::unfold((written, Some(last)), |(mut written, last)| async move {
        let chunk = match written.recv().await {
            Some(chunk) => return Some((Ok::<_, Infallible>(chunk), (written, last))),
            None => last?.await.ok()?,
        };
        Some((Ok(chunk), (written, None)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that collects what it passes on would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

struct Reader {
    app: App,
    session: Row,
    tail: Tail,
    /// Holds one chunk, which is taken when the one before has been written.
    chunks: mpsc::Sender<Bytes>,
    place: Place,
}

impl Reader {
    /// Until the reader hangs up, or to the last chunk, which says why it is the last and where to go on.
    async fn run(mut self) -> Option<Bytes> {
        let limits = self.app.limits.streams.clone();
        let mut heartbeat = interval(limits.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = self.app.stopping.clone();
        self.chunks.send(Bytes::from_static(RETRY.as_bytes())).await.ok()?;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Some(end("the gateway stops", self.tail.cursor())),
                () = self.place.ended() => return Some(end(REVOKED, self.tail.cursor())),
                () = self.chunks.closed() => return None,
                page = self.tail.next(PAGE) => {
                    let page = page.inspect_err(|error| tracing::error!(%error, "a stream of events ends")).ok()?;
                    if page.gap {
                        timeout(limits.slow, self.chunks.send(Bytes::from_static(GAP.as_bytes()))).await.ok()?.ok()?;
                    }
                    for event in page.events {
                        match timeout(limits.slow, self.chunks.send(told(&event))).await {
                            Ok(sent) => sent.ok()?,
                            Err(_) => return Some(end("the reader is too slow", event.cursor - 1)),
                        }
                    }
                }
                _ = heartbeat.tick() => {
                    if !still_holds(&self.app, &self.session).await {
                        return Some(end(REVOKED, self.tail.cursor()));
                    }
                    // The cursor moves on over what the filter leaves out. A full channel is sign enough of life.
                    let _ = self.chunks.try_send(format!(": {}\n\n", self.tail.cursor()).into());
                }
            }
        }
    }
}

fn end(why: &str, cursor: i64) -> Bytes {
    format!("event: cut\ndata: {{\"cut\":\"{why}\",\"cursor\":{cursor}}}\n\n").into()
}

/// The payload is one line: JSON writes a line break within a text as `\n`.
fn told(event: &Event) -> Bytes {
    let mut chunk = format!("id: {}\nevent: {}\ndata: ", event.cursor, event.kind).into_bytes();
    chunk.extend_from_slice(&event.payload);
    chunk.extend_from_slice(b"\n\n");
    chunk.into()
}

//! `GET /events/stream`: the log as server-sent events.

use std::{collections::VecDeque, convert::Infallible, time::Instant};

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{HeaderMap, header};
use tokio::time::{Interval, MissedTickBehavior, interval};
use wago_delivery::Tail;
use wago_store::{Event, Session as Row};

use crate::{
    app::App,
    credentials::Session,
    error::ApiError,
    query::Parameters,
    reply::Result,
    routes::events::filter,
    streams::{PAGE, Place, still_holds},
};

/// What a browser waits before it connects again, in milliseconds.
const RETRY: &str = "retry: 1000\n\n";

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
    let mut heartbeat = interval(app.limits.streams.heartbeat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reader = Reader {
        app,
        session,
        tail,
        page: VecDeque::new(),
        heartbeat,
        handed: None,
        begun: false,
        over: false,
        _place: place,
    };
    let body = stream::unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((Ok::<_, Infallible>(chunk), reader))
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
    page: VecDeque<Event>,
    heartbeat: Interval,
    /// When the last chunk was handed over to be written.
    handed: Option<Instant>,
    begun: bool,
    over: bool,
    _place: Place,
}

impl Reader {
    /// The next chunk; it is asked for when the one before has been written.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        let slow = self.handed.is_some_and(|handed| handed.elapsed() > self.app.limits.streams.slow);
        let chunk = if slow { self.end("the reader is too slow") } else { self.chunk().await? };
        self.handed = Some(Instant::now());
        Some(chunk)
    }

    async fn chunk(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.begun, true) {
            return Some(Bytes::from_static(RETRY.as_bytes()));
        }
        loop {
            if let Some(event) = self.page.pop_front() {
                return Some(told(&event));
            }
            let stopping = self.app.stopping.clone();
            tokio::select! {
                () = stopping.cancelled() => return Some(self.end("the gateway stops")),
                page = self.tail.next(PAGE) => match page {
                    Ok(page) => self.page.extend(page.events),
                    Err(error) => {
                        tracing::error!(%error, "a stream of events ends");
                        return None;
                    }
                },
                _ = self.heartbeat.tick() => {
                    if !still_holds(&self.app, &self.session).await {
                        return Some(self.end("the token no longer holds"));
                    }
                    // The cursor moves on over what the filter leaves out.
                    return Some(format!(": {}\n\n", self.tail.cursor()).into());
                }
            }
        }
    }

    /// The last chunk says why, and where to go on.
    fn end(&mut self, why: &str) -> Bytes {
        self.over = true;
        let cursor = self.page.front().map_or_else(|| self.tail.cursor(), |event| event.cursor - 1);
        format!("event: cut\ndata: {{\"cut\":\"{why}\",\"cursor\":{cursor}}}\n\n").into()
    }
}

/// The payload is one line: JSON writes a line break within a text as `\n`.
fn told(event: &Event) -> Bytes {
    let mut chunk = format!("id: {}\nevent: {}\ndata: ", event.cursor, event.kind).into_bytes();
    chunk.extend_from_slice(&event.payload);
    chunk.extend_from_slice(b"\n\n");
    chunk.into()
}

//! `GET /updates`: tells the page what to look at again.

use std::convert::Infallible;

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use tokio::sync::broadcast::error::RecvError;

use super::Control;
use crate::state::Update;

pub(super) async fn stream(State(control): State<Control>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let updates = control.core.updates();
    let events = stream::unfold((updates, control.stopping), |(mut updates, stopping)| async move {
        let update = tokio::select! {
            update = updates.recv() => update,
            () = stopping.cancelled() => return None,
        };
        let event = match update {
            Ok(update) => event(&update),
            // Too far behind: everything may have changed.
            Err(RecvError::Lagged(_)) => Event::default().data(r#"{"type":"everything"}"#),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(event), (updates, stopping)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

fn event(update: &Update) -> Event {
    Event::default().json_data(update).expect("an update is plain data")
}

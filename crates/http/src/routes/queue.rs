//! `/queue`: the sends that wait, and `/session/pacing`: how fast they go out.

use axum::extract::{Path, State};
use http::request::Parts;
use wago_contract::{
    pacing::Pacing,
    queue::{self, Entry},
};
use wago_store::{Cancelled, QueuedSend, SendState};

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    error::ApiError,
    page::number,
    query::parameter,
    queue::runner,
    reply::{Reply, Result},
};

const LIMIT_MAX: u64 = 1_000;
const LIMIT: u64 = 100;

/// `?state=` one of them or `all`; what waits or is being sent unless it is given. The newest first.
pub(crate) async fn list(
    Session(session): Session,
    State(app): State<App>,
    parts: Parts,
) -> Result<Reply<queue::Queue>> {
    use SendState::{Cancelled, Failed, Sending, Sent, Waiting};
    let states: &[SendState] = match parameter(&parts, "state").as_deref() {
        None => &[Waiting, Sending],
        Some("all") => &[],
        Some("waiting") => &[Waiting],
        Some("sending") => &[Sending],
        Some("sent") => &[Sent],
        Some("failed") => &[Failed],
        Some("cancelled") => &[Cancelled],
        Some(_) => {
            let text = "state should be waiting, sending, sent, failed, cancelled or all";
            return Err(ApiError::invalid("state", text));
        }
    };
    let limit = number(&parts, "limit", LIMIT_MAX)?.unwrap_or(LIMIT);
    let before = number(&parts, "before", i64::MAX.unsigned_abs())?;
    let before = before.and_then(|before| i64::try_from(before).ok());
    let mut sends = app.store.queued_sends(session.id, states, before, limit + 1).await?;
    let more = sends.len() as u64 > limit;
    if more {
        sends.pop();
    }
    let next = sends.last().filter(|_| more).map(|last| last.row);
    Ok(Reply(queue::Queue { queue: sends.into_iter().map(entry).collect(), next }))
}

pub(crate) async fn show(
    Session(session): Session,
    Path(id): Path<String>,
    State(app): State<App>,
) -> Result<Reply<Entry>> {
    let send = app.store.queued_send(session.id, &id).await?;
    send.map(|send| Reply(entry(send))).ok_or_else(ApiError::unknown_message)
}

pub(crate) async fn cancel(
    Session(session): Session,
    Path(id): Path<String>,
    State(app): State<App>,
) -> Result<Reply<Entry>> {
    match app.store.cancel_send(session.id, &id, app.now_ms()).await? {
        Cancelled::Done | Cancelled::Finished(SendState::Cancelled) => {
            show(Session(session), Path(id), State(app)).await
        }
        Cancelled::Unknown => Err(ApiError::unknown_message()),
        Cancelled::TooLate => Err(ApiError::not_waiting("it is being sent")),
        Cancelled::Finished(SendState::Failed) => Err(ApiError::not_waiting("it has failed already")),
        Cancelled::Finished(_) => Err(ApiError::not_waiting("it was sent already")),
    }
}

fn entry(send: QueuedSend) -> Entry {
    Entry {
        id: send.message_id,
        route: send.route,
        phone: send.recipient,
        state: match send.state {
            SendState::Waiting => queue::State::Waiting,
            SendState::Sending => queue::State::Sending,
            SendState::Sent => queue::State::Sent,
            SendState::Failed => queue::State::Failed,
            SendState::Cancelled => queue::State::Cancelled,
        },
        send_at: send.not_before_ms.div_euclid(1000),
        attempts: send.attempts,
        error: send.error,
        created: send.created_at_ms.div_euclid(1000),
        finished: send.finished_at_ms.map(|at| at.div_euclid(1000)),
    }
}

pub(crate) async fn pacing(Session(session): Session) -> Reply<Pacing> {
    Reply(runner::pacing(&session))
}

/// Takes the place of all that was set before: what is not named is off.
pub(crate) async fn set_pacing(
    Session(session): Session,
    State(app): State<App>,
    Body(pacing): Body<Pacing>,
) -> Result<Reply<Pacing>> {
    let text = serde_json::to_string(&pacing).map_err(|_| ApiError::internal())?;
    let text = (!pacing.is_off()).then_some(text);
    app.store.set_pacing(session.id, text.as_deref()).await?;
    Ok(Reply(pacing))
}

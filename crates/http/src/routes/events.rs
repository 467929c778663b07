//! `/events`: the session's log, by cursor.

use std::{fmt::Write as _, time::Duration};

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::header::CONTENT_TYPE;
use tokio::time::timeout;
use wago_contract::delivery::{Deliveries, ReplayEvent, Replayed};
use wago_delivery::Tail;
use wago_store::{Event, EventFilter, Replay, WebhookId};

use crate::{
    app::App,
    body::Body,
    chat,
    credentials::Session,
    error::ApiError,
    query::Parameters,
    reply::{Reply, Result},
    routes::webhooks::told,
};

/// Events in one answer.
const EVENTS_MAX: i64 = 1_000;
/// Bytes of payload in one answer; it ends with the event that reaches them.
const BYTES_MAX: usize = 8 << 20;
/// Seconds that a request may wait for an event.
const WAIT_MAX: i64 = 60;
/// Chats in one filter.
const CHATS_MAX: usize = 50;

/// Oldest first, after a cursor.
pub(crate) async fn list(
    Session(session): Session,
    State(app): State<App>,
    parameters: Parameters,
) -> Result<Response> {
    let after = parameters.integer("after", 0..=i64::MAX)?.unwrap_or(0);
    let limit = parameters.integer("limit", 1..=EVENTS_MAX)?.map_or(100, i64::unsigned_abs);
    let wait = parameters.integer("wait", 0..=WAIT_MAX)?.unwrap_or(0);
    let filter = filter(&app, &session, &parameters).await?;

    let mut page = app.store.events_after(session.id, after, limit, &filter).await?;
    page.gap &= after > 0;
    if page.events.is_empty() && page.end && !page.gap && wait > 0 {
        let mut tail = Tail::new(app.store.clone(), session.id, filter, Some(page.next)).await?;
        let wait = Duration::from_secs(wait.unsigned_abs());
        let waited = app.stopping.run_until_cancelled(timeout(wait, tail.next(limit))).await;
        match waited {
            Some(Ok(next)) => page = next?,
            // Nothing came, or the process stops: what was passed over need not be looked at again.
            Some(Err(_)) | None => page.next = tail.cursor(),
        }
    }
    let gap = page.gap;
    let mut body = String::from(r#"{"code":200,"data":{"events":["#);
    let (mut next, mut more) = (page.next, !page.end);
    let count = page.events.len();
    for (at, event) in page.events.into_iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(&with_cursor(&event));
        if body.len() > BYTES_MAX && at + 1 < count {
            (next, more) = (event.cursor, true);
            break;
        }
    }
    // Writing into a string cannot fail.
    let _ = write!(body, r#"],"next":{next},"more":{more},"gap":{gap}}},"success":true}}"#);
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

pub(crate) async fn show(
    Path(id): Path<String>,
    Session(session): Session,
    State(app): State<App>,
) -> Result<Response> {
    let event = find(&app, &session, &id).await?;
    let body = format!(r#"{{"code":200,"data":{},"success":true}}"#, with_cursor(&event));
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

pub(crate) async fn deliveries(
    Path(id): Path<String>,
    Session(session): Session,
    State(app): State<App>,
) -> Result<Reply<Deliveries>> {
    let event = find(&app, &session, &id).await?;
    let records = app.store.event_deliveries(&event).await?;
    Ok(Reply(Deliveries { deliveries: records.into_iter().map(told).collect() }))
}

/// The event is delivered again, under the same id.
pub(crate) async fn replay(
    Path(id): Path<String>,
    Session(session): Session,
    State(app): State<App>,
    Body(body): Body<ReplayEvent>,
) -> Result<Reply<Replayed>> {
    let event = find(&app, &session, &id).await?;
    if let Some(webhook) = body.webhook {
        let found = app.store.webhook(WebhookId(webhook)).await?;
        if found.is_none_or(|found| found.session != session.id) {
            return Err(ApiError::not_found("the session has no webhook with this id"));
        }
    }
    let replay = Replay::Event { event: event.cursor, webhook: body.webhook.map(WebhookId), now_ms: app.now_ms() };
    let done = app.store.replay(session.id, replay).await?;
    Ok(Reply(Replayed { replayed: done.count, next: done.next }))
}

async fn find(app: &App, session: &wago_store::Session, id: &str) -> Result<Event> {
    let event = app.store.event(session.id, id).await?;
    event.ok_or_else(|| ApiError::not_found("the session's log has no event with this id"))
}

/// What `type` and `chat` ask for.
pub(crate) async fn filter(app: &App, session: &wago_store::Session, parameters: &Parameters) -> Result<EventFilter> {
    filter_of(app, session, parameters.words("type"), parameters.words("chat")).await
}

pub(crate) async fn filter_of(
    app: &App,
    session: &wago_store::Session,
    types: Vec<String>,
    chats: Vec<String>,
) -> Result<EventFilter> {
    if chats.len() > CHATS_MAX {
        return Err(ApiError::invalid("chat", format!("chat: at most {CHATS_MAX} of them")));
    }
    let mut kinds = wago_contract::subscription::known(types, "type")?;
    if kinds.iter().any(|kind| kind == wago_contract::subscription::ALL) {
        kinds.clear();
    }
    let mut keys: Vec<String> = Vec::new();
    for text in chats {
        for key in chat::keys(app, session, "chat", &text).await? {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    Ok(EventFilter { kinds, chats: keys })
}

/// The event as it was recorded, with its cursor before all else.
fn with_cursor(event: &Event) -> String {
    let payload = String::from_utf8_lossy(&event.payload);
    let members = payload.trim_start().strip_prefix('{').unwrap_or("}");
    format!(r#"{{"cursor":{},{members}"#, event.cursor)
}

//! `/webhooks`: all of a session's, each with filters of its own.

use axum::extract::{Path, State};
use secrecy::SecretString;
use wago_contract::{
    delivery::{self, Deliveries, ReplayWebhook, Replayed, Time},
    webhook::{ChangeWebhook, Endpoint, Format, Paused, Tested},
};
use wago_store::{DeliveryState, Replay, WEBHOOKS_MAX, WebhookChange, WebhookFormat, WebhookId};

use crate::{
    app::App,
    body::Body,
    chat,
    credentials::Session,
    error::ApiError,
    query::Parameters,
    reply::{Reply, Result},
    routes::webhook::check,
    time,
};

/// Deliveries in one answer.
const DELIVERIES_MAX: u64 = 200;

pub(crate) async fn list(Session(session): Session, State(app): State<App>) -> Result<Reply<Vec<Endpoint>>> {
    let webhooks = app.store.webhooks(session.id).await?;
    Ok(Reply(webhooks.into_iter().map(|webhook| shown(webhook, app.now_ms())).collect()))
}

pub(crate) async fn show(id: Id, Session(session): Session, State(app): State<App>) -> Result<Reply<Endpoint>> {
    let webhook = find(&app, &session, id).await?;
    Ok(Reply(shown(webhook, app.now_ms())))
}

pub(crate) async fn create(
    Session(session): Session,
    State(app): State<App>,
    Body(body): Body<ChangeWebhook>,
) -> Result<Reply<Endpoint>> {
    body.url()?;
    let change = change(&app, &session, body).await?;
    let now_ms = app.now_ms();
    let created = app.store.create_webhook(session.id, change, now_ms).await?;
    let webhook = created.ok_or_else(|| {
        ApiError::full(format!("a session has {WEBHOOKS_MAX} webhooks at most; delete one, or change it"))
    })?;
    Ok(Reply(shown(webhook, now_ms)))
}

pub(crate) async fn update(
    id: Id,
    Session(session): Session,
    State(app): State<App>,
    Body(body): Body<ChangeWebhook>,
) -> Result<Reply<Endpoint>> {
    let change = change(&app, &session, body).await?;
    let now_ms = app.now_ms();
    let updated = app.store.update_webhook(session.id, id.webhook()?, change, now_ms).await?;
    let webhook = updated.ok_or_else(unknown)?;
    Ok(Reply(shown(webhook, now_ms)))
}

/// What waits for it goes with it.
pub(crate) async fn delete(
    id: Id,
    Session(session): Session,
    State(app): State<App>,
) -> Result<Reply<wago_contract::session::Deleted>> {
    match app.store.delete_webhook(session.id, id.webhook()?).await? {
        true => Ok(Reply(wago_contract::session::Deleted { details: "webhook deleted" })),
        false => Err(unknown()),
    }
}

pub(crate) async fn test(id: Id, Session(session): Session, State(app): State<App>) -> Result<Reply<Tested>> {
    let webhook = find(&app, &session, id).await?;
    let tested = app.tester().test(&webhook, &session).await;
    Ok(Reply(Tested {
        event_id: tested.event_id,
        delivered: tested.error.is_none(),
        status: tested.status,
        latency_ms: u64::try_from(tested.latency.as_millis()).unwrap_or(u64::MAX),
        body: String::from_utf8_lossy(&tested.body).into_owned(),
        error: tested.error,
    }))
}

/// Newest first; `before`: an id, to go on.
pub(crate) async fn deliveries(
    id: Id,
    Session(session): Session,
    State(app): State<App>,
    parameters: Parameters,
) -> Result<Reply<Deliveries>> {
    let webhook = find(&app, &session, id).await?;
    let state = parameters.first("status").map(|status| delivery::Status::read(&status)).transpose()?.map(state);
    let before = parameters.integer("before", 1..=i64::MAX)?;
    let limit = parameters.integer("limit", 1..=DELIVERIES_MAX as i64)?.map_or(50, i64::unsigned_abs);
    let records = app.store.webhook_deliveries(webhook.id, state, before, limit).await?;
    Ok(Reply(Deliveries { deliveries: records.into_iter().map(told).collect() }))
}

/// What was given up, or everything since a time, is delivered again.
pub(crate) async fn replay(
    id: Id,
    Session(session): Session,
    State(app): State<App>,
    Body(body): Body<ReplayWebhook>,
) -> Result<Reply<Replayed>> {
    let webhook = find(&app, &session, id).await?.id;
    let since_ms = body.since.map(|time| read_time("Since", &time)).transpose()?.unwrap_or(i64::MIN);
    let until_ms = body.until.map(|time| read_time("Until", &time)).transpose()?.unwrap_or(i64::MAX);
    let now_ms = app.now_ms();
    let replay = match body.all {
        true => Replay::All { webhook, since_ms, until_ms, after: body.after, now_ms },
        false => Replay::Dead { webhook, since_ms, until_ms, now_ms },
    };
    let done = app.store.replay(session.id, replay).await?;
    Ok(Reply(Replayed { replayed: done.count, next: done.next }))
}

fn read_time(field: &'static str, time: &Time) -> Result<i64> {
    match time {
        Time::UnixSeconds(seconds) => Ok(seconds * 1_000),
        Time::Rfc3339(text) => time::read(text).ok_or_else(|| {
            let expected = "a time such as 2026-01-31T12:00:00Z, or Unix seconds";
            ApiError::invalid(field, format!("{field} should be {expected}"))
        }),
    }
}

/// A webhook's number in the path. What is no number is no webhook.
pub(crate) struct Id(Option<i64>);

impl Id {
    fn webhook(&self) -> Result<WebhookId> {
        self.0.map(WebhookId).ok_or_else(unknown)
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut http::request::Parts, state: &S) -> Result<Self> {
        let path = Path::<String>::from_request_parts(parts, state).await.map_err(|_| unknown())?;
        Ok(Self(path.0.parse().ok()))
    }
}

async fn find(app: &App, session: &wago_store::Session, id: Id) -> Result<wago_store::Webhook> {
    let webhook = app.store.webhook(id.webhook()?).await?;
    webhook.filter(|webhook| webhook.session == session.id).ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found("the session has no webhook with this id")
}

async fn change(app: &App, session: &wago_store::Session, body: ChangeWebhook) -> Result<WebhookChange> {
    if let Some(url) = &body.url {
        check(app, "URL", url).await?;
    }
    let chats = match body.chats {
        Some(chats) => Some(chat::filters(app, session, "Chats", chats).await?),
        None => None,
    };
    Ok(WebhookChange {
        url: body.url,
        format: body.format.map(format),
        secret: body.secret.map(|secret| (!secret.is_empty()).then(|| SecretString::from(secret))),
        headers: body.headers,
        events: body.events,
        chats,
        paused: body.active.map(|active| (!active).then(|| "paused on request".to_owned())),
        subscribe: None,
    })
}

pub(crate) fn format(format: Format) -> WebhookFormat {
    match format {
        Format::Form => WebhookFormat::Form,
        Format::Json => WebhookFormat::Json,
    }
}

fn state(status: delivery::Status) -> DeliveryState {
    match status {
        delivery::Status::Waiting => DeliveryState::Waiting,
        delivery::Status::Delivered => DeliveryState::Delivered,
        delivery::Status::Failed => DeliveryState::Dead,
        delivery::Status::Replayed => DeliveryState::Replayed,
    }
}

pub(crate) fn told(record: wago_store::DeliveryRecord) -> delivery::Delivery {
    let attempts = record.attempts.into_iter().map(|attempt| delivery::Attempt {
        at: time::show(attempt.at_ms),
        url: attempt.url,
        status: attempt.status,
        latency_ms: attempt.latency_ms,
        error: attempt.error,
        response: String::from_utf8_lossy(&attempt.response).into_owned(),
    });
    delivery::Delivery {
        id: record.id,
        webhook_id: record.webhook.0,
        event_id: record.event_id,
        kind: record.kind,
        status: match record.state {
            DeliveryState::Waiting => delivery::Status::Waiting,
            DeliveryState::Delivered => delivery::Status::Delivered,
            DeliveryState::Dead => delivery::Status::Failed,
            DeliveryState::Replayed => delivery::Status::Replayed,
        },
        next_attempt_at: record.due_at.map(time::show),
        attempts: attempts.collect(),
    }
}

pub(crate) fn paused(webhook: &wago_store::Webhook) -> Option<Paused> {
    let paused = webhook.paused.as_ref()?;
    Some(Paused { since: time::show(paused.at_ms), reason: paused.reason.clone() })
}

fn shown(webhook: wago_store::Webhook, now_ms: i64) -> Endpoint {
    let old_secret_until = webhook.old_secret.as_ref().map(|(_, until)| *until).filter(|until| *until > now_ms);
    Endpoint {
        id: webhook.id.0,
        active: webhook.paused.is_none(),
        paused: paused(&webhook),
        url: webhook.url,
        events: webhook.events,
        chats: webhook.chats,
        format: match webhook.format {
            WebhookFormat::Form => Format::Form,
            WebhookFormat::Json => Format::Json,
        },
        secret_set: webhook.secret.is_some(),
        old_secret_until: old_secret_until.map(time::show),
        headers: webhook.headers.into_iter().collect(),
        failing_since: webhook.failing_since.map(time::show),
        created_at: (webhook.created_at_ms > 0).then(|| time::show(webhook.created_at_ms)),
    }
}

//! `/session/*` by the session's token.

use std::time::Duration;

use axum::extract::State;
use wago_contract::{
    history::{AskHistory, HistoryAsked},
    proxy::{Proxy, SetProxy},
    session::{Connect, Connected, Done, HealthState, Identity, Pair, Paired, Status},
};

use crate::{
    app::App,
    asked::Asked,
    body::Body,
    credentials::Session,
    error::ApiError,
    reply::{Reply, Result},
};

/// How long `Immediate: false` waits for the connection, or a QR code.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

pub(crate) async fn connect(
    Session(session): Session,
    State(app): State<App>,
    Body(connect): Body<Connect>,
) -> Result<Reply<Connected>> {
    let subscribe = subscribe(&app, &session, connect.subscribe).await?;
    let wait = (!connect.immediate).then_some(CONNECT_WAIT);
    let status = app.sessions.connect(session.id, wait).await?;
    let linking_code = match connect.phone {
        Some(phone) if !status.logged_in => Some(app.sessions.pair(session.id, &phone).await?),
        _ => None,
    };
    let linkable = matches!(status.health.state, HealthState::WaitingForScan | HealthState::WaitingForPasskey);
    if wait.is_some() && !status.connected && !linkable && linking_code.is_none() {
        return Err(ApiError::not_connected(&status.health.reason));
    }
    let webhook = app.store.session_webhook(session.id).await?;
    Ok(Reply(Connected {
        details: "Connected!",
        events: subscribe.join(","),
        jid: status.jid.unwrap_or_default(),
        webhook: webhook.map(|webhook| webhook.url).unwrap_or_default(),
        linking_code,
    }))
}

pub(crate) async fn pair(
    Session(session): Session,
    State(app): State<App>,
    Body(pair): Body<Pair>,
) -> Result<Reply<Paired>> {
    subscribe(&app, &session, pair.subscribe).await?;
    let linking_code = app.sessions.pair(session.id, &pair.phone).await?;
    Ok(Reply(Paired { linking_code }))
}

/// Stores the subscription if one is named, and returns the one that holds.
async fn subscribe(app: &App, session: &wago_store::Session, named: Option<Vec<String>>) -> Result<Vec<String>> {
    let Some(named) = named else {
        return Ok(session.subscribe.clone());
    };
    app.store.set_subscribe(session.id, &named).await?;
    Ok(named)
}

pub(crate) async fn status(Session(session): Session, State(app): State<App>) -> Result<Reply<Status>> {
    let status = app.sessions.status(session.id).await?;
    let identity = |jid: Option<String>| jid.as_deref().map(Identity::of_jid).unwrap_or_default();
    Ok(Reply(Status {
        connected: status.connected,
        logged_in: status.logged_in,
        jid: identity(status.jid),
        lid: identity(status.lid),
        events: session.subscribe.join(","),
        name: session.name,
        health: status.health,
    }))
}

/// Closes the socket; the device stays linked.
pub(crate) async fn disconnect(Session(session): Session, State(app): State<App>) -> Result<Reply<Done>> {
    app.sessions.disconnect(session.id).await?;
    Ok(Reply(Done { details: "Disconnected" }))
}

/// Unlinks the device; the next connect needs a scan.
pub(crate) async fn logout(Session(session): Session, State(app): State<App>) -> Result<Reply<Done>> {
    app.sessions.logout(session.id).await?;
    Ok(Reply(Done { details: "Logged out" }))
}

pub(crate) async fn history(
    Session(session): Session,
    State(app): State<App>,
    Asked(ask): Asked<AskHistory>,
) -> Result<Reply<HistoryAsked>> {
    Ok(Reply(app.sessions.ask_history(session.id, ask).await?))
}

pub(crate) async fn proxy(Session(session): Session, State(app): State<App>) -> Result<Reply<Proxy>> {
    Ok(Reply(through("Proxy", app.sessions.proxy(session.id).await?)))
}

pub(crate) async fn set_proxy(
    Session(session): Session,
    State(app): State<App>,
    Body(SetProxy { url }): Body<SetProxy>,
) -> Result<Reply<Proxy>> {
    let set = app.sessions.set_proxy(session.id, url.map(|url| url.0)).await?;
    let details = if set.is_some() { "Proxy set" } else { "Proxy removed" };
    Ok(Reply(through(details, set)))
}

fn through(details: &'static str, url: Option<String>) -> Proxy {
    Proxy { details, enable: url.is_some(), url: url.unwrap_or_default() }
}

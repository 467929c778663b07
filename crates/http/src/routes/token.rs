//! `/session/*` by the admin: tokens and the sessions that they stand for.

use axum::extract::State;
use futures_util::{StreamExt, TryStreamExt, stream};
use secrecy::{ExposeSecret, SecretString};
use wago_contract::session::{Created, Deleted, Init, Listed, Rotate};
use wago_store::NewSession;

use crate::{
    app::App,
    body::Body,
    credentials::{Admin, Session, is_admin_token},
    error::ApiError,
    page::Page,
    reply::{Reply, Result},
};

/// Sessions looked up at the same time for a list.
const LOOKUPS_MAX: usize = 16;

pub(crate) async fn init(_: Admin, State(app): State<App>, Body(init): Body<Init>) -> Result<Reply<Created>> {
    refuse_admin_token(&app, &init.token)?;
    let Init { name, token, os } = init;
    let new = NewSession { name, token: token.into(), os_name: os };
    let session = app.store.create_session(new, app.now_ms()).await?;
    Ok(Reply(created("user created successfully", session)))
}

/// A new token for the same session; the old one stops at once.
pub(crate) async fn rotate(
    _: Admin,
    Session(session): Session,
    State(app): State<App>,
    Body(rotate): Body<Rotate>,
) -> Result<Reply<Created>> {
    refuse_admin_token(&app, &rotate.token)?;
    let token = SecretString::from(rotate.token);
    app.store.rotate_token(session.id, &token).await?;
    app.streams().end(session.id);
    Ok(Reply(created("token rotated successfully", wago_store::Session { token, ..session })))
}

/// A session's holder must not become the admin.
fn refuse_admin_token(app: &App, token: &str) -> Result<()> {
    if is_admin_token(app, token) {
        return Err(ApiError::invalid("Token", "Token should not be the admin token"));
    }
    Ok(())
}

fn created(details: &'static str, session: wago_store::Session) -> Created {
    Created { details, name: session.name, token: session.token.expose_secret().to_owned(), os_name: session.os_name }
}

pub(crate) async fn all(_: Admin, page: Page, State(app): State<App>) -> Result<Reply<Vec<Listed>>> {
    list(&app, false, page).await
}

/// Those that are linked to a WhatsApp account.
pub(crate) async fn scanned(_: Admin, page: Page, State(app): State<App>) -> Result<Reply<Vec<Listed>>> {
    list(&app, true, page).await
}

async fn list(app: &App, linked_only: bool, page: Page) -> Result<Reply<Vec<Listed>>> {
    let sessions = app.store.list_sessions(linked_only, page.offset, page.limit).await?;
    let listed = stream::iter(sessions).map(|session| listed(app, session));
    Ok(Reply(listed.buffered(LOOKUPS_MAX).try_collect().await?))
}

async fn listed(app: &App, session: wago_store::Session) -> Result<Listed> {
    let webhook = app.store.session_webhook(session.id).await?;
    let status = app.sessions.status(session.id).await?;
    Ok(Listed {
        name: session.name,
        token: session.token.expose_secret().to_owned(),
        os_name: session.os_name,
        webhook: webhook.map(|webhook| webhook.url).unwrap_or_default(),
        events: session.subscribe.join(","),
        jid: session.jid.unwrap_or_default(),
        connected: status.connected,
        logged_in: status.logged_in,
        created_at: session.created_at / 1000,
    })
}

/// Removes the session and all that belongs to it.
pub(crate) async fn delete(_: Admin, Session(session): Session, State(app): State<App>) -> Result<Reply<Deleted>> {
    app.sessions.delete(session.id).await?;
    app.streams().end(session.id);
    Ok(Reply(Deleted { details: "session deleted successfully" }))
}

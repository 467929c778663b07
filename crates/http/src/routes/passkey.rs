//! `/session/passkey`: what is asked of the account's owner while the session is linked, and the answers.

use axum::extract::State;
use wago_contract::session::passkey::{Passkey, PasskeyResponse, PasskeyTaken};

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    reply::{Reply, Result},
};

pub(crate) async fn show(Session(session): Session, State(app): State<App>) -> Reply<Passkey> {
    Reply(app.sessions.passkey(session.id))
}

pub(crate) async fn respond(
    Session(session): Session,
    State(app): State<App>,
    Body(response): Body<PasskeyResponse>,
) -> Result<Reply<PasskeyTaken>> {
    let state = app.sessions.answer_passkey(session.id, response).await?;
    Ok(Reply(PasskeyTaken { details: "the passkey was accepted; the phone goes on", state }))
}

pub(crate) async fn confirm(Session(session): Session, State(app): State<App>) -> Result<Reply<PasskeyTaken>> {
    let state = app.sessions.confirm_passkey(session.id).await?;
    Ok(Reply(PasskeyTaken { details: "confirmed; the phone is about to link the device", state }))
}

//! `/call/*`: making, taking and ending calls, and how they stand.

use axum::extract::State;
use http::request::Parts;
use wago_contract::call::{Acted, CallSettings, Calls, Invite, Made, MakeCall, MuteCall, NameCall, Press, TestLine};

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    error::ApiError,
    query::parameter,
    reply::{Beside, Reply, Result},
};

pub(crate) async fn make(
    Session(session): Session,
    State(app): State<App>,
    Body(wish): Body<MakeCall>,
) -> Result<Beside<Made>> {
    let call = app.sessions.make_call(session.id, wish).await?;
    Ok(Beside(Made { call_id: call.call_id.clone(), call }))
}

pub(crate) async fn answer(
    Session(session): Session,
    State(app): State<App>,
    Body(named): Body<NameCall>,
) -> Result<Beside<Made>> {
    let call = app.sessions.answer_call(session.id, named.call).await?;
    Ok(Beside(Made { call_id: call.call_id.clone(), call }))
}

pub(crate) async fn reject(
    Session(session): Session,
    State(app): State<App>,
    Body(named): Body<NameCall>,
) -> Result<Reply<Acted>> {
    app.sessions.reject_call(session.id, named.call.clone()).await?;
    acted("Call rejected", named.call)
}

pub(crate) async fn hang_up(
    Session(session): Session,
    State(app): State<App>,
    Body(named): Body<NameCall>,
) -> Result<Reply<Acted>> {
    app.sessions.hang_up(session.id, named.call.clone()).await?;
    acted("Call ended", named.call)
}

/// Asks somebody to join; of a call of two it makes one of many.
pub(crate) async fn invite(
    Session(session): Session,
    State(app): State<App>,
    Body(wish): Body<Invite>,
) -> Result<Reply<Acted>> {
    app.sessions.invite_to_call(session.id, wish.call.clone(), wish.phone).await?;
    acted("Invited", wish.call)
}

pub(crate) async fn mute(
    Session(session): Session,
    State(app): State<App>,
    Body(wish): Body<MuteCall>,
) -> Result<Reply<Acted>> {
    app.sessions.mute_call(session.id, wish.call.clone(), wish.muted).await?;
    acted(if wish.muted { "Call muted" } else { "Call unmuted" }, wish.call)
}

/// All that are remembered; with `?CallID=` that one.
pub(crate) async fn status(Session(session): Session, State(app): State<App>, parts: Parts) -> Result<Beside<Calls>> {
    let calls = match parameter(&parts, "CallID") {
        Some(call) => vec![app.sessions.call(session.id, &call)?],
        None => app.sessions.calls(session.id),
    };
    Ok(Beside(Calls { calls }))
}

pub(crate) async fn settings(Session(session): Session, State(app): State<App>) -> Result<Reply<CallSettings>> {
    Ok(Reply(app.sessions.call_settings(session.id).await?))
}

/// Takes the place of all that was set before: what is not named is off.
pub(crate) async fn set_settings(
    Session(session): Session,
    State(app): State<App>,
    Body(settings): Body<CallSettings>,
) -> Result<Reply<CallSettings>> {
    app.sessions.set_call_settings(session.id, &settings).await?;
    Ok(Reply(settings))
}

/// Keys of a telephone, as tones in the sound.
pub(crate) async fn press(
    Session(session): Session,
    State(app): State<App>,
    Body(wish): Body<Press>,
) -> Result<Reply<Acted>> {
    if !app.sessions.line(session.id, &wish.call)?.press(&wish.keys) {
        return Err(ApiError::invalid("Keys", "Keys should be 0-9, *, # and A-D, of which at most 32 wait"));
    }
    acted("Keys pressed", wish.call)
}

/// An echo, or a tone, to try a call with.
pub(crate) async fn test(
    Session(session): Session,
    State(app): State<App>,
    Body(wish): Body<TestLine>,
) -> Result<Reply<Acted>> {
    let line = app.sessions.line(session.id, &wish.call)?;
    line.echo(wish.echo);
    line.tone(wish.tone.map(|hz| hz as f32));
    acted("Test set", wish.call)
}

pub(crate) fn acted(details: &'static str, call_id: String) -> Result<Reply<Acted>> {
    Ok(Reply(Acted { details, call_id }))
}

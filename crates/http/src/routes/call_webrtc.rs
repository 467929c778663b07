//! `/call/webrtc/*`: a browser in a call, or another client of WebRTC. Its answers are not in the envelope.

use axum::{
    Json,
    extract::{FromRequest as _, Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use wago_calls::webrtc::{CandidateError, LegState, OfferError};
use wago_contract::{
    call::{Candidate, Offer, TurnStatus},
    message::Done,
};
use wago_store::SessionId;

use crate::{
    app::App,
    body::{self, Body},
    credentials::Session,
    error::ApiError,
    query::Parameters,
    reply::{Reply, Result},
};

/// What a client that posts plain SDP, as WHIP and WHEP do, says of it.
const SDP: &str = "application/sdp";

fn turn(app: &App) -> TurnStatus {
    let enabled = app.calls.ice.turn.is_some();
    TurnStatus { enabled, status: if enabled { "enabled" } else { "not_configured" } }
}

/// For `RTCPeerConnection`: STUN and TURN servers, the latter with credentials for a while.
pub(crate) async fn config(Session(session): Session, State(app): State<App>) -> Json<Value> {
    let servers = app.calls.ice.list(&session.name, std::time::SystemTime::now());
    Json(json!({ "iceServers": servers, "turn": turn(&app) }))
}

/// JSON with the call's id and the offer; or the offer alone, as `application/sdp` with `?CallID=`.
pub(crate) async fn offer(Session(session): Session, State(app): State<App>, request: Request) -> Result<Response> {
    if !is_sdp(request.headers()) {
        let Body(offer) = Body::<Offer>::from_request(request, &app).await?;
        let answer = join(&app, session.id, &offer.call, &offer.sdp).await?;
        let answer = json!({ "callID": offer.call, "type": "answer", "sdp": answer, "turn": turn(&app) });
        return Ok(Json(answer).into_response());
    }
    let (parts, stream) = request.into_parts();
    let call = named(&parts)?;
    let offer = body::bytes(Request::from_parts(parts, stream), &app).await?;
    let offer = std::str::from_utf8(&offer).map_err(|_| ApiError::invalid("sdp", "sdp should be text"))?;
    let answer = join(&app, session.id, &call, offer).await?;
    let location = format!("/call/webrtc/offer?CallID={}", utf8_percent_encode(&call, NON_ALPHANUMERIC));
    let head = [(header::CONTENT_TYPE, SDP.to_owned()), (header::LOCATION, location)];
    Ok((StatusCode::CREATED, head, answer).into_response())
}

fn is_sdp(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(SDP)))
}

fn named(parts: &Parts) -> Result<String> {
    Parameters::of(parts).first("CallID").ok_or_else(ApiError::no_call_id)
}

/// The browser hears the call, and speaks in it, in place of one that did before; and sees and shows in a video call.
async fn join(app: &App, session: SessionId, call: &str, offer: &str) -> Result<String> {
    let line = app.sessions.line(session, call)?;
    let exchange = app.exchanges().open(&app.calls.webrtc).await?;
    let answered = if line.has_picture() { exchange.answer_video(offer) } else { exchange.answer(offer) };
    let leg = answered.map_err(|failed| match failed {
        OfferError::Full => ApiError::too_many(failed.to_string()),
        failed => ApiError::invalid("sdp", format!("sdp: {failed}")),
    })?;
    app.exchanges().joined(session, call, leg.control.clone());
    line.browser(leg.trunk);
    if let Some(picture) = leg.picture {
        line.watch(picture);
    }
    let (app, call, mut state) = (app.clone(), call.to_owned(), leg.state);
    let control = leg.control;
    tokio::spawn(async move {
        let closed = async {
            let _ = state.wait_for(|state| *state == LegState::Closed).await;
        };
        tokio::select! {
            () = line.ended() => control.close().await,
            () = closed => {}
        }
        app.exchanges().gone(session, &call, &control);
    });
    Ok(leg.answer)
}

/// An address of the browser's that it found later.
pub(crate) async fn candidate(
    Session(session): Session,
    State(app): State<App>,
    Body(found): Body<Candidate>,
) -> Result<Reply<Done>> {
    app.sessions.line(session.id, &found.call)?;
    let leg = app.exchanges().leg(session.id, &found.call).ok_or_else(no_browser)?;
    leg.add_candidate(&found.candidate).map_err(|failed| match failed {
        CandidateError::Ended => no_browser(),
        failed => ApiError::invalid("candidate", format!("candidate: {failed}")),
    })?;
    Ok(Reply(Done { details: "Candidate added" }))
}

/// The browser leaves; the call goes on.
pub(crate) async fn leave(Session(session): Session, State(app): State<App>, parts: Parts) -> Result<Reply<Done>> {
    let leg = app.exchanges().leg(session.id, &named(&parts)?).ok_or_else(no_browser)?;
    leg.close().await;
    Ok(Reply(Done { details: "Browser left" }))
}

fn no_browser() -> ApiError {
    ApiError::not_found("no browser is in this call: POST /call/webrtc/offer first")
}

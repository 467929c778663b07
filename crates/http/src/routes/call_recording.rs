//! `/call/recording*`: what was said in calls, as files.

use axum::{
    body::Body as Content,
    extract::{Path, State},
};
use chrono::{DateTime, SecondsFormat};
use http::{HeaderMap, Response, request::Parts};
use wago_calls::{Format, RecordError, What};
use wago_contract::call::{Acted, NameCall, Recording, Recordings, StartRecording};
use wago_store::SessionId;

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    error::ApiError,
    page::Page,
    part::{self, Label},
    query::parameter,
    recordings,
    reply::{Answer, Reply, Result, done},
    routes::call::acted,
};

const UNKNOWN: &str = "there is no such recording";

/// One at a time of each call. It ends with the call, if it is not stopped before.
pub(crate) async fn start(
    Session(session): Session,
    State(app): State<App>,
    Body(wish): Body<StartRecording>,
) -> Result<Reply<Recording>> {
    let line = app.sessions.line(session.id, &wish.call)?;
    let call = app.sessions.call(session.id, &wish.call)?;
    let row = wago_store::Recording {
        id: format!("rec_{:032x}", rand::random::<u128>()),
        session: session.id,
        call_id: wish.call,
        peer: call.peer,
        what: wish.what.to_owned(),
        format: wish.format.to_owned(),
        started_at: app.now_ms(),
        ended_at: None,
        duration_ms: 0,
        bytes: 0,
        place: None,
    };
    let what = match wish.what {
        "inbound" => What::Inbound,
        "outbound" => What::Outbound,
        _ => What::Mixed,
    };
    let format = if wish.format == "wav" { Format::Wav } else { Format::Ogg };
    std::fs::create_dir_all(&app.calls.recordings).map_err(|_| ApiError::no_room())?;
    app.store.begin_recording(&row).await?;
    let recording = match line.record(what, format, recordings::file(&app, &row)).await {
        Ok(recording) => recording,
        Err(failed) => {
            recordings::remove(&app, &row).await?;
            return Err(match failed {
                RecordError::Already => ApiError::call_state(failed.to_string()),
                failed => {
                    tracing::error!(%failed, "a call cannot be recorded");
                    ApiError::no_room()
                }
            });
        }
    };
    let begun = row.clone();
    tokio::spawn(async move {
        let id = begun.id.clone();
        let stored = match recording.done().await {
            Ok(recorded) => recordings::finish(&app, begun, recorded).await,
            // The disk was full, say.
            Err(_) => recordings::cut_off(&app, &begun).await,
        };
        if let Err(error) = stored {
            tracing::error!(%error, recording = id, "the end of a recording could not be stored");
        }
    });
    Ok(Reply(shown(row)))
}

pub(crate) async fn stop(
    Session(session): Session,
    State(app): State<App>,
    Body(named): Body<NameCall>,
) -> Result<Reply<Acted>> {
    if !app.sessions.line(session.id, &named.call)?.stop_recording() {
        return Err(ApiError::not_found("this call is not being recorded"));
    }
    acted("Recording stopped", named.call)
}

/// All of the session; with `?CallID=` those of that call.
pub(crate) async fn list(
    Session(session): Session,
    State(app): State<App>,
    page: Page,
    parts: Parts,
) -> Result<Reply<Recordings>> {
    let call = parameter(&parts, "CallID");
    let rows = app.store.recordings(session.id, call.as_deref(), page.limit, page.offset).await?;
    Ok(Reply(Recordings { recordings: rows.into_iter().map(shown).collect() }))
}

/// The file, or a part of it, also while it is being written.
pub(crate) async fn show(
    Session(session): Session,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Content>> {
    let row = find(&app, session.id, &id).await?;
    let name = format!("{}.{}", row.id, row.format);
    let label = Label { mimetype: if row.format == "wav" { "audio/wav" } else { "audio/ogg" }, name: &name };
    let answer = match (&row.place, &app.shelf) {
        (Some(place), Some(shelf)) => part::shelved(shelf, place, row.bytes, label, &headers).await?,
        _ => part::here(&recordings::file(&app, &row), label, &headers).await?,
    };
    answer.ok_or_else(|| ApiError::not_found(UNKNOWN))
}

pub(crate) async fn delete(Session(session): Session, State(app): State<App>, Path(id): Path<String>) -> Answer {
    let row = find(&app, session.id, &id).await?;
    recordings::remove(&app, &row).await?;
    done("Recording deleted")
}

async fn find(app: &App, session: SessionId, id: &str) -> Result<wago_store::Recording> {
    app.store.recording(session, id).await?.ok_or_else(|| ApiError::not_found(UNKNOWN))
}

fn shown(row: wago_store::Recording) -> Recording {
    let time = |ms| {
        DateTime::from_timestamp_millis(ms)
            .map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
            .unwrap_or_default()
    };
    Recording {
        path: format!("/call/recordings/{}", row.id),
        id: row.id,
        call_id: row.call_id,
        peer: row.peer,
        what: row.what,
        format: row.format,
        started_at: time(row.started_at),
        ended_at: row.ended_at.map(time),
        duration_ms: row.duration_ms,
        bytes: row.bytes,
    }
}

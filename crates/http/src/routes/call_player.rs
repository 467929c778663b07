//! `/call/player/*`: a file as what the other end of a call hears, and `/call/audio`: the files that there are.

use std::{
    io::{Seek as _, SeekFrom},
    path::PathBuf,
};

use axum::extract::State;
use http::request::Parts;
use tempfile::{NamedTempFile, SpooledTempFile};
use wago_calls::{ClipError, FolderError, Line};
use wago_contract::{
    call::{Acted, AudioFile, AudioFiles, NameCall, Play, Player, UploadAudio},
    send::media::{Kind, Media},
};
use wago_store::SessionId;

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    error::ApiError,
    files,
    query::parameter,
    reply::{Reply, Result, done},
    routes::call::acted,
    upload::Upload,
};

/// In place of what was played.
pub(crate) async fn play(
    Session(session): Session,
    State(app): State<App>,
    Body(wish): Body<Play>,
) -> Result<Reply<Player>> {
    let line = app.sessions.line(session.id, &wish.call)?;
    let unplayable = |failed: ClipError| ApiError::invalid("AudioFile", format!("AudioFile: {failed}"));
    let fetched;
    let path = if wish.file.starts_with("http://") || wish.file.starts_with("https://") {
        let mut media = Media::at("AudioFile", Kind::Audio, wish.file.clone());
        let file = files::gather(&app, vec![&mut media], Vec::new()).await?.pop().ok_or_else(ApiError::internal)?;
        // It is played from a name, and needs none once it is open.
        (fetched, _) = copied(file.content, app.calls.audio.path().to_owned()).await?;
        fetched.path().to_owned()
    } else {
        app.calls.audio.find(session.id.0, &wish.file).map_err(unfound)?
    };
    let playing = line.play(path, wish.file.clone(), wish.looped).await.map_err(unplayable)?;
    drop(playing);
    shown(&line, wish.call)
}

/// The file under a name in that folder, and its bytes. The name goes when it is dropped.
async fn copied(mut file: SpooledTempFile, folder: PathBuf) -> Result<(NamedTempFile, u64)> {
    let copied = tokio::task::spawn_blocking(move || {
        file.seek(SeekFrom::Start(0))?;
        let mut copy = NamedTempFile::new_in(folder)?;
        let bytes = std::io::copy(&mut file, &mut copy)?;
        Ok::<_, std::io::Error>((copy, bytes))
    });
    copied.await.map_err(|_| ApiError::internal())?.map_err(|_| ApiError::no_room())
}

fn unfound(failed: FolderError) -> ApiError {
    match failed {
        FolderError::Missing => ApiError::not_found("there is no such audio file: see GET /call/audio, or give a URL"),
        FolderError::Disk(error) => {
            tracing::error!(%error, "the audio folder cannot be used");
            ApiError::no_room()
        }
        failed => ApiError::invalid("AudioFile", format!("AudioFile: {failed}")),
    }
}

fn shown(line: &Line, call_id: String) -> Result<Reply<Player>> {
    let playing = line.playing().ok_or_else(no_player)?;
    Ok(Reply(Player {
        call_id,
        file: playing.file,
        looped: playing.looped,
        paused: playing.paused,
        position_ms: playing.position_ms,
    }))
}

fn no_player() -> ApiError {
    ApiError::not_found("nothing is played in this call")
}

async fn set_paused(app: &App, session: SessionId, call: String, paused: bool) -> Result<Reply<Player>> {
    let line = app.sessions.line(session, &call)?;
    if !line.pause(paused) {
        return Err(no_player());
    }
    shown(&line, call)
}

pub(crate) async fn pause(
    Session(session): Session,
    State(app): State<App>,
    Body(named): Body<NameCall>,
) -> Result<Reply<Player>> {
    set_paused(&app, session.id, named.call, true).await
}

pub(crate) async fn resume(
    Session(session): Session,
    State(app): State<App>,
    Body(named): Body<NameCall>,
) -> Result<Reply<Player>> {
    set_paused(&app, session.id, named.call, false).await
}

pub(crate) async fn stop(
    Session(session): Session,
    State(app): State<App>,
    Body(named): Body<NameCall>,
) -> Result<Reply<Acted>> {
    if !app.sessions.line(session.id, &named.call)?.stop() {
        return Err(no_player());
    }
    acted("Player stopped", named.call)
}

pub(crate) async fn status(Session(session): Session, State(app): State<App>, parts: Parts) -> Result<Reply<Player>> {
    let call = parameter(&parts, "CallID").ok_or_else(ApiError::no_call_id)?;
    let line = app.sessions.line(session.id, &call)?;
    shown(&line, call)
}

/// What can be played by its name.
pub(crate) async fn files(Session(session): Session, State(app): State<App>) -> Reply<AudioFiles> {
    let files = app.calls.audio.list(session.id.0);
    Reply(AudioFiles { files: files.into_iter().map(|(name, bytes)| AudioFile { name, bytes }).collect() })
}

/// A file of the session's own, in place of one of that name.
pub(crate) async fn upload(
    Session(session): Session,
    State(app): State<App>,
    Upload { body, blobs, slot: _slot }: Upload<UploadAudio>,
) -> Result<Reply<AudioFile>> {
    let UploadAudio { name, mut audio } = body;
    let mut gathered = files::gather(&app, vec![&mut audio], blobs).await?;
    let file = gathered.pop().ok_or_else(ApiError::internal)?;
    let path = app.calls.audio.place(session.id.0, &name).map_err(|failed| match failed {
        FolderError::Name => ApiError::invalid("Name", format!("Name: {failed}")),
        failed => unfound(failed),
    })?;
    let folder = path.parent().ok_or_else(ApiError::internal)?.to_owned();
    let (new, bytes) = copied(file.content, folder).await?;
    let unplayable = |failed| ApiError::invalid("Audio", format!("Audio: {failed}"));
    wago_calls::check(new.path().to_owned()).await.map_err(unplayable)?;
    new.persist(path).map_err(|_| ApiError::no_room())?;
    Ok(Reply(AudioFile { name, bytes }))
}

pub(crate) async fn delete(Session(session): Session, State(app): State<App>, parts: Parts) -> crate::reply::Answer {
    let name = parameter(&parts, "Name").ok_or_else(|| ApiError::missing("Name"))?;
    let deleted = app.calls.audio.delete(session.id.0, &name).map_err(unfound)?;
    if deleted {
        done("Audio file deleted")
    } else {
        Err(ApiError::not_found("the session has no audio file by that Name"))
    }
}

//! `/message/*`. What is a message itself goes through [`Sending`], as all of them.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header::ACCEPT};
use wago_contract::{
    message::{Delete, Done, Edit, MarkRead, Pin, Presence, React, Star, Vote, Wanted},
    send::{Sent, media::Kind},
};
use wago_session::Sessions;
use wago_store::SessionId;

use crate::{
    app::App,
    body::Body,
    credentials::Session,
    download,
    reply::{Reply, Result, done},
    routes::stored,
    sending::Sending,
};

fn sent(details: &'static str, sent: wago_session::Sent) -> Sent {
    Sent { details, timestamp: sent.timestamp, id: sent.id, ids: sent.ids }
}

pub(crate) async fn react(sending: Sending<React>) -> Result<Response> {
    sending.once(|app, session, react| async move { app.sessions.react(session.id, react).await.map(reacted) }).await
}

fn reacted(message: wago_session::Sent) -> Sent {
    sent("Sent", message)
}

pub(crate) async fn edit(sending: Sending<Edit>) -> Result<Response> {
    let edit = |app: App, session: wago_store::Session, edit| async move {
        Ok::<_, wago_session::Error>(sent("Edited", app.sessions.edit(session.id, edit).await?))
    };
    sending.once(edit).await
}

pub(crate) async fn delete(sending: Sending<Delete>) -> Result<Response> {
    let delete = |app: App, session: wago_store::Session, delete| async move {
        Ok::<_, wago_session::Error>(sent("Deleted", deleted(&app.sessions, session.id, delete).await?))
    };
    sending.once(delete).await
}

async fn deleted(
    sessions: &Sessions,
    id: SessionId,
    delete: Delete,
) -> Result<wago_session::Sent, wago_session::Error> {
    if !delete.for_me {
        return sessions.revoke(id, delete).await;
    }
    // No message tells of it, so the deleted one is named.
    let deleted = delete.target.id.clone();
    let timestamp = sessions.delete_for_me(id, delete.target).await?;
    Ok(wago_session::Sent { id: deleted, timestamp, ids: Vec::new() })
}

pub(crate) async fn pin(sending: Sending<Pin>) -> Result<Response> {
    let pin = |app: App, session: wago_store::Session, pin: Pin| async move {
        let details = if pin.duration.is_some() { "Pinned" } else { "Unpinned" };
        Ok::<_, wago_session::Error>(sent(details, app.sessions.pin(session.id, pin).await?))
    };
    sending.once(pin).await
}

pub(crate) async fn vote(sending: Sending<Vote>) -> Result<Response> {
    let vote = |app: App, session: wago_store::Session, vote| async move {
        Ok::<_, wago_session::Error>(sent("Voted", app.sessions.vote(session.id, vote).await?))
    };
    sending.once(vote).await
}

pub(crate) async fn mark_read(
    Session(session): Session,
    State(app): State<App>,
    Body(read): Body<MarkRead>,
) -> Result<Reply<Done>> {
    app.sessions.mark_read(session.id, read).await?;
    done("Message(s) marked as read")
}

pub(crate) async fn presence(
    Session(session): Session,
    State(app): State<App>,
    Body(presence): Body<Presence>,
) -> Result<Reply<Done>> {
    app.sessions.presence(session.id, presence).await?;
    done("Chat presence set successfully")
}

pub(crate) async fn star(
    Session(session): Session,
    State(app): State<App>,
    Body(star): Body<Star>,
) -> Result<Reply<Done>> {
    let details = if star.on { "Starred" } else { "Unstarred" };
    app.sessions.star(session.id, star).await?;
    done(details)
}

macro_rules! downloads {
    ($($name:ident: $kind:ident),* $(,)?) => {
        $(pub(crate) async fn $name(
            session: Session,
            state: State<App>,
            headers: HeaderMap,
            body: Body<Wanted>,
        ) -> Result<Response> {
            download(session, state, headers, body, Kind::$kind).await
        })*
    };
}

downloads! {
    download_image: Image,
    download_video: Video,
    download_audio: Audio,
    download_document: Document,
    download_sticker: Sticker,
}

async fn download(
    Session(session): Session,
    State(app): State<App>,
    headers: HeaderMap,
    Body(wanted): Body<Wanted>,
    kind: Kind,
) -> Result<Response> {
    let (wanted, origin) = match wanted {
        Wanted::Described(wanted) => (wanted, None),
        Wanted::Stored { id, chat } => {
            let (wanted, origin) = stored::file(&app, session.id, kind, &id, chat.as_deref()).await?;
            (wanted, Some(origin))
        }
    };
    let (mimetype, name) = (wanted.mimetype.clone(), wanted.file_name.clone());
    let file = app.sessions.download(session.id, kind, wanted, origin.as_ref(), &app.files).await?;
    let answer = download::Answer::new(file, kind, mimetype, name).await?;
    // Whoever does not say what he takes, or takes anything, gets what WaGo has always given.
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    let json = accept.split(',').any(|kind| matches!(kind.split(';').next().map(str::trim), Some("application/json")));
    if json || accept.trim() == "*/*" { Ok(answer.json().into_response()) } else { Ok(answer.bytes().into_response()) }
}

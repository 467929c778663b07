//! `/newsletter/*`.

use axum::extract::{FromRequest as _, Request, State};
use serde_json::Value;
use wago_contract::newsletter::{
    Ask, AskPosts, Create, InviteLink, Newsletters, Posts, React, Subscribe, Subscribed, Update, Which,
};

use super::group::picture;
use crate::{
    app::App,
    asked::Asked,
    body::Body,
    credentials::Session,
    page::Page,
    reply::{Answer, Reply, Result, done},
    upload::Upload,
};

pub(crate) async fn create(
    Session(session): Session,
    State(app): State<App>,
    request: Request,
) -> Result<Reply<Value>> {
    let Upload { mut body, blobs, slot: _slot } = Upload::<Create>::from_request(request, &app).await?;
    let image = picture(&app, body.image.as_mut(), blobs).await?;
    Ok(Reply(app.sessions.create_newsletter(session.id, body, image).await?))
}

pub(crate) async fn update(
    Session(session): Session,
    State(app): State<App>,
    request: Request,
) -> Result<Reply<Value>> {
    let Upload { mut body, blobs, slot: _slot } = Upload::<Update>::from_request(request, &app).await?;
    let image = picture(&app, body.image.as_mut(), blobs).await?;
    Ok(Reply(app.sessions.update_newsletter(session.id, body, image).await?))
}

/// `?page=` and `?limit=`.
pub(crate) async fn list(Session(session): Session, State(app): State<App>, page: Page) -> Result<Reply<Newsletters>> {
    let all = app.sessions.newsletters(session.id).await?;
    let (skip, limit) = (page.offset.try_into().unwrap_or(usize::MAX), page.limit.try_into().unwrap_or(usize::MAX));
    let more = all.len().saturating_sub(skip) > limit;
    let newsletters = all.into_iter().skip(skip).take(limit).collect();
    Ok(Reply(Newsletters { newsletters, next: more.then(|| page.offset / page.limit + 2) }))
}

pub(crate) async fn info(
    Session(session): Session,
    State(app): State<App>,
    Asked(ask): Asked<Ask>,
) -> Result<Reply<Value>> {
    Ok(Reply(app.sessions.newsletter(session.id, ask).await?))
}

pub(crate) async fn link(
    Session(session): Session,
    State(app): State<App>,
    Asked(which): Asked<Which>,
) -> Result<Reply<InviteLink>> {
    Ok(Reply(InviteLink { link: app.sessions.newsletter_link(session.id, &which.newsletter).await? }))
}

pub(crate) async fn subscribe(
    Session(session): Session,
    State(app): State<App>,
    Body(subscribe): Body<Subscribe>,
) -> Result<Reply<Subscribed>> {
    Ok(Reply(app.sessions.follow(session.id, subscribe).await?))
}

pub(crate) async fn unsubscribe(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.unfollow(session.id, &which.newsletter).await?;
    done("Unsubscribed")
}

pub(crate) async fn mute(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.mute_newsletter(session.id, &which.newsletter, true).await?;
    done("Newsletter muted")
}

pub(crate) async fn unmute(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.mute_newsletter(session.id, &which.newsletter, false).await?;
    done("Newsletter unmuted")
}

pub(crate) async fn delete(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.delete_newsletter(session.id, &which.newsletter).await?;
    done("Newsletter deleted")
}

pub(crate) async fn messages(
    Session(session): Session,
    State(app): State<App>,
    Asked(ask): Asked<AskPosts>,
) -> Result<Reply<Posts>> {
    Ok(Reply(Posts { messages: app.sessions.posts(session.id, ask).await? }))
}

pub(crate) async fn react(Session(session): Session, State(app): State<App>, Body(react): Body<React>) -> Answer {
    app.sessions.react_to_post(session.id, react).await?;
    done("Sent")
}

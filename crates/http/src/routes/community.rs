//! `/community/*`.

use axum::extract::{FromRequest as _, Request, State};
use wago_contract::community::{Community, Create, Link, Linked, SubGroups, Which};

use super::group::picture;
use crate::{
    app::App,
    asked::Asked,
    body::Body,
    credentials::Session,
    reply::{Reply, Result},
    upload::Upload,
};

pub(crate) async fn create(
    Session(session): Session,
    State(app): State<App>,
    request: Request,
) -> Result<Reply<Community>> {
    let Upload { mut body, blobs, slot: _slot } = Upload::<Create>::from_request(request, &app).await?;
    let image = picture(&app, body.image.as_mut(), blobs).await?;
    Ok(Reply(app.sessions.create_community(session.id, body, image).await?))
}

pub(crate) async fn add(
    Session(session): Session,
    State(app): State<App>,
    Body(link): Body<Link>,
) -> Result<Reply<Linked>> {
    let groups = app.sessions.link_groups(session.id, link).await?;
    Ok(Reply(Linked { details: "Groups linked", groups }))
}

pub(crate) async fn remove(
    Session(session): Session,
    State(app): State<App>,
    Body(link): Body<Link>,
) -> Result<Reply<Linked>> {
    let groups = app.sessions.unlink_groups(session.id, link).await?;
    Ok(Reply(Linked { details: "Groups unlinked", groups }))
}

pub(crate) async fn info(
    Session(session): Session,
    State(app): State<App>,
    Asked(which): Asked<Which>,
) -> Result<Reply<Community>> {
    Ok(Reply(app.sessions.community(session.id, &which.community).await?))
}

pub(crate) async fn sub_groups(
    Session(session): Session,
    State(app): State<App>,
    Asked(which): Asked<Which>,
) -> Result<Reply<SubGroups>> {
    Ok(Reply(SubGroups { sub_groups: app.sessions.sub_groups(session.id, &which.community).await? }))
}

//! `/group/*`.

use axum::extract::{FromRequest as _, Request, State};
use wago_contract::{
    group::{
        AskLink, Create, Decide, Group, Groups, InviteLink, Join, JoinRequest, Joined, Link, PhotoSet, Rename,
        SetAddMode, SetAnnounce, SetApproval, SetLocked, SetPhoto, SetTimer, SetTopic, Update, Updated, Which,
    },
    send::media::Media,
};
use wago_session::File;

use crate::{
    app::App,
    asked::Asked,
    body::Body,
    credentials::Session,
    error::ApiError,
    files,
    intake::Blob,
    page::Page,
    reply::{Answer, Reply, Result, done},
    upload::Upload,
};

pub(crate) async fn create(
    Session(session): Session,
    State(app): State<App>,
    request: Request,
) -> Result<Reply<Group>> {
    let Upload { mut body, blobs, slot: _slot } = Upload::<Create>::from_request(request, &app).await?;
    let image = picture(&app, body.image.as_mut(), blobs).await?;
    Ok(Reply(app.sessions.create_group(session.id, body, image).await?))
}

/// The file of a body that has one at most.
pub(super) async fn picture(app: &App, media: Option<&mut Media>, blobs: Vec<Blob>) -> Result<Option<File>> {
    let Some(media) = media else { return Ok(None) };
    let file = files::gather(app, vec![media], blobs).await?.pop();
    file.map(Some).ok_or_else(ApiError::internal)
}

/// `?page=` and `?limit=`.
pub(crate) async fn list(Session(session): Session, State(app): State<App>, page: Page) -> Result<Reply<Groups>> {
    Ok(Reply(part(app.sessions.groups(session.id).await?, &page)))
}

/// Those that the account is an admin of.
pub(crate) async fn own(Session(session): Session, State(app): State<App>, page: Page) -> Result<Reply<Groups>> {
    Ok(Reply(part(app.sessions.own_groups(session.id).await?, &page)))
}

fn part(groups: Vec<Group>, page: &Page) -> Groups {
    let (skip, limit) = (page.offset.try_into().unwrap_or(usize::MAX), page.limit.try_into().unwrap_or(usize::MAX));
    let more = groups.len().saturating_sub(skip) > limit;
    let groups = groups.into_iter().skip(skip).take(limit).collect();
    Groups { groups, next: more.then(|| page.offset / page.limit + 2) }
}

pub(crate) async fn info(
    Session(session): Session,
    State(app): State<App>,
    Asked(which): Asked<Which>,
) -> Result<Reply<Group>> {
    Ok(Reply(app.sessions.group(session.id, &which.group).await?))
}

pub(crate) async fn invite_link(
    Session(session): Session,
    State(app): State<App>,
    Asked(ask): Asked<AskLink>,
) -> Result<Reply<InviteLink>> {
    Ok(Reply(InviteLink { link: app.sessions.invite_link(session.id, ask).await? }))
}

pub(crate) async fn invite_info(
    Session(session): Session,
    State(app): State<App>,
    Body(Link(link)): Body<Link>,
) -> Result<Reply<Group>> {
    Ok(Reply(app.sessions.invite_info(session.id, &link).await?))
}

pub(crate) async fn join(
    Session(session): Session,
    State(app): State<App>,
    Body(join): Body<Join>,
) -> Result<Reply<Joined>> {
    Ok(Reply(app.sessions.join_group(session.id, join).await?))
}

pub(crate) async fn leave(Session(session): Session, State(app): State<App>, Body(which): Body<Which>) -> Answer {
    app.sessions.leave_group(session.id, &which.group).await?;
    done("Group left successfully")
}

pub(crate) async fn update(
    Session(session): Session,
    State(app): State<App>,
    Body(update): Body<Update>,
) -> Result<Reply<Updated>> {
    let participants = app.sessions.update_group(session.id, update).await?;
    Ok(Reply(Updated { details: "Group Participants updated successfully", participants }))
}

pub(crate) async fn requests(
    Session(session): Session,
    State(app): State<App>,
    Asked(which): Asked<Which>,
) -> Result<Reply<Vec<JoinRequest>>> {
    Ok(Reply(app.sessions.join_requests(session.id, &which.group).await?))
}

pub(crate) async fn decide(
    Session(session): Session,
    State(app): State<App>,
    Body(decide): Body<Decide>,
) -> Result<Reply<Updated>> {
    let details = if decide.approve { "Requests approved" } else { "Requests rejected" };
    let participants = app.sessions.decide(session.id, decide).await?;
    Ok(Reply(Updated { details, participants }))
}

pub(crate) async fn photo(
    Session(session): Session,
    State(app): State<App>,
    request: Request,
) -> Result<Reply<PhotoSet>> {
    let Upload { mut body, blobs, slot: _slot } = Upload::<SetPhoto>::from_request(request, &app).await?;
    let details = if body.image.is_some() { "Group Photo set successfully" } else { "Group Photo removed" };
    let image = picture(&app, body.image.as_mut(), blobs).await?;
    let picture_id = app.sessions.set_group_photo(session.id, &body.group, image).await?;
    Ok(Reply(PhotoSet { details, picture_id }))
}

pub(crate) async fn remove_photo(
    Session(session): Session,
    State(app): State<App>,
    Body(which): Body<Which>,
) -> Answer {
    app.sessions.set_group_photo(session.id, &which.group, None).await?;
    done("Group Photo removed successfully")
}

macro_rules! settings {
    ($($name:ident: $wish:ident, $set:ident, $details:literal;)*) => {
        $(pub(crate) async fn $name(
            Session(session): Session,
            State(app): State<App>,
            Body(wish): Body<$wish>,
        ) -> Answer {
            app.sessions.$set(session.id, wish).await?;
            done($details)
        })*
    };
}

settings! {
    name: Rename, rename_group, "Group Name set successfully";
    topic: SetTopic, set_group_topic, "Group Topic set successfully";
    announce: SetAnnounce, set_group_announce, "Group Announce set successfully";
    locked: SetLocked, set_group_locked, "Group Locked setting updated successfully";
    ephemeral: SetTimer, set_group_timer, "Disappearing timer set successfully";
    approval: SetApproval, set_group_approval, "Group Join Approval Mode set successfully";
    add_mode: SetAddMode, set_group_add_mode, "Group Member Add Mode set successfully";
}

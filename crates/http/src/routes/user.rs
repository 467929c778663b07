//! `/user/*`.

use axum::extract::{FromRequest as _, Path, Request, State};
use wago_contract::{
    message::Done,
    user::{
        AskAvatar, AskInfo, Avatar, Blocked, Blocklist, Check, CheckedUsers, Infos, Names, OwnPresence, Person,
        PictureSet, SetAbout, SetName, SetProfile,
        privacy::{Privacy, SetPrivacy},
    },
};

use crate::{
    app::App,
    asked::Asked,
    body::Body,
    credentials::Session,
    error::ApiError,
    files,
    reply::{Reply, Result, done},
    upload::Upload,
};

pub(crate) async fn check(
    Session(session): Session,
    State(app): State<App>,
    Body(Check(people)): Body<Check>,
) -> Result<Reply<CheckedUsers>> {
    Ok(Reply(CheckedUsers { users: app.sessions.check(session.id, people).await? }))
}

pub(crate) async fn info(
    Session(session): Session,
    State(app): State<App>,
    Body(AskInfo(people)): Body<AskInfo>,
) -> Result<Reply<Infos>> {
    Ok(Reply(Infos { users: app.sessions.user_info(session.id, people).await? }))
}

pub(crate) async fn avatar(
    Session(session): Session,
    State(app): State<App>,
    Asked(ask): Asked<AskAvatar>,
) -> Result<Reply<Avatar>> {
    Ok(Reply(app.sessions.avatar(session.id, ask).await?))
}

pub(crate) async fn set_picture(
    Session(session): Session,
    State(app): State<App>,
    request: Request,
) -> Result<Reply<PictureSet>> {
    let Upload { body, blobs, slot: _slot } = Upload::<SetProfile>::from_request(request, &app).await?;
    let SetProfile::Picture(mut media) = body else { return remove_picture(Session(session), State(app)).await };
    let file = files::gather(&app, vec![&mut media], blobs).await?.pop().ok_or_else(ApiError::internal)?;
    let picture_id = app.sessions.set_picture(session.id, file).await?;
    Ok(Reply(PictureSet { details: "Profile picture set", picture_id }))
}

pub(crate) async fn remove_picture(Session(session): Session, State(app): State<App>) -> Result<Reply<PictureSet>> {
    app.sessions.remove_picture(session.id).await?;
    Ok(Reply(PictureSet { details: "Profile picture removed", picture_id: String::new() }))
}

pub(crate) async fn name(
    Session(session): Session,
    State(app): State<App>,
    Body(SetName(name)): Body<SetName>,
) -> Result<Reply<Done>> {
    app.sessions.set_name(session.id, name).await?;
    done("Name set")
}

pub(crate) async fn about(
    Session(session): Session,
    State(app): State<App>,
    Body(SetAbout(about)): Body<SetAbout>,
) -> Result<Reply<Done>> {
    app.sessions.set_about(session.id, about).await?;
    done("Set")
}

pub(crate) async fn presence(
    Session(session): Session,
    State(app): State<App>,
    Body(presence): Body<OwnPresence>,
) -> Result<Reply<Done>> {
    app.sessions.show_presence(session.id, presence).await?;
    done("Presence set successfully")
}

pub(crate) async fn follow_presence(
    Session(session): Session,
    State(app): State<App>,
    Body(Person(who)): Body<Person>,
) -> Result<Reply<Done>> {
    app.sessions.follow_presence(session.id, who).await?;
    done("Subscribed to presence")
}

pub(crate) async fn privacy(Session(session): Session, State(app): State<App>) -> Result<Reply<Privacy>> {
    Ok(Reply(app.sessions.privacy(session.id).await?))
}

pub(crate) async fn set_privacy(
    Session(session): Session,
    State(app): State<App>,
    Body(set): Body<SetPrivacy>,
) -> Result<Reply<Privacy>> {
    Ok(Reply(app.sessions.set_privacy(session.id, set).await?))
}

pub(crate) async fn block(
    Session(session): Session,
    State(app): State<App>,
    Body(Person(who)): Body<Person>,
) -> Result<Reply<Blocked>> {
    Ok(Reply(app.sessions.block(session.id, who, true).await?))
}

pub(crate) async fn unblock(
    Session(session): Session,
    State(app): State<App>,
    Body(Person(who)): Body<Person>,
) -> Result<Reply<Blocked>> {
    Ok(Reply(app.sessions.block(session.id, who, false).await?))
}

pub(crate) async fn blocklist(Session(session): Session, State(app): State<App>) -> Result<Reply<Blocklist>> {
    Ok(Reply(app.sessions.blocklist(session.id).await?))
}

pub(crate) async fn names(
    Session(session): Session,
    State(app): State<App>,
    Path(jid): Path<String>,
) -> Result<Reply<Names>> {
    let names = app.sessions.names(session.id, &jid).await?;
    Ok(Reply(names.ok_or_else(|| ApiError::not_found("WhatsApp knows nobody by this name"))?))
}

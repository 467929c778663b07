//! `/business/*`.

use axum::extract::State;
use serde_json::Value;
use wago_contract::business::{
    AskCatalog, AskCategories, AskProduct, AskProfile, Catalog, Categories, DeleteProducts, EditProduct, NewProduct,
    Profile, SetAddress, SetDescription, SetEmail, ShowProduct,
};

use crate::{
    app::App,
    asked::Asked,
    body::Body,
    credentials::Session,
    error::ApiError,
    reply::{Answer, Reply, Result, done},
    upload::Upload,
};

pub(crate) async fn profile(
    Session(session): Session,
    State(app): State<App>,
    Asked(ask): Asked<AskProfile>,
) -> Result<Reply<Profile>> {
    Ok(Reply(app.sessions.business_profile(session.id, ask).await?))
}

pub(crate) async fn categories(
    Session(session): Session,
    State(app): State<App>,
    Asked(ask): Asked<AskCategories>,
) -> Result<Reply<Categories>> {
    Ok(Reply(app.sessions.business_categories(session.id, ask).await?))
}

pub(crate) async fn set_description(
    Session(session): Session,
    State(app): State<App>,
    Body(set): Body<SetDescription>,
) -> Answer {
    app.sessions.set_business_description(session.id, set).await?;
    done("Description set")
}

pub(crate) async fn set_address(
    Session(session): Session,
    State(app): State<App>,
    Body(set): Body<SetAddress>,
) -> Answer {
    app.sessions.set_business_address(session.id, set).await?;
    done("Address set")
}

pub(crate) async fn set_email(Session(session): Session, State(app): State<App>, Body(set): Body<SetEmail>) -> Answer {
    app.sessions.set_business_email(session.id, set).await?;
    done("Email set")
}

pub(crate) async fn catalog(
    Session(session): Session,
    State(app): State<App>,
    Asked(ask): Asked<AskCatalog>,
) -> Result<Reply<Catalog>> {
    Ok(Reply(app.sessions.catalog(session.id, ask).await?))
}

pub(crate) async fn product(
    Session(session): Session,
    State(app): State<App>,
    Asked(ask): Asked<AskProduct>,
) -> Result<Reply<Value>> {
    Ok(Reply(app.sessions.product(session.id, ask).await?))
}

pub(crate) async fn create_product(_: Session, _: Upload<NewProduct>) -> Answer {
    Err(ApiError::catalogues_are_read_only())
}

pub(crate) async fn edit_product(_: Session, _: Upload<EditProduct>) -> Answer {
    Err(ApiError::catalogues_are_read_only())
}

pub(crate) async fn delete_products(_: Session, _: Body<DeleteProducts>) -> Answer {
    Err(ApiError::catalogues_are_read_only())
}

/// Or hides it.
pub(crate) async fn show_product(_: Session, _: Body<ShowProduct>) -> Answer {
    Err(ApiError::catalogues_are_read_only())
}

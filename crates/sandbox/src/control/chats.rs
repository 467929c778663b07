//! What a person sets on a phone about chats, and sees there.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use wago_contract::phone::chat as shape;

use super::{
    Control,
    answer::{Answer, Body},
    phones::at,
};
use crate::phone::app_state;

pub(super) async fn list(State(control): State<Control>, path: Path<String>) -> Answer<Json<Vec<shape::Chat>>> {
    Ok(Json(at(&control, path, |phone, state| Ok(app_state::chats(phone, state)))?.1))
}

pub(super) async fn act(
    State(control): State<Control>,
    Path((phone, action)): Path<(String, String)>,
    Body(wish): Body<shape::ChatAction>,
) -> Answer<StatusCode> {
    at(&control, Path(phone), |phone, state| app_state::chat(phone, state, &action, &wish))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn labels(State(control): State<Control>, path: Path<String>) -> Answer<Json<Vec<shape::Label>>> {
    Ok(Json(at(&control, path, |phone, state| Ok(app_state::labels(phone, state)))?.1))
}

pub(super) async fn edit_label(
    State(control): State<Control>,
    path: Path<String>,
    Body(edit): Body<shape::EditLabel>,
) -> Answer<StatusCode> {
    at(&control, path, |phone, state| app_state::label(phone, state, &edit))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn rename(
    State(control): State<Control>,
    path: Path<String>,
    Body(name): Body<shape::Name>,
) -> Answer<StatusCode> {
    at(&control, path, |phone, state| app_state::rename(phone, state, &name.name.unwrap_or_default()))?;
    Ok(StatusCode::NO_CONTENT)
}

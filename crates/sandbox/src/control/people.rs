//! What a person does at a phone about others, and about what others see.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use wago_contract::phone::{Block, person as shape};

use super::{
    Control,
    answer::{Answer, Body, number},
};
use crate::{Number, Result, phone::person, state::State as Net};

fn at<T>(control: &Control, path: Path<String>, work: impl FnOnce(&mut Net, Number) -> Result<T>) -> Answer<T> {
    let number = number(path)?;
    let done = control.core.step(|state| {
        state.phones.get(number)?;
        work(state, number)
    });
    Ok(done?)
}

pub(super) async fn block(
    State(control): State<Control>,
    path: Path<String>,
    Body(block): Body<Block>,
) -> Answer<StatusCode> {
    at(&control, path, |state, number| person::block(state, number, &block))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The JIDs of those who are blocked.
pub(super) async fn blocked(State(control): State<Control>, path: Path<String>) -> Answer<Json<Vec<String>>> {
    Ok(Json(at(&control, path, |state, number| person::blocked(state, number))?))
}

pub(super) async fn picture(
    State(control): State<Control>,
    path: Path<String>,
    Body(picture): Body<shape::SetPicture>,
) -> Answer<Json<shape::Picture>> {
    Ok(Json(at(&control, path, |state, number| person::set_picture(state, number, &picture))?))
}

pub(super) async fn about(
    State(control): State<Control>,
    path: Path<String>,
    Body(about): Body<shape::SetAbout>,
) -> Answer<StatusCode> {
    at(&control, path, |state, number| person::set_about(state, number, &about))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn privacy(
    State(control): State<Control>,
    path: Path<String>,
    Body(privacy): Body<shape::SetPrivacy>,
) -> Answer<StatusCode> {
    at(&control, path, |state, number| person::set_privacy(state, number, &privacy))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn settings(State(control): State<Control>, path: Path<String>) -> Answer<Json<Vec<shape::Privacy>>> {
    Ok(Json(at(&control, path, |state, number| person::settings(state, number))?))
}

pub(super) async fn contact(
    State(control): State<Control>,
    path: Path<String>,
    Body(contact): Body<shape::Contact>,
) -> Answer<StatusCode> {
    at(&control, path, |state, number| person::set_contact(state, number, &contact))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn contacts(State(control): State<Control>, path: Path<String>) -> Answer<Json<Vec<shape::Contact>>> {
    Ok(Json(at(&control, path, |state, number| person::contacts(state, number))?))
}

/// A person as this phone sees it.
pub(super) async fn look(
    State(control): State<Control>,
    Path((viewer, who)): Path<(String, String)>,
) -> Answer<Json<shape::Person>> {
    Ok(Json(at(&control, Path(viewer), |state, number| person::look(state, number, &who))?))
}

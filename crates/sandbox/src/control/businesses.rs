//! `/phones/{number}/business`: what the account is as a business.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use wago_contract::phone::business as shape;

use super::{
    Control,
    answer::{Answer, Body, number},
};
use crate::{Error, business, device::DeviceId};

pub(super) async fn show(State(control): State<Control>, path: Path<String>) -> Answer<Json<shape::Business>> {
    let number = number(path)?;
    let shown = control.core.step(|state| {
        state.phones.get(number)?;
        state.businesses.get(number).map(business::Business::described).ok_or(Error::NoBusiness)
    });
    Ok(Json(shown?))
}

pub(super) async fn set(
    State(control): State<Control>,
    path: Path<String>,
    Body(set): Body<shape::SetBusiness>,
) -> Answer<Json<shape::Business>> {
    let number = number(path)?;
    let shown = control.core.step(|state| {
        state.phones.get(number)?;
        business::set(state, DeviceId::phone(number), set)?;
        state.businesses.get(number).map(business::Business::described).ok_or(Error::NoBusiness)
    });
    Ok(Json(shown?))
}

pub(super) async fn end(State(control): State<Control>, path: Path<String>) -> Answer<StatusCode> {
    let number = number(path)?;
    control.core.step(|state| {
        state.phones.get(number)?;
        business::end(state, number)
    })?;
    Ok(StatusCode::NO_CONTENT)
}

//! `/phones/{number}/passkey`: linking with a passkey, at the phone and at its owner's browser.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::Value;
use wago_contract::phone::passkey as shape;

use super::{
    Control,
    answer::{Answer, Body, number},
};
use crate::pairing::passkey;

pub(super) async fn show(State(control): State<Control>, path: Path<String>) -> Answer<Json<shape::Linking>> {
    let number = number(path)?;
    let shown = control.core.step(|state| {
        state.phones.get(number)?;
        Ok::<_, crate::Error>(passkey::shown(state, number))
    })?;
    Ok(Json(shape::Linking { state: shown.state.to_owned(), code: shown.code }))
}

/// The browser signs what it is given.
pub(super) async fn sign(
    State(control): State<Control>,
    path: Path<String>,
    Body(asked): Body<shape::Sign>,
) -> Answer<Json<Value>> {
    let number = number(path)?;
    let signed = control.core.step(|state| {
        state.phones.get(number)?;
        state.passkey(number).sign(&asked.public_key)
    })?;
    Ok(Json(signed))
}

pub(super) async fn agree(State(control): State<Control>, path: Path<String>) -> Answer<StatusCode> {
    let number = number(path)?;
    control.core.step(|state| {
        state.phones.get(number)?;
        passkey::agree(state, number)
    })?;
    Ok(StatusCode::NO_CONTENT)
}

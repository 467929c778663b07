//! `/screens`: QR codes that gateways show now, for the page to offer to its phones.

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use http::{StatusCode, header};
use qrcode::{QrCode, render::svg};
use wago_contract::phone::{NewScreen, Screen};

use super::{
    Control,
    answer::{Answer, Body, failure},
};
use crate::{Error, pairing, state::Update};

const NAME_CHARACTERS_MAX: usize = 200;
const QR_BYTES_MAX: usize = 1_000;

pub(super) async fn list(State(control): State<Control>) -> Json<Vec<Screen>> {
    Json(control.core.step(|state| {
        let mut screens = std::mem::take(&mut state.screens);
        // The code's first part is the reference that the network gave.
        let all = screens.all(|qr| pairing::offer(state, qr.split(',').next().unwrap_or_default()).is_some());
        state.screens = screens;
        all
    }))
}

pub(super) async fn show(
    State(control): State<Control>,
    Body(new): Body<NewScreen>,
) -> Answer<(StatusCode, Json<Screen>)> {
    let name = new.name.filter(|name| !name.is_empty() && name.chars().count() <= NAME_CHARACTERS_MAX);
    let name = name.ok_or(Error::Invalid { field: "name", expected: "must have 1 to 200 characters" })?;
    let qr = new.qr.filter(|qr| !qr.is_empty() && qr.len() <= QR_BYTES_MAX);
    let qr = qr.ok_or(Error::Invalid { field: "qr", expected: "must have 1 to 1,000 bytes" })?;
    let screen = control.core.step(|state| {
        state.changed(Update::Screens);
        state.screens.show(name, qr)
    });
    Ok((StatusCode::CREATED, Json(screen)))
}

pub(super) async fn picture(State(control): State<Control>, Path(name): Path<String>) -> Answer<impl IntoResponse> {
    let gone = || failure(StatusCode::NOT_FOUND, "this code is no longer shown", None);
    let id = name.strip_suffix(".svg").ok_or_else(gone)?;
    let qr = control.core.step(|state| state.screens.get(id).map(|screen| screen.qr.clone())).ok_or_else(gone)?;
    let code = QrCode::new(qr).map_err(|_| gone())?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(240, 240).quiet_zone(true).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "no-store")], picture))
}

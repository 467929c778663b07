//! `/faults`: trouble on purpose.

use std::time::Duration;

use axum::{
    Json,
    extract::{Query, State},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use wago_contract::phone::NewFault;

use super::{
    Control,
    answer::{Answer, Body},
};
use crate::{Error, Number, Result, faults::Kind, state::State as Net};

/// A day: longer trouble is a network that is down.
const SECONDS_MAX: f64 = 86_400.0;

/// What is on, and what it did.
pub(super) async fn list(State(control): State<Control>) -> Json<Value> {
    Json(control.core.step(|state| {
        let active = json!(state.faults.active());
        let struck: Vec<_> = state.faults.struck().collect();
        json!({ "active": active, "struck": struck })
    }))
}

pub(super) async fn add(
    State(control): State<Control>,
    Body(new): Body<NewFault>,
) -> Answer<(StatusCode, Json<Value>)> {
    let kind = kind(new.kind.as_deref())?.ok_or(Error::Invalid { field: "kind", expected: "is missing" })?;
    let target = target(new.target.as_deref())?;
    let lasts = match new.seconds {
        Some(seconds) if !(0.0..=SECONDS_MAX).contains(&seconds) => {
            return Err(Error::Invalid { field: "for", expected: "must be 0 to 86,400 seconds" }.into());
        }
        seconds => seconds.map(Duration::from_secs_f64),
    };
    let rate = new.rate.unwrap_or(1.0);
    if !(0.0..=1.0).contains(&rate) {
        return Err(Error::Invalid { field: "rate", expected: "must be 0 to 1" }.into());
    }
    let seed = new.seed.unwrap_or_default();
    let id = control.core.step(|state| {
        let id = state
            .faults
            .add(kind, target, lasts, rate, seed)
            .ok_or(Error::Invalid { field: "kind", expected: "is one fault too many: 100 are on" })?;
        cut(state, kind, target);
        Ok::<_, Error>(id)
    })?;
    if let Some(lasts) = lasts.filter(|_| kind == Kind::Offline) {
        // Phones that come on again get what they missed.
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(lasts) => control.core.step(wake_phones),
                () = control.stopping.cancelled() => {}
            }
        });
    }
    Ok((StatusCode::CREATED, Json(json!({ "id": id, "seed": seed }))))
}

#[derive(Deserialize)]
pub(super) struct Which {
    kind: Option<String>,
    target: Option<String>,
}

pub(super) async fn clear(State(control): State<Control>, Query(which): Query<Which>) -> Answer<StatusCode> {
    let (kind, target) = (kind(which.kind.as_deref())?, target(which.target.as_deref())?);
    control.core.step(|state| {
        state.faults.clear(kind, target);
        wake_phones(state);
    });
    Ok(StatusCode::NO_CONTENT)
}

fn kind(text: Option<&str>) -> Result<Option<Kind>> {
    let expected = "must be drop, delay, duplicate, reorder, reject, silence, offline, ban, outdated, overlimit or \
                    restricted";
    text.map(|text| Kind::parse(text).ok_or(Error::Invalid { field: "kind", expected })).transpose()
}

fn target(text: Option<&str>) -> Result<Option<Number>> {
    let expected = "must be a phone number, or absent for everyone";
    text.map(|text| Number::parse(text).ok_or(Error::Invalid { field: "target", expected })).transpose()
}

/// Trouble that shuts devices out ends the connections that they have.
fn cut(state: &mut Net, kind: Kind, target: Option<Number>) {
    if matches!(kind, Kind::Offline | Kind::Ban | Kind::Outdated) {
        state.outlets.retain(|device, _| target.is_some_and(|number| number != device.number));
    }
}

fn wake_phones(state: &mut Net) {
    for number in state.phones.numbers() {
        state.wake_phone(number);
    }
}

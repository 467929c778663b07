//! Calls on phones, and trouble on the way of their sound.

use std::time::{Duration, Instant};

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use wago_contract::phone::call as shape;

use super::{
    Control,
    answer::{Answer, Body, number},
    phones::at,
};
use crate::{
    Error,
    phone::{calls, sound::RATE},
    relay::Plan,
};

pub(super) async fn act(
    State(control): State<Control>,
    Path((phone, action)): Path<(String, String)>,
    Body(wish): Body<shape::Act>,
) -> Answer<Json<shape::Call>> {
    let (_, call) = at(&control, Path(phone), |phone, state| calls::act(phone, state, &action, &wish))?;
    Ok(Json(call))
}

pub(super) async fn list(State(control): State<Control>, path: Path<String>) -> Answer<Json<Vec<shape::Call>>> {
    let number = number(path)?;
    Ok(Json(control.core.step(|state| state.phones.get(number).map(calls::list))?))
}

/// A WAV file of what the phone heard so far.
pub(super) async fn recording(
    State(control): State<Control>,
    Path((phone, id)): Path<(String, String)>,
) -> Answer<Response> {
    let number = number(Path(phone))?;
    let samples = control.core.step(|state| calls::recording(state.phones.get(number)?, &id))?;
    Ok(([(header::CONTENT_TYPE, "audio/wav")], wav(&samples)).into_response())
}

fn wav(samples: &[i16]) -> Vec<u8> {
    let bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - 36);
    let mut file = Vec::with_capacity(44 + samples.len() * 2);
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // PCM, of one channel.
    file.extend([1, 0, 1, 0]);
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 2).to_le_bytes());
    // Bytes of a sample of all channels, and bits of one.
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

pub(super) async fn trouble(State(control): State<Control>, Body(wish): Body<shape::Trouble>) -> Answer<StatusCode> {
    let rate = |field, rate: f64| {
        (0.0..=1.0).contains(&rate).then_some(rate).ok_or(Error::Invalid { field, expected: "must be 0 to 1" })
    };
    if wish.jitter_ms > 5_000 {
        return Err(Error::Invalid { field: "jitterMs", expected: "must be at most 5,000" }.into());
    }
    let silent = Duration::from_millis(wish.silent_ms.min(3_600_000));
    let plan = Plan {
        loss: rate("loss", wish.loss)?,
        duplicates: rate("duplicates", wish.duplicates)?,
        jitter: Duration::from_millis(wish.jitter_ms),
        silent_until: (!silent.is_zero()).then(|| Instant::now() + silent),
        seed: wish.seed,
    };
    let relay = control.core.step(|state| state.relay.clone());
    if relay.trouble(wish.call.as_deref(), plan) { Ok(StatusCode::NO_CONTENT) } else { Err(Error::UnknownCall.into()) }
}

pub(super) async fn end_trouble(State(control): State<Control>) -> StatusCode {
    let relay = control.core.step(|state| state.relay.clone());
    relay.trouble(None, Plan::default());
    StatusCode::NO_CONTENT
}

/// Packets of sound of a call that goes on, by device.
pub(super) async fn traffic(State(control): State<Control>, Path(id): Path<String>) -> Answer<Json<serde_json::Value>> {
    let traffic = control.core.step(|state| state.relay.traffic(&id));
    if traffic.is_empty() {
        return Err(Error::UnknownCall.into());
    }
    let devices =
        traffic.into_iter().map(|(device, traffic)| serde_json::json!({ "device": device, "packets": traffic }));
    Ok(Json(devices.collect()))
}

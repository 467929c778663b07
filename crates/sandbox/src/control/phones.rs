//! `/phones`: what a person does with a phone.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use http::StatusCode;
use serde::Deserialize;
use wago_contract::phone as shape;

use super::{
    Control,
    answer::{Answer, Body, number},
};
use crate::{
    Error, Number, Result,
    core::Core,
    device::DeviceId,
    pairing,
    phone::{self, Handset, link, outbound},
    state::State as Net,
};

/// In one answer.
const MESSAGES_MAX: usize = 1_000;

pub(super) async fn list(State(control): State<Control>) -> Json<Vec<shape::Phone>> {
    Json(control.core.step(|state| {
        state.phones.numbers().into_iter().filter_map(|number| phone::describe(state, number).ok()).collect()
    }))
}

pub(super) async fn create(
    State(control): State<Control>,
    Body(new): Body<shape::NewPhone>,
) -> Answer<(StatusCode, Json<shape::Phone>)> {
    let number = new.number.ok_or(Error::Invalid { field: "number", expected: "is missing" })?;
    let name = new.name.unwrap_or_default();
    Ok((StatusCode::CREATED, Json(control.core.step(|state| phone::create(state, &number, &name))?)))
}

pub(super) async fn reinstall(State(control): State<Control>, path: Path<String>) -> Answer<Json<shape::Phone>> {
    let number = number(path)?;
    Ok(Json(control.core.step(|state| phone::reinstall(state, number))?))
}

pub(super) async fn link(
    State(control): State<Control>,
    path: Path<String>,
    Body(wanted): Body<shape::Link>,
) -> Answer<(StatusCode, Json<shape::Device>)> {
    let number = number(path)?;
    let core = &control.core;
    core.step(|state| state.phones.get(number).map(|_| ()))?;
    let device = match (wanted.qr, wanted.code) {
        (Some(qr), None) => link::by_qr(core, number, &qr, wanted.passkey).await?,
        (None, Some(code)) => link::by_code(core, number, &code, wanted.passkey).await?,
        _ => return Err(Error::Invalid { field: "qr", expected: "or code is needed, one of them" }.into()),
    };
    link::settled(core, device).await;
    linked(core, device)
}

fn linked(core: &Core, device: DeviceId) -> Answer<(StatusCode, Json<shape::Device>)> {
    let devices = core.step(|state| phone::devices(state, device.number))?;
    let linked = devices.into_iter().find(|linked| linked.id == device.device).ok_or(Error::UnknownDevice)?;
    Ok((StatusCode::CREATED, Json(linked)))
}

pub(super) async fn add_device(
    State(control): State<Control>,
    path: Path<String>,
    Body(new): Body<shape::NewDevice>,
) -> Answer<(StatusCode, Json<shape::Device>)> {
    let number = number(path)?;
    let name = new.name.unwrap_or_else(|| "Absent".to_owned());
    let device = control.core.step(|state| link::absent(state, number, &name))?;
    linked(&control.core, device)
}

pub(super) async fn lose_keys(State(control): State<Control>, path: Path<String>) -> Answer<StatusCode> {
    at(&control, path, |phone, state| {
        phone.lose_sender_keys(&state.journal);
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn devices(State(control): State<Control>, path: Path<String>) -> Answer<Json<Vec<shape::Device>>> {
    let number = number(path)?;
    Ok(Json(control.core.step(|state| phone::devices(state, number))?))
}

pub(super) async fn unlink(
    State(control): State<Control>,
    Path((phone, id)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let number = number(Path(phone))?;
    let device = id.parse().map_err(|_| Error::UnknownDevice)?;
    control.core.step(|state| {
        state.phones.get(number)?;
        if pairing::unlink(state, DeviceId { number, device }) { Ok(()) } else { Err(Error::UnknownDevice) }
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Does something at a phone that is there.
pub(super) fn at<T>(
    control: &Control,
    path: Path<String>,
    work: impl FnOnce(&mut Handset, &mut Net) -> Result<T>,
) -> Answer<(Number, T)> {
    let number = number(path)?;
    let done = control.core.step(|state| phone::with(state, number, work))?;
    Ok((number, done?))
}

fn needed(field: &'static str, value: Option<String>) -> Result<String> {
    value.filter(|value| !value.is_empty()).ok_or(Error::Invalid { field, expected: "is missing" })
}

fn sent(id: String) -> Json<shape::Sent> {
    Json(shape::Sent { id, timestamp: crate::now() })
}

pub(super) async fn react(
    State(control): State<Control>,
    path: Path<String>,
    Body(react): Body<shape::React>,
) -> Answer<Json<shape::Sent>> {
    let target = needed("id", react.id)?;
    let emoji = react
        .emoji
        .ok_or(Error::Invalid { field: "emoji", expected: "is missing; an empty one takes a reaction back" })?;
    Ok(sent(at(&control, path, |phone, state| outbound::react(phone, state, &target, &emoji))?.1))
}

pub(super) async fn vote(
    State(control): State<Control>,
    path: Path<String>,
    Body(vote): Body<shape::Vote>,
) -> Answer<Json<shape::Sent>> {
    let target = needed("id", vote.id)?;
    Ok(sent(at(&control, path, |phone, state| outbound::vote(phone, state, &target, &vote.options))?.1))
}

pub(super) async fn edit(
    State(control): State<Control>,
    path: Path<String>,
    Body(edit): Body<shape::Edit>,
) -> Answer<Json<shape::Sent>> {
    let (target, text) = (needed("id", edit.id)?, needed("text", edit.text)?);
    Ok(sent(at(&control, path, |phone, state| outbound::edit(phone, state, &target, &text))?.1))
}

pub(super) async fn delete(
    State(control): State<Control>,
    path: Path<String>,
    Body(delete): Body<shape::Delete>,
) -> Answer<Json<shape::Sent>> {
    let target = needed("id", delete.id)?;
    Ok(sent(at(&control, path, |phone, state| outbound::delete(phone, state, &target))?.1))
}

pub(super) async fn read(
    State(control): State<Control>,
    path: Path<String>,
    Body(read): Body<shape::Read>,
) -> Answer<Json<serde_json::Value>> {
    let ids = match read.id {
        Some(shape::OneOrMany::One(id)) => vec![id],
        Some(shape::OneOrMany::Many(ids)) => ids,
        None if read.chat.is_none() => return Err(Error::Invalid { field: "id", expected: "or chat is needed" }.into()),
        None => Vec::new(),
    };
    let (_, count) = at(&control, path, |phone, state| outbound::read(phone, state, &ids, read.chat.as_deref()))?;
    Ok(Json(serde_json::json!({ "read": count })))
}

pub(super) async fn typing(
    State(control): State<Control>,
    path: Path<String>,
    Body(typing): Body<shape::Typing>,
) -> Answer<StatusCode> {
    at(&control, path, |phone, state| outbound::typing(phone, state, &typing))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn presence(
    State(control): State<Control>,
    path: Path<String>,
    Body(presence): Body<shape::Presence>,
) -> Answer<StatusCode> {
    at(&control, path, |phone, state| outbound::presence(phone, state, &presence))?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    after: u64,
    chat: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn messages(
    State(control): State<Control>,
    path: Path<String>,
    Query(page): Query<Page>,
) -> Answer<Json<Vec<shape::Message>>> {
    let number = number(path)?;
    let messages = control.core.step(|state| {
        let chat = page.chat.map(|chat| outbound::chat(state, &chat)).transpose()?;
        let limit = page.limit.unwrap_or(MESSAGES_MAX).min(MESSAGES_MAX);
        Ok::<_, Error>(state.phones.get(number)?.messages.list(page.after, chat.as_deref(), limit))
    })?;
    Ok(Json(messages))
}

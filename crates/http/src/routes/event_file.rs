//! `GET /events/{id}/file`: the file of an inbound message, as long as it is here or on the shelf.

use std::path::Path as FilePath;

use axum::{
    body::Body,
    extract::{Path, State},
};
use http::{HeaderMap, Response};
use wago_store::EventFile;

use crate::{
    app::App,
    credentials::Session,
    error::ApiError,
    part::{self, Label},
    reply::Result,
};

pub(crate) async fn show(
    Path(id): Path<String>,
    Session(session): Session,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response<Body>> {
    let found = app.store.event_file(session.id, &id).await?.ok_or_else(ApiError::no_file)?;
    let answer = match &found {
        EventFile::Kept(file) => {
            let shelf = app.shelf.as_ref().ok_or_else(ApiError::file_gone)?;
            let label = Label { mimetype: &file.mimetype, name: &file.name };
            part::shelved(shelf, &file.place, file.size, label, &headers).await?
        }
        // It goes as soon as nobody waits for it.
        EventFile::Here { path, name, mimetype } => {
            part::here(FilePath::new(path), Label { mimetype, name }, &headers).await?
        }
        EventFile::Coming => return Err(ApiError::file_coming()),
        EventFile::Failed { reason } => return Err(ApiError::file_failed(reason)),
        EventFile::Gone => None,
    };
    answer.ok_or_else(ApiError::file_gone)
}

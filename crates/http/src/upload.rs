use axum::extract::{FromRequest, Request};
use sha2::Sha256;
use tokio::sync::OwnedSemaphorePermit;
use wago_contract::send::media::WithFiles;

use crate::{
    app::App,
    error::ApiError,
    intake::{self, Blob, Intake},
    reply::Result,
};

/// A body that may carry files, on a route that does not send a message: JSON with base64 in it, or a form.
pub(crate) struct Upload<T> {
    pub body: T,
    pub blobs: Vec<Blob>,
    /// Held while there are files.
    pub slot: OwnedSemaphorePermit,
}

impl<T: WithFiles> FromRequest<App> for Upload<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let slot = app.file_slot().ok_or_else(ApiError::overloaded)?;
        // Only sends that are repeated ask what a body was.
        let Intake { text, blobs } = intake::read(request, app, T::FILES, &mut Sha256::default()).await?;
        Ok(Self { body: T::read(text.fields()?)?, blobs, slot })
    }
}

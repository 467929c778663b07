use axum::{
    body::{Body as Stream, Bytes},
    extract::{FromRequest, Request},
};
use futures_util::StreamExt;
use http::header::CONTENT_LENGTH;
use wago_contract::payload::{Fields, Payload};

use crate::{app::App, error::ApiError, reply::Result};

/// Bytes beyond the limit that are read and dropped, so that a caller who is still writing gets to read the 413.
pub(crate) const DROPPED_MAX: usize = 4 << 20;

/// The request's body, read as what the route expects. Its `Content-Type` does not matter.
pub(crate) struct Body<T>(pub T);

impl<T: Payload> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let bytes = bytes(request, app).await?;
        Ok(Self(parse(&bytes)?))
    }
}

pub(crate) fn parse<T: Payload>(bytes: &[u8]) -> Result<T> {
    Ok(T::read(Fields::parse(bytes)?)?)
}

/// The whole body, within the limits of size and time.
pub(crate) async fn bytes(request: Request, app: &App) -> Result<Bytes> {
    let limit = app.limits.body_bytes;
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit.saturating_add(DROPPED_MAX)) {
        return Err(ApiError::body_too_large(limit));
    }
    tokio::time::timeout(app.limits.body_time, collect(request.into_body(), limit))
        .await
        .unwrap_or_else(|_| Err(ApiError::body_too_slow()))
}

async fn collect(body: Stream, limit: usize) -> Result<Bytes> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| ApiError::body_broken())?;
        length += chunk.len();
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        } else if length > limit.saturating_add(DROPPED_MAX) {
            break;
        }
    }
    if length > limit { Err(ApiError::body_too_large(limit)) } else { Ok(bytes.into()) }
}

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use wago_contract::payload::{Fields, Payload};

use crate::{app::App, body, error::ApiError, query::Parameters, reply::Result};

/// What is asked stands in the body, or else in the query: clients of WaGo's kind send a body with a GET.
pub(crate) struct Asked<T>(pub T);

impl<T: Payload> FromRequest<App> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (mut parts, stream) = request.into_parts();
        let query = Parameters::from_request_parts(&mut parts, app).await?;
        let bytes = body::bytes(Request::from_parts(parts, stream), app).await?;
        let fields = if bytes.is_empty() { query.fields() } else { Fields::parse(&bytes)? };
        Ok(Self(T::read(fields)?))
    }
}

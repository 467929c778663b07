use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use wago_contract::envelope::Success;

use crate::error::ApiError;

/// What a handler returns: the `data` of the envelope, or an error.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// The `data` of a successful reply.
pub(crate) struct Reply<T>(pub T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        Json(Success::new(self.0)).into_response()
    }
}

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use wago_contract::{
    envelope::{Success, Twice},
    message::Done,
};

use crate::error::ApiError;

/// What a handler returns: the `data` of the envelope, or an error.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// The `data` of a successful reply.
pub(crate) struct Reply<T>(pub T);

/// Of what has nothing to tell but that it was done.
pub(crate) type Answer = Result<Reply<Done>>;

pub(crate) fn done(details: &'static str) -> Answer {
    Ok(Reply(Done { details }))
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        Json(Success::new(self.0)).into_response()
    }
}

/// The `data` of a successful reply, which stands beside the envelope too.
pub(crate) struct Beside<T>(pub T);

impl<T: Serialize> IntoResponse for Beside<T> {
    fn into_response(self) -> Response {
        Json(Twice::new(&self.0)).into_response()
    }
}

//! How the control API reads and answers.

use axum::{
    Json,
    extract::{FromRequest, Path, Request, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{Method, StatusCode, Uri};
use serde::de::DeserializeOwned;
use wago_contract::phone::Failure;

use crate::{Error, Number};

pub(super) type Answer<T> = Result<T, Refused>;

/// An answer that is not 2xx.
pub(super) struct Refused(Box<Response>);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.0
    }
}

pub(super) fn failure(status: StatusCode, error: &str, field: Option<&str>) -> Refused {
    let body = Failure { code: status.as_u16(), error: error.to_owned(), field: field.map(str::to_owned) };
    Refused(Box::new((status, Json(body)).into_response()))
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Invalid { .. } | Error::WrongCode => StatusCode::BAD_REQUEST,
            Error::UnknownPhone
            | Error::UnknownDevice
            | Error::UnknownMessage
            | Error::UnknownCall
            | Error::UnknownRecipient
            | Error::UnknownGroup
            | Error::UnknownNewsletter
            | Error::NoBusiness
            | Error::NoPasskey
            | Error::NoFile
            | Error::NobodyWaits => StatusCode::NOT_FOUND,
            Error::PhoneExists | Error::CallState(_) | Error::PairingRefused(_) => StatusCode::CONFLICT,
            Error::Refused(_) | Error::FileDamaged => StatusCode::BAD_GATEWAY,
            // WhatsApp's codes are HTTP's.
            Error::GroupRefused { code, .. }
            | Error::NewsletterRefused { code, .. }
            | Error::RefusedAs { code, .. } => StatusCode::from_u16(*code).unwrap_or(StatusCode::BAD_GATEWAY),
            Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::FileLost => StatusCode::GONE,
            Error::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Error::Listen { .. }
            | Error::Journal { .. }
            | Error::Damaged { .. }
            | Error::Certificate(_)
            | Error::Files(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let field = match &error {
            Error::Invalid { field, .. } | Error::TooLarge { field } => Some(*field),
            _ => None,
        };
        failure(status, &error.to_string(), field)
    }
}

/// A JSON object as the request's body, whatever it says of its type.
pub(super) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection: BytesRejection| failure(rejection.status(), &rejection.body_text(), None))?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(bytes).map(Self).map_err(|error| {
            failure(
                StatusCode::BAD_REQUEST,
                &format!("the body is not the JSON object that is expected: {error}"),
                None,
            )
        })
    }
}

pub(super) fn number(Path(text): Path<String>) -> Answer<Number> {
    Number::parse(&text).ok_or_else(|| Error::UnknownPhone.into())
}

pub(super) async fn not_found(uri: Uri) -> Refused {
    failure(StatusCode::NOT_FOUND, &format!("there is no {}", uri.path()), None)
}

pub(super) async fn wrong_method(method: Method, uri: Uri) -> Refused {
    failure(StatusCode::METHOD_NOT_ALLOWED, &format!("{} does not take {method}", uri.path()), None)
}

//! Extractors that prove who asks. A handler that takes one cannot run without it.

use axum::extract::FromRequestParts;
use http::request::Parts;
use secrecy::SecretString;
use subtle::ConstantTimeEq;
use wago_contract::session::{TOKEN_MAX, without_spaces};

use crate::{
    app::{App, admin_token_hash},
    error::ApiError,
    query,
};

/// The caller showed the admin token: in the header `admintoken`, or as a bearer.
pub(crate) struct Admin;

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = header(parts, "admintoken").or_else(|| bearer(parts)).ok_or_else(ApiError::invalid_admin_token)?;
        if is_admin_token(app, &token) { Ok(Self) } else { Err(ApiError::invalid_admin_token()) }
    }
}

pub(crate) fn is_admin_token(app: &App, token: &str) -> bool {
    admin_token_hash(token).ct_eq(&app.admin_token_hash).into()
}

/// The caller showed the token of this session: in the header `token`, as `?token=`, or as a bearer.
pub(crate) struct Session(pub wago_store::Session);

impl FromRequestParts<App> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = header(parts, "token")
            .or_else(|| query::parameter(parts, "token"))
            .or_else(|| bearer(parts))
            .map(|token| without_spaces(&token))
            .filter(|token| (1..=TOKEN_MAX).contains(&token.len()))
            .ok_or_else(ApiError::invalid_token)?;
        let session = app.store.session_by_token(&SecretString::from(token)).await?;
        let session = session.ok_or_else(ApiError::invalid_token)?;
        tracing::Span::current().record("session", &session.name);
        Ok(Self(session))
    }
}

impl Session {
    /// Whether the request names a token at all.
    pub fn is_named(parts: &Parts) -> bool {
        header(parts, "token").is_some() || query::parameter(parts, "token").is_some() || bearer(parts).is_some()
    }
}

/// A header that is not plain text cannot be a token, but it was meant as one.
fn header(parts: &Parts, name: &str) -> Option<String> {
    parts.headers.get(name).map(|value| value.to_str().unwrap_or_default().to_owned())
}

fn bearer(parts: &Parts) -> Option<String> {
    let value = header(parts, "authorization")?;
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.to_owned())
}

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::{error::ApiError, query, reply::Result};

/// Items in one reply; the rest is on the next page.
const LIMIT_MAX: u64 = 10_000;
const PAGE_MAX: u64 = 1_000_000;

/// `?page`, from 1, and `?limit`: the part of a list that is asked for.
pub(crate) struct Page {
    pub offset: u64,
    pub limit: u64,
}

impl<S: Sync> FromRequestParts<S> for Page {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let limit = number(parts, "limit", LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
        let page = number(parts, "page", PAGE_MAX)?.unwrap_or(1);
        Ok(Self { offset: (page - 1) * limit, limit })
    }
}

pub(crate) fn number(parts: &Parts, name: &'static str, max: u64) -> Result<Option<u64>> {
    let Some(text) = query::parameter(parts, name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(Some(number)),
        _ => Err(ApiError::invalid(name, format!("{name} should be a whole number from 1 to {max}"))),
    }
}

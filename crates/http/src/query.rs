use std::ops::RangeInclusive;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use wago_contract::payload::{Fields, Part};

use crate::{error::ApiError, reply::Result};

/// The query's parameters; their names in any letter case.
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self::of(parts))
    }
}

impl Parameters {
    pub fn of(parts: &Parts) -> Self {
        Self(Query::try_from_uri(&parts.uri).map(|Query(pairs)| pairs).unwrap_or_default())
    }

    /// The first with this name that is not empty.
    pub fn first(&self, name: &str) -> Option<String> {
        self.all(name).next().map(str::to_owned)
    }

    /// All with this name; one may hold several, with commas between them.
    pub fn words(&self, name: &str) -> Vec<String> {
        let words = self.all(name).flat_map(|value| value.split(',')).map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    pub fn integer(&self, name: &'static str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        let Some(text) = self.first(name) else { return Ok(None) };
        match text.trim().parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (from, to) = range.into_inner();
                Err(ApiError::invalid(name, format!("{name} should be a whole number from {from} to {to}")))
            }
        }
    }

    /// All of them, as the fields of a form.
    pub fn fields(self) -> Fields {
        Fields::form(self.0.into_iter().map(|(name, value)| (name, Part::Text(value))))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |(key, value): &&(String, String)| key.eq_ignore_ascii_case(name) && !value.is_empty();
        self.0.iter().filter(named).map(|(_, value)| value.as_str())
    }
}

/// The first parameter of the query with this name, in any letter case, if it is not empty.
pub(crate) fn parameter(parts: &Parts, name: &str) -> Option<String> {
    Parameters::of(parts).first(name)
}
